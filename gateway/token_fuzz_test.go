package gateway

import (
	"crypto/ed25519"
	"encoding/base64"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"p2pconnector/proto"
)

// FuzzSessionToken takes a signed token apart and puts it together with other
// text: only what the key signed may be accepted.
func FuzzSessionToken(f *testing.F) {
	set, err := parseKeys("first secret of the test,second secret of the test")
	if err != nil {
		f.Fatal(err)
	}
	var k keyring
	k.set.Store(set)
	// Nothing here may differ between the processes of a fuzz run.
	const g proto.GatewayID = "5f0c3a9e"
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	good := k.sign(sessionToken{Peer: "5f0c3a9e-6b1d-8e42-9a77-30d1c2b4a5f6", Holder: g, Count: 3, Rooms: []proto.RoomID{"tea"}, User: "ann", Issued: now.Unix()})
	parts := strings.Split(good, ".")
	for _, s := range []string{good, "", "...", good + ".", good[:len(good)-1], "s2" + good[2:], strings.Replace(good, parts[1], set.Keys[1].ID, 1), parts[0] + "." + parts[1] + ".e30." + parts[3]} {
		f.Add(s, 0, "")
	}
	f.Add(good, 40, "AA")
	f.Fuzz(func(t *testing.T, token string, at int, with string) {
		if at > 0 && at+len(with) <= len(token) {
			token = token[:at] + with + token[at+len(with):]
		}
		got, err := k.verify(token, now)
		if err != nil {
			return
		}
		if !sameToken(token, good) {
			t.Fatalf("accepted %q", token)
		}
		if got.Count != 3 || got.User != "ann" {
			t.Fatalf("read as %+v", got)
		}
	})
}

// sameToken reports whether two tokens are equal but for the bits of base64 that
// say nothing, and for line breaks that its decoder skips.
func sameToken(a, b string) bool {
	drop := strings.NewReplacer("\r", "", "\n", "")
	x, y := strings.Split(drop.Replace(a), "."), strings.Split(b, ".")
	if len(x) != len(y) {
		return false
	}
	for i := range x {
		if x[i] == y[i] {
			continue
		}
		p, err := base64.RawURLEncoding.DecodeString(x[i])
		q, _ := base64.RawURLEncoding.DecodeString(y[i])
		if err != nil || string(p) != string(q) || i != len(x)-1 {
			return false
		}
	}
	return true
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
	byName, err := newVerifier(f.Context(), &Config{TokenKey: name})
	if err != nil {
		f.Fatal(err)
	}
	byKey := &verifier{parser: jwt.NewParser(jwt.WithValidMethods([]string{"EdDSA"}), jwt.WithExpirationRequired()),
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
		for v, good := range map[*verifier]string{byName: hs, byKey: ed} {
			a, err := v.verify(token)
			if err != nil {
				continue
			}
			if !sameToken(token, good) {
				t.Fatalf("accepted %q", token)
			}
			if a.user != "ann" || !a.may(canJoin, "a-1") || a.may(canJoin, "b") || a.may(canCreate, "a-1") {
				t.Fatalf("read as %+v", a)
			}
		}
	})
}

// FuzzHandshakeHeaders reads headers as a client may write them: nothing may
// panic, and nothing that is no token of HTTP may come back in the answer.
func FuzzHandshakeHeaders(f *testing.F) {
	f.Add("https://*.example.com,http://localhost:*,null", "https://a.example.com", "p2p.delta, p2p.token.x", "updates=delta", "1.2.3.4, ::1")
	f.Add("http://[::1]:80,*", "http://[::1]", "a\r\nX: y", "access_token=%zz", "::ffff:1.2.3.4%eth0")
	f.Add("https://a:b@c", "https://a@b/c?d#e", ",,\"", "&&&", ",")
	f.Fuzz(func(t *testing.T, allowed, origin, protocols, query, forwarded string) {
		r := &http.Request{Method: http.MethodGet, Host: "gateway.example", RemoteAddr: "10.0.0.1:1234", URL: &url.URL{Path: "/", RawQuery: query},
			Header: http.Header{"Origin": {origin}, "Sec-Websocket-Protocol": {protocols}, "X-Forwarded-For": {forwarded}}}
		if o, err := parseOrigins(allowed); err == nil && o.allow(r) && !o.any && allowed == "" &&
			!strings.EqualFold(strings.TrimPrefix(strings.TrimPrefix(strings.ToLower(origin), "http://"), "https://"), r.Host) && sameHost(origin) != r.Host {
			t.Errorf("origin %q is taken for %s", origin, r.Host)
		}
		sub, delta := chooseProtocol(r)
		if sub != "" && (!httpToken(sub) || strings.HasPrefix(sub, tokenProtocol) || strings.ContainsAny(sub, "\r\n ,")) {
			t.Errorf("%q is answered with %q", protocols, sub)
		}
		if delta && !strings.Contains(protocols+query, "delta") && !strings.Contains(query, "%") {
			t.Errorf("%q, %q ask for deltas", protocols, query)
		}
		tokenOf(r)
		a, err := newAdmission(&Config{TrustedProxies: "10.0.0.0/8", MaxPerAddress: 1})
		if err != nil {
			t.Fatal(err)
		}
		leave, status := a.admit(r)
		if status != 0 {
			t.Fatalf("the first is refused with %d", status)
		}
		if _, status := a.admit(r); status != http.StatusTooManyRequests {
			t.Errorf("the second of one address is answered %d", status)
		}
		if leave(); len(a.addrs) != 0 || a.total != 0 {
			t.Errorf("left behind: %v, %d", a.addrs, a.total)
		}
	})
}

// sameHost is the host of an origin that has more than browsers put there.
func sameHost(origin string) string {
	u, err := url.Parse(strings.ToLower(origin))
	if err != nil {
		return ""
	}
	return u.Host
}
