package edge_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"p2pconnector/gateway"
	"p2pconnector/proto"
)

func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// wants401 checks that a handshake is refused before the upgrade.
func wants401(t *testing.T, e *edge, what, path string, h http.Header) {
	t.Helper()
	resp, body := e.refused(t, path, h)
	if resp.StatusCode != 401 || resp.Header.Get("WWW-Authenticate") != "Bearer" || !strings.Contains(body, "access token") {
		t.Errorf("%s: got %s, %v, %s; want 401 for a Bearer, with words about the access token", what, resp.Status, resp.Header, body)
	}
}

// TestToken_EachAlgorithm_IsAccepted: the gateway accepts the tokens of its own key file, of
// each kind, and no others, from each of the three places.
func TestToken_EachAlgorithm_IsAccepted(t *testing.T) {
	all, others := signers(t), signers(t)
	others["HS256"].key = randomSecret()
	for alg, s := range all {
		t.Run(alg, func(t *testing.T) {
			e := start(t, func(c *gateway.Config) { c.TokenKey = keyFile(t, s) })
			good := s.token(t, nil)
			e.open(t, "/", bearer(good)).alive()
			e.open(t, "/", http.Header{"Authorization": {"bearer " + good}}).alive()
			e.open(t, "/?access_token="+good, nil).alive()
			c := e.open(t, "/", http.Header{"Sec-WebSocket-Protocol": {"p2p.delta, p2p.token." + good}})
			c.alive()
			if got := c.Response.Header.Get("Sec-WebSocket-Protocol"); got != "p2p.delta" {
				t.Errorf("got protocol %q, want p2p.delta", got)
			}
			for what, token := range map[string]string{
				"none": "", "garbage": "garbage", "another key": others[alg].token(t, nil), "dots": "..", "long": strings.Repeat("x", 10_000),
				"expired":                 s.token(t, jwt.MapClaims{"exp": time.Now().Add(-time.Minute).Unix()}),
				"without exp":             s.token(t, jwt.MapClaims{"exp": nil}),
				"exp in milliseconds":     s.token(t, jwt.MapClaims{"exp": time.Now().Add(time.Hour).UnixMilli()}),
				"exp beyond all clocks":   s.token(t, jwt.MapClaims{"exp": 1e300}),
				"not yet":                 s.token(t, jwt.MapClaims{"nbf": time.Now().Add(time.Hour).Unix()}),
				"a long sub":              s.token(t, jwt.MapClaims{"sub": strings.Repeat("x", proto.MaxUserBytes+1)}),
				"cut":                     good[:len(good)-4],
				"other claims":            swapClaims(good, s.token(t, jwt.MapClaims{"sub": "root"})),
				"rooms of the wrong type": s.token(t, jwt.MapClaims{"p2p": map[string]any{"rooms": "a"}}),
			} {
				wants401(t, e, what, "/", bearer(token))
				if len(token) < 8000 {
					wants401(t, e, what, "/?access_token="+token, nil)
				}
			}
			for other, o := range others {
				if other != alg {
					wants401(t, e, other, "/", bearer(o.token(t, nil)))
				}
			}
			wants401(t, e, "no token", "/", nil)
		})
	}
}

// swapClaims returns token a with the claims of b.
func swapClaims(a, b string) string {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	return x[0] + "." + y[1] + "." + x[2]
}

// TestToken_OtherAlgorithmThanTheKeys_IsRefused: a public key does not count as a secret, nor "none" as
// a signature.
func TestToken_OtherAlgorithmThanTheKeys_IsRefused(t *testing.T) {
	s := signers(t)["RS256"]
	pem := publicPEM(t, s.public())
	e := start(t, func(c *gateway.Config) { c.TokenKey = file(t, pem) })
	for what, secret := range map[string][]byte{"PEM": pem, "PEM without its end": []byte(strings.TrimSpace(string(pem)))} {
		forged := (&signer{method: jwt.SigningMethodHS256, key: secret}).token(t, nil)
		wants401(t, e, "HS256 with the "+what, "/", bearer(forged))
	}
	none := (&signer{method: jwt.SigningMethodNone, key: jwt.UnsafeAllowNoneSignatureType}).token(t, nil)
	wants401(t, e, "none", "/", bearer(none))
	ps := (&signer{method: jwt.SigningMethodPS256, key: s.key}).token(t, nil)
	wants401(t, e, "PS256 with the right key", "/", bearer(ps))
	e.open(t, "/", bearer(s.token(t, nil))).alive()
}

// TestToken_IssuerAndAudience_AreChecked: the gateway checks both when they are configured.
func TestToken_IssuerAndAudience_AreChecked(t *testing.T) {
	s := signers(t)["HS256"]
	e := start(t, func(c *gateway.Config) {
		c.TokenKey, c.TokenIssuer, c.TokenAudience = keyFile(t, s), "https://id.example", "p2p"
	})
	right := jwt.MapClaims{"iss": "https://id.example", "aud": []string{"other", "p2p"}}
	e.open(t, "/", bearer(s.token(t, right))).alive()
	for what, claims := range map[string]jwt.MapClaims{
		"neither": nil, "another issuer": {"iss": "https://evil.example", "aud": "p2p"},
		"another audience": {"iss": "https://id.example", "aud": "other"}, "no audience": {"iss": "https://id.example"},
	} {
		wants401(t, e, what, "/", bearer(s.token(t, claims)))
	}
}

