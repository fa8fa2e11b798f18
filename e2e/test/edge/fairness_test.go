package edge_test

import (
	"fmt"
	"net/http"
	"testing"

	"p2pconnector/e2e/kit/raw"
	"p2pconnector/gateway"
	"p2pconnector/proto"
)

// behindProxy returns the headers of a handshake that a trusted proxy forwards for a
// client.
func behindProxy(client string) http.Header { return http.Header{"X-Forwarded-For": {client}} }

// honest opens one connection for each of n addresses and returns how many were
// accepted.
func honest(t *testing.T, e *edge, n int) (in int) {
	t.Helper()
	for i := range n {
		c, resp, err := raw.Dial(t.Context(), e.addr, "/", behindProxy(fmt.Sprintf("198.51.100.%d", i+1)))
		if err != nil {
			t.Logf("address %d: %v", i+1, err)
			if resp != nil {
				_ = resp.Body.Close()
			}
			continue
		}
		t.Cleanup(func() { _ = c.Close() })
		in++
	}
	return in
}

// TestConnectsPerSecond_AddressAtItsLimit_DeniesNobodyElse repeats handshakes from one
// address that has all the connections that it may have: they must not use up the
// connects per second of the others.
func TestConnectsPerSecond_AddressAtItsLimit_DeniesNobodyElse(t *testing.T) {
	const perSecond, others = 60, 60
	e := start(t, func(c *gateway.Config) {
		c.TrustedProxies, c.MaxPerAddress, c.ConnectsPerSecond, c.ConnectsPerAddr = "127.0.0.0/8", 1, perSecond, -1
	})
	e.open(t, "/", behindProxy("203.0.113.7"))
	for i := range 5 * perSecond {
		if resp, _ := e.refused(t, "/", behindProxy("203.0.113.7")); resp.StatusCode != http.StatusTooManyRequests {
			t.Fatalf("handshake %d of the full address: got status %d, want 429", i+1, resp.StatusCode)
		}
	}
	if in := honest(t, e, others); in != others {
		t.Errorf("honest handshakes accepted: got %d of %d, want all", in, others)
	}
}

// TestConnectsPerAddress_OneAddressTooFast_Gets429_OthersGetIn bounds how often one
// address may connect, whatever the outcome of its connections.
func TestConnectsPerAddress_OneAddressTooFast_Gets429_OthersGetIn(t *testing.T) {
	const perAddress, others = 1, 60
	e := start(t, func(c *gateway.Config) {
		c.TrustedProxies, c.ConnectsPerSecond, c.ConnectsPerAddr = "127.0.0.0/8", 60, perAddress
	})
	refused := 0
	for i := range 600 {
		// One /64 is one client.
		c, resp, err := raw.Dial(t.Context(), e.addr, "/", behindProxy(fmt.Sprintf("2001:db8:1:2::%x", i+1)))
		if err == nil {
			_ = c.Close()
			continue
		}
		if resp == nil || resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") == "" {
			t.Fatalf("handshake %d: got %v, want status 429 with Retry-After", i+1, resp)
		}
		_ = resp.Body.Close()
		refused++
	}
	if refused == 0 {
		t.Error("handshakes of one address refused: got none of 600, want most")
	}
	if in := honest(t, e, others); in != others {
		t.Errorf("honest handshakes accepted: got %d of %d, want all", in, others)
	}
}

// TestTokenFailures_OneAddressTooMany_Gets429_OthersGetIn bounds how many access tokens
// of one address are checked in vain. It does not touch those who are connected.
func TestTokenFailures_OneAddressTooMany_Gets429_OthersGetIn(t *testing.T) {
	const perAddress = 2
	s := signers(t)["HS256"]
	e := start(t, func(c *gateway.Config) {
		c.TokenKey, c.TrustedProxies, c.TokenFailuresPerAddr = keyFile(t, s), "127.0.0.0/8", perAddress
	})
	from := func(addr, token string) http.Header {
		h := behindProxy(addr)
		h.Set("Authorization", "Bearer "+token)
		return h
	}
	good := s.token(t, nil)
	const addr = "2001:db8:1:2::1"
	in := e.open(t, "/", from(addr, good))
	limited := false
	for i := 0; i < 600 && !limited; i++ {
		resp, body := e.refused(t, "/", from(fmt.Sprintf("2001:db8:1:2::%x", i+2), "wrong")) // one /64 is one client
		limited = resp.StatusCode == http.StatusTooManyRequests
		if want := resp.StatusCode == http.StatusUnauthorized; !want && !limited || i < 2*perAddress && limited {
			t.Fatalf("wrong token %d: got %s %s, want 401, and 429 after %d", i+1, resp.Status, body, 2*perAddress)
		}
	}
	if !limited {
		t.Fatal("wrong tokens of one address: got 600 checked, want 429")
	}
	if resp, body := e.refused(t, "/", behindProxy(addr)); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a token: got %s %s, want 401", resp.Status, body)
	}
	e.open(t, "/", from("2001:db8:1:3::1", good)).alive()
	in.send(fmt.Sprintf(`{"event":"Authenticate","data":{"token":%q}}`, good))
	if f := in.next(); f.Event != string(proto.Authenticated) {
		t.Errorf("Authenticate of a client of the limited address: got %s, want Authenticated", f.raw)
	}
}

// TestAuthenticate_ManyWrongTokens_LimitsTheConnectionAlone: what one client sends does not
// keep others of its address from connecting.
func TestAuthenticate_ManyWrongTokens_LimitsTheConnectionAlone(t *testing.T) {
	s := signers(t)["HS256"]
	e := start(t, func(c *gateway.Config) { c.TokenKey, c.TokenFailuresPerAddr = keyFile(t, s), 1 })
	header := http.Header{"Authorization": {"Bearer " + s.token(t, nil)}}
	in := e.open(t, "/", header)
	limited := false
	for i := 0; i < 100 && !limited; i++ {
		in.send(`{"event":"Authenticate","data":{"token":"wrong"}}`)
		f := in.next()
		limited = f.Event == string(proto.RateLimited)
		if ms := f.data(t).RetryAfterMS; limited && (ms < 1 || ms > 1000) {
			t.Errorf("retry_after_ms: got %d, want 1 to 1000", ms)
		}
	}
	if !limited {
		t.Error("100 wrong tokens in Authenticate: got all checked, want Rate_Limited")
	}
	e.open(t, "/", header).alive()
}
