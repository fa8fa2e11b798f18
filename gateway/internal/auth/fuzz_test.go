package auth

import (
	"crypto/ed25519"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// FuzzSessionToken combines parts of a signed token with other text: only tokens that the
// key signed may be accepted.
func FuzzSessionToken(f *testing.F) {
	const secrets = "first secret of the test,second secret of the test"
	k, set := configured(f, secrets), keysOf(f, secrets)
	// Nothing here may differ between the processes of a fuzz run.
	const g proto.GatewayID = "5f0c3a9e"
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	good := k.Sign(SessionToken{Peer: "5f0c3a9e-6b1d-8e42-9a77-30d1c2b4a5f6", TokenRef: bus.TokenRef{Owner: g, Number: 3}, Rooms: []proto.RoomID{"tea"}, User: "ann"}, now)
	parts := strings.Split(good, ".")
	for _, s := range []string{good, "", "...", good + ".", good[:len(good)-1], "s1" + good[2:], strings.Replace(good, parts[1], set.Keys[1].ID, 1), parts[0] + "." + parts[1] + ".e30." + parts[3]} {
		f.Add(s, 0, "")
	}
	f.Add(good, 40, "AA")
	f.Fuzz(func(t *testing.T, token string, at int, with string) {
		if at > 0 && at+len(with) <= len(token) {
			token = token[:at] + with + token[at+len(with):]
		}
		got, err := k.Verify(token, now)
		if err != nil {
			return
		}
		if token != good {
			t.Fatalf("%q: got accepted, want refused", token)
		}
		if got.Number != 3 || got.User != "ann" {
			t.Fatalf("got %+v, want what was signed", got)
		}
	})
}

// FuzzAccessToken is the same for access tokens, with a secret and with a public key.
func FuzzAccessToken(f *testing.F) {
	private := ed25519.NewKeyFromSeed([]byte("the seed of a key for this test."))
	public := private.Public().(ed25519.PublicKey)
	secret := []byte("a secret of more than 32 bytes, for tests")
	name := filepath.Join(f.TempDir(), "secret")
	if err := os.WriteFile(name, secret, 0o600); err != nil {
		f.Fatal(err)
	}
	byName, err := NewVerifier(f.Context(), VerifierConfig{KeyFile: name})
	if err != nil {
		f.Fatal(err)
	}
	byKey := &Verifier{parser: jwt.NewParser(jwt.WithValidMethods([]string{"EdDSA"}), jwt.WithExpirationRequired(), jwt.WithStrictDecoding()),
		key: func(*jwt.Token) (any, error) { return public, nil }}
	claims := jwt.MapClaims{"sub": "ann", "exp": time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), "p2p": map[string]any{"rooms": []string{"a-*"}, "can": []string{"join"}}}
	signed := func(m jwt.SigningMethod, key any) string {
		s, err := jwt.NewWithClaims(m, claims).SignedString(key)
		if err != nil {
			f.Fatal(err)
		}
		return s
	}
	hs, ed := signed(jwt.SigningMethodHS256, secret), signed(jwt.SigningMethodEdDSA, private)
	none := signed(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType)
	forged := signed(jwt.SigningMethodHS256, []byte(public))
	for _, s := range []string{hs, ed, none, forged, "", "..", "a.b.c", hs + "=", strings.Repeat("x.", 5000)} {
		f.Add(s, 0, "")
	}
	f.Add(hs, 30, "AAAA")
	f.Fuzz(func(t *testing.T, token string, at int, with string) {
		if at > 0 && at+len(with) <= len(token) {
			token = token[:at] + with + token[at+len(with):]
		}
		for v, good := range map[*Verifier]string{byName: hs, byKey: ed} {
			a, err := v.Verify(token)
			if err != nil {
				continue
			}
			if token != good {
				t.Fatalf("%q: got accepted, want refused", token)
			}
			if a.User != "ann" || !a.May(CanJoin, "a-1") || a.May(CanJoin, "b") || a.May(CanCreate, "a-1") {
				t.Fatalf("got %+v, want what was signed", a)
			}
		}
	})
}

// FuzzRequestToken parses headers as a client may write them: nothing may panic.
func FuzzRequestToken(f *testing.F) {
	f.Add("Bearer x", "p2p.delta, p2p.token.x", "updates=delta")
	f.Add("bearer", "a\r\nX: y", "access_token=%zz")
	f.Add("", ",,\"", "&&&")
	f.Fuzz(func(t *testing.T, authorization, protocols, query string) {
		got := RequestToken(&http.Request{URL: &url.URL{Path: "/", RawQuery: query},
			Header: http.Header{"Authorization": {authorization}, "Sec-Websocket-Protocol": {protocols}}})
		if got != "" && !strings.Contains(authorization+" "+protocols, got) && !strings.Contains(query, "access_token") && !strings.Contains(query, "%") {
			t.Errorf("%q, %q, %q: got token %q, want one of these", authorization, protocols, query, got)
		}
	})
}