// TestJWKS_KeysChange_AreFetched: keys come from a URL. The gateway fetches a new key when it is first
// used, and refuses a removed key from then on. Unknown keys neither cause a
// fetch each time nor delay other clients.
func TestJWKS_KeysChange_AreFetched(t *testing.T) {
	all := signers(t)
	for alg, s := range all {
		s.kid = "key-" + alg
	}
	old, fresh, secret := all["RS256"], all["ES256"], all["HS256"]
	set := newJWKS(t, old, secret)
	e := start(t, func(c *gateway.Config) { c.TokenJWKS = set.URL })
	e.open(t, "/", bearer(old.token(t, nil))).alive()
	wants401(t, e, "a secret in a JWKS", "/", bearer(secret.token(t, nil)))
	confused := &signer{method: jwt.SigningMethodHS256, key: publicPEM(t, old.public()), kid: old.kid}
	wants401(t, e, "HS256 with the public key", "/", bearer(confused.token(t, nil)))

	set.rotate(fresh, all["EdDSA"])
	e.open(t, "/", bearer(fresh.token(t, nil))).alive()
	e.open(t, "/", bearer(all["EdDSA"].token(t, nil))).alive()
	wants401(t, e, "a key that was taken away", "/", bearer(old.token(t, nil)))

	fetched := set.fetched()
	began := time.Now()
	for i := range 20 {
		stranger := *all["EdDSA"]
		stranger.kid = fmt.Sprint("stranger-", i)
		wants401(t, e, "an invented key", "/", bearer(stranger.token(t, nil)))
	}
	if n, took := set.fetched()-fetched, time.Since(began); n > 2+int(took/(10*time.Second)) {
		t.Errorf("20 unknown keys: got %d fetches of the set within %v, want few", n, took)
	} else if took > 20*4*time.Second {
		t.Errorf("20 unknown keys: got answers after %v, want no delay", took)
	}
}

// TestJWKS_Unavailable_KnownKeysStillWork: a key server that is unavailable at the start keeps all clients
// out until it is back; one that becomes unavailable later keeps nobody out.
func TestJWKS_Unavailable_KnownKeysStillWork(t *testing.T) {
	s := signers(t)["EdDSA"]
	s.kid = "k"
	set := newJWKS(t, s)
	e := start(t, func(c *gateway.Config) { c.TokenJWKS = set.URL })
	set.Close()
	e.open(t, "/", bearer(s.token(t, nil))).alive()
	other := start(t, func(c *gateway.Config) { c.TokenJWKS = set.URL })
	wants401(t, other, "no keys", "/", bearer(s.token(t, nil)))
}

// TestToken_Expires_ClosesTheConnection: a connection ends with 4001 when its token expires, unless it
// received a fresh token of the same user.
func TestToken_Expires_ClosesTheConnection(t *testing.T) {
	s := signers(t)["HS256"]
	e := start(t, func(c *gateway.Config) { c.TokenKey = keyFile(t, s) })
	soon := func() jwt.MapClaims { return jwt.MapClaims{"exp": time.Now().Add(3 * time.Second).Unix()} }
	left, renewed := e.open(t, "/", bearer(s.token(t, soon()))), e.open(t, "/", bearer(s.token(t, soon())))

	authenticate := func(token string) frame {
		renewed.send(fmt.Sprintf(`{"event":"Authenticate","data":{"token":%q},"id":1}`, token))
		return renewed.next()
	}
	if f := authenticate(s.token(t, jwt.MapClaims{"sub": "bob"})); f.Event != string(proto.Unauthorised) {
		t.Errorf("another user's token: got %s, want a refusal", f.raw)
	}
	if f := authenticate("garbage"); f.Event != string(proto.Unauthorised) || strings.Contains(string(f.raw), "garbage") {
		t.Errorf("garbage: got %s, want a refusal", f.raw)
	}
	if f := authenticate(s.token(t, jwt.MapClaims{"exp": time.Now().Add(time.Hour).UnixMilli()})); f.Event != string(proto.Unauthorised) {
		t.Errorf("exp in milliseconds: got %s, want a refusal", f.raw) // a date that JSON cannot hold
	}
	renewed.send(`{"event":"Authenticate","data":{"token":5}}`)
	if f := renewed.expect(string(proto.MissingFields)); f.data(t).Field != "data.token" {
		t.Errorf("a token that is a number: got %s, want a refusal", f.raw)
	}
	exp := time.Now().Add(time.Hour).Truncate(time.Second)
	f := authenticate(s.token(t, jwt.MapClaims{"exp": exp.Unix()}))
	var d proto.AuthenticatedData
	must(t, json.Unmarshal(f.Data, &d))
	if f.Event != string(proto.Authenticated) || !d.Expires.Equal(exp) || string(f.ID) != "1" {
		t.Errorf("a fresh token: got %s, want Authenticated", f.raw)
	}
	left.closed(proto.CloseToken)
	renewed.alive()
	open := start(t, nil).open(t, "/", nil)
	open.send(`{"event":"Authenticate","data":{"token":"x"}}`)
	open.expect(string(proto.Unauthorised))
}
