package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"p2pconnector/proto"
)

// secretFile writes a secret to a file and returns the file's name.
func secretFile(t testing.TB, secret string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(name, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func newVerifier(t testing.TB, cfg VerifierConfig) *Verifier {
	t.Helper()
	cfg.Logger = slog.New(slog.DiscardHandler)
	v, err := NewVerifier(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestVerifier_ListsOfAToken_MissingIsAllAndEmptyIsNone: a list that is missing allows
// everything, and an empty list nothing.
func TestVerifier_ListsOfAToken_MissingIsAllAndEmptyIsNone(t *testing.T) {
	const secret = "a secret of more than 32 bytes, for tests"
	v := newVerifier(t, VerifierConfig{KeyFile: secretFile(t, secret)})
	for name, c := range map[string]struct {
		p2p   any
		rooms []string
		can   []Grant
	}{
		"no p2p":      {nil, nil, nil},
		"no lists":    {map[string]any{}, nil, nil},
		"null":        {map[string]any{"rooms": nil, "can": nil}, nil, nil},
		"empty lists": {map[string]any{"rooms": []string{}, "can": []string{}}, []string{}, []Grant{}},
		"lists":       {map[string]any{"rooms": []string{"a-*"}, "can": []string{"join", "fly"}}, []string{"a-*"}, []Grant{CanJoin, "fly"}},
	} {
		token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"sub": "ann", "exp": time.Now().Add(time.Hour).Unix(), "p2p": c.p2p}).SignedString([]byte(secret))
		if err != nil {
			t.Fatal(err)
		}
		a, err := v.Verify(token)
		if err != nil {
			t.Errorf("%s: got %v, want it verified", name, err)
			continue
		}
		if !reflect.DeepEqual(a.Rooms, c.rooms) || !reflect.DeepEqual(a.Can, c.can) { // nil is not empty
			t.Errorf("%s: got rooms %#v, grants %#v; want %#v, %#v", name, a.Rooms, a.Can, c.rooms, c.can)
		}
		if got, want := a.May(CanJoin, "a-1"), name != "empty lists"; got != want {
			t.Errorf("%s: join a-1: got %v, want %v", name, got, want)
		}
		if got, want := a.Covers("b"), c.rooms == nil; got != want {
			t.Errorf("%s: covers b: got %v, want %v", name, got, want)
		}
	}
}

func TestVerifier_IssuedToken_IsWhatWasIssued(t *testing.T) {
	file := secretFile(t, "a secret of more than 32 bytes, for tests")
	v := newVerifier(t, VerifierConfig{KeyFile: file, Issuer: "me", Audience: "p2p"})
	now := time.Now()
	good := Claims{User: "ann", Life: time.Hour, Rooms: []string{"a"}, Can: []Grant{CanJoin}, Issuer: "me", Audience: "p2p"}
	for name, c := range map[string]struct {
		change func(*Claims)
		at     time.Time
		ok     bool
	}{
		"good":             {func(*Claims) {}, now, true},
		"another issuer":   {func(c *Claims) { c.Issuer = "you" }, now, false},
		"no issuer":        {func(c *Claims) { c.Issuer = "" }, now, false},
		"another audience": {func(c *Claims) { c.Audience = "them" }, now, false},
		"expired":          {func(*Claims) {}, now.Add(-2 * time.Hour), false},
		"never expires":    {func(*Claims) {}, now.AddDate(9000, 0, 0), false},
		"a long name":      {func(c *Claims) { c.User = strings.Repeat("x", proto.MaxUserBytes+1) }, now, false},
	} {
		claims := good
		c.change(&claims)
		token, err := Issue(file, claims, c.at)
		if err != nil {
			t.Fatal(err)
		}
		a, err := v.Verify(token)
		if (err == nil) != c.ok || err != nil && !errors.Is(err, ErrAccess) {
			t.Errorf("%s: got %v, want verified %v", name, err, c.ok)
			continue
		}
		if want := (&Access{User: "ann", Expires: time.Unix(now.Add(time.Hour).Unix(), 0), Rooms: good.Rooms, Can: good.Can}); c.ok && !reflect.DeepEqual(a, want) {
			t.Errorf("%s: got %+v, want %+v", name, a, want)
		}
	}
}

func TestNewVerifier_BadKey_IsRefusedWithoutShowingIt(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(curve)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(block string, b []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: block, Bytes: b}))
	}
	for name, content := range map[string]string{
		"a short secret":     "hunter2",
		"a small RSA key":    encode("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(small)),
		"unsupported curve":  encode("EC PRIVATE KEY", der),
		"a block of no keys": encode("CERTIFICATE", []byte("hunter2")),
	} {
		_, err := NewVerifier(t.Context(), VerifierConfig{KeyFile: secretFile(t, content)})
		if err == nil || !strings.HasPrefix(err.Error(), "token-key:") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v, want an error of token-key", name, err)
		}
	}
}

// trailingBits returns 32 bytes in base64url with a different last character. Its two low
// bits, which a lenient decoder ignores, are the only difference.
func trailingBits(s string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, s[len(s)-1])
	return s[:len(s)-1] + alphabet[last^1:last^1+1]
}

func TestVerify_CritOrAnotherSpelling_IsRefused(t *testing.T) {
	const secret = "a secret of more than 32 bytes, for tests"
	v := newVerifier(t, VerifierConfig{KeyFile: secretFile(t, secret)})
	signed := func(header map[string]any) string {
		token := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"sub": "ann", "exp": time.Now().Add(time.Hour).Unix()})
		for name, value := range header {
			token.Header[name] = value
		}
		s, err := token.SignedString([]byte(secret))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	good := signed(map[string]any{"kid": "1", "crit2": "x"})
	if _, err := v.Verify(good); err != nil {
		t.Errorf("without crit: got %v, want it verified", err)
	}
	for name, token := range map[string]string{
		"crit":          signed(map[string]any{"crit": []string{"exp"}}),
		"empty crit":    signed(map[string]any{"crit": []string{}}),
		"null crit":     signed(map[string]any{"crit": nil}),
		"trailing bits": trailingBits(good),
		"padding":       good + "=",
		"a line break":  good + "\n",
	} {
		if _, err := v.Verify(token); !errors.Is(err, ErrAccess) {
			t.Errorf("%s: got %v, want %v", name, err, ErrAccess)
		}
	}
}

// TestVerify_LongToken_IsRefusedAboveTheEdge: a token has at most 8,192 bytes.
func TestVerify_LongToken_IsRefusedAboveTheEdge(t *testing.T) {
	const most = 8192
	const secret = "a secret of more than 32 bytes, for tests"
	v := newVerifier(t, VerifierConfig{KeyFile: secretFile(t, secret)})
	signed := func(pad, more int) string {
		token := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"sub": "ann", "exp": time.Now().Add(time.Hour).Unix(), "pad": strings.Repeat("x", more)})
		token.Header["pad"] = strings.Repeat("x", pad)
		s, err := token.SignedString([]byte(secret))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	seen := map[int]bool{}
	base := (most - len(signed(0, 0))) / 4 * 3
	for pad := base - 6; pad < base+6; pad++ {
		for more := range 3 { // base64 has no texts of some lengths
			s := signed(pad, more)
			seen[len(s)] = true
			if _, err := v.Verify(s); (err == nil) != (len(s) <= most) {
				t.Errorf("%d bytes: got error %v, want one above %d", len(s), err, most)
			}
		}
	}
	if !seen[most] || !seen[most+1] {
		t.Errorf("got tokens of %v bytes, want %d and %d among them", slices.Sorted(maps.Keys(seen)), most, most+1)
	}
}
