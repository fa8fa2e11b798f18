package edge_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"p2pconnector/e2e/kit/raw"
	"p2pconnector/gateway"
	"p2pconnector/proto"
)

// TestHandshake_EachRequest_HasItsStatus: the gateway accepts valid handshakes of any spelling, and answers others
// with the reason.
func TestHandshake_EachRequest_HasItsStatus(t *testing.T) {
	e := start(t, nil)
	for name, h := range map[string]http.Header{
		"plain":                    {},
		"any case":                 {"Upgrade": {"WebSocket"}, "Connection": {"keep-alive, UPGRADE"}},
		"Connection in two lines":  {"Connection": {"keep-alive", "Upgrade"}},
		"more than one Upgrade":    {"Upgrade": {"h2c, websocket"}},
		"two lines and a protocol": {"Connection": {"keep-alive", "Upgrade"}, "Sec-WebSocket-Protocol": {"chat"}},
	} {
		t.Run(name, func(t *testing.T) { e.open(t, "/ws", h).alive() })
	}
	for _, c := range []struct {
		name, path string
		h          http.Header
		status     int
	}{
		{"no upgrade in Connection", "/", http.Header{"Connection": {"keep-alive"}}, 400},
		{"no key", "/", http.Header{"Sec-WebSocket-Key": nil}, 400},
		{"a short key", "/", http.Header{"Sec-WebSocket-Key": {"AAAA"}}, 400},
		{"a key that is no base64", "/", http.Header{"Sec-WebSocket-Key": {"!!!!!!!!!!!!!!!!!!!!!!!!"}}, 400},
		{"version 8", "/", http.Header{"Sec-WebSocket-Version": {"8"}}, 426},
		{"no version", "/", http.Header{"Sec-WebSocket-Version": nil}, 426},
		{"no upgrade at /ws", "/ws", http.Header{"Upgrade": nil}, 426},
		{"another path", "/elsewhere", http.Header{}, 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp, _ := e.refused(t, c.path, c.h)
			if resp.StatusCode != c.status {
				t.Errorf("got status %d, want %d", resp.StatusCode, c.status)
			}
			if c.status == 426 && resp.Header.Get("Sec-WebSocket-Version") != "13" {
				t.Error("got no Sec-WebSocket-Version, want the supported one")
			}
		})
	}
}

// TestHandshake_Subprotocols_AreChosen: the gateway chooses p2p.delta when it is offered, and echoes another
// one, but never an access token.
func TestHandshake_Subprotocols_AreChosen(t *testing.T) {
	e := start(t, nil)
	for offer, want := range map[string]string{
		"":                             "",
		"p2p.delta":                    "p2p.delta",
		"chat, p2p.delta":              "p2p.delta",
		"chat, superchat":              "chat",
		"p2p.token.aaa, chat":          "chat",
		"p2p.token.aaa":                "",
		"p2p.token.aaa, p2p.delta":     "p2p.delta",
		strings.Repeat("x", 200):       "",
		"bad@token, good":              "good",
		"a\"b\", " + "fine":            "fine",
		"p2p.delta;x=1, p2p.delta\t, ": "p2p.delta",
	} {
		h := http.Header{}
		if offer != "" {
			h.Set("Sec-WebSocket-Protocol", offer)
		}
		c := e.open(t, "/", h)
		if got := strings.Join(c.Response.Header.Values("Sec-WebSocket-Protocol"), "|"); got != want {
			t.Errorf("%q: got protocol %q, want %q", offer, got, want)
		}
	}
}

// TestHandshake_Origin_IsChecked: which pages may connect, by configuration.
func TestHandshake_Origin_IsChecked(t *testing.T) {
	edges := make(map[string]*edge) // one for each list of origins
	for _, c := range []struct {
		allowed, origin string
		ok              bool
	}{
		{"", "", true}, // not a browser
		{"", "http://localhost", true},
		{"", "https://LOCALHOST", true},
		{"", "http://localhost:8080", false},
		{"", "http://evil.example", false},
		{"", "null", false},
		{"", "file://", false},
		{"", "http://localhost.evil.example", false},
		{"", "chrome-extension://localhost", false},
		{"*", "http://evil.example", true},
		{"*", "null", true},
		{"null", "null", true},
		{"https://app.example.com", "https://app.example.com", true},
		{"https://app.example.com", "https://APP.example.com", true},
		{"https://app.example.com:443", "https://app.example.com", true},
		{"http://app.example.com:80", "http://app.example.com", true},
		{"https://app.example.com", "http://app.example.com", false},
		{"https://app.example.com", "https://app.example.com:8443", false},
		{"https://app.example.com", "https://app.example.com.evil.example", false},
		{"https://app.example.com", "http://localhost", true}, // the gateway's own pages still may
		{"https://*.example.com", "https://a.example.com", true},
		{"https://*.example.com", "https://a.b.example.com", true},
		{"https://*.example.com", "https://example.com", false},
		{"https://*.example.com", "https://badexample.com", false},
		{"https://*.example.com", "https://a.example.com:444", false},
		{"https://*.example.com:443", "https://a.example.com", true},
		{"http://dev.example:*", "http://dev.example:3000", true},
		{"http://dev.example:*", "http://dev.example", true},
		{"http://dev.example:*", "https://dev.example:3000", false},
		{"http://[::1]:*", "http://[::1]:3000", true},
		{"http://a.example, http://b.example", "http://b.example", true},
	} {
		e := edges[c.allowed]
		if e == nil {
			e = start(t, func(cfg *gateway.Config) { cfg.AllowedOrigins = c.allowed })
			edges[c.allowed] = e
		}
		t.Run(c.allowed+" "+c.origin, func(t *testing.T) {
			h := http.Header{}
			if c.origin != "" {
				h.Set("Origin", c.origin)
			}
			if c.ok {
				e.open(t, "/", h).alive()
				return
			}
			e.turnedAway(t, "/", h, proto.Unauthorised, proto.CloseOrigin)
		})
	}
	edges[""].turnedAway(t, "/", http.Header{"Origin": {"http://localhost", "http://evil.example"}}, proto.Unauthorised, proto.CloseOrigin)
}

// TestHandshake_TooManyConnections_AreRefused: per address 429, in total and per second 503, both with
// Retry-After; the end of a connection makes room for another one.
func TestHandshake_TooManyConnections_AreRefused(t *testing.T) {
	full := func(t *testing.T, e *edge, h http.Header, status int) {
		t.Helper()
		resp, _ := e.refused(t, "/", h)
		if resp.StatusCode != status || resp.Header.Get("Retry-After") == "" {
			t.Errorf("got status %d with Retry-After %q, want %d with a Retry-After", resp.StatusCode, resp.Header.Get("Retry-After"), status)
		}
	}
	free := func(t *testing.T, e *edge, c *client) {
		t.Helper()
		c.bytes(raw.CloseFrame(1000, ""))
		c.closed(proto.CloseNormal)
		_ = c.Close()
		e.openSoon(t, "/", nil)
	}
	t.Run("address", func(t *testing.T) {
		e := start(t, func(c *gateway.Config) { c.MaxPerAddress = 3 })
		conns := []*client{e.open(t, "/", nil), e.open(t, "/", nil), e.open(t, "/", nil)}
		full(t, e, nil, 429)
		full(t, e, http.Header{"X-Forwarded-For": {"203.0.113.7"}}, 429) // no proxy is trusted
		conns[0].alive()
		free(t, e, conns[1])
	})
	t.Run("address behind a proxy", func(t *testing.T) {
		e := start(t, func(c *gateway.Config) { c.MaxPerAddress, c.TrustedProxies = 2, "127.0.0.0/8, 10.1.2.3" })
		client := func(forwarded ...string) http.Header { return http.Header{"X-Forwarded-For": forwarded} }
		for range 2 {
			e.open(t, "/", client("203.0.113.7"))
			e.open(t, "/", client("203.0.113.7, 198.51.100.1")) // the address that the proxy adds is the last one
			e.open(t, "/", client("2001:db8:1:2::1, 10.1.2.3"))
		}
		full(t, e, client("203.0.113.7"), 429)
		full(t, e, client("1.1.1.1, 203.0.113.7"), 429) // addresses that the client put before it are ignored
		full(t, e, client("1.1.1.1", "203.0.113.7"), 429)
		full(t, e, client("198.51.100.1"), 429)
		full(t, e, client("2001:db8:1:2:ffff::9"), 429) // the same /64
		e.open(t, "/", client("2001:db8:1:3::1"))
		e.open(t, "/", client("203.0.113.8"))
	})
	t.Run("total", func(t *testing.T) {
		e := start(t, func(c *gateway.Config) { c.MaxConnections = 2 })
		a := e.open(t, "/", nil)
		e.open(t, "/", nil)
		full(t, e, nil, 503)
		free(t, e, a)
	})
	t.Run("per second", func(t *testing.T) {
		e := start(t, func(c *gateway.Config) { c.ConnectsPerSecond = 2 })
		refused := make(chan *http.Response, 20)
		var dials sync.WaitGroup
		for range cap(refused) { // concurrently: on a slow machine sequential handshakes may not exceed two a second
			dials.Go(func() {
				c, resp, _ := raw.Dial(t.Context(), e.addr, "/", nil)
				if c != nil {
					_ = c.Close()
					return
				}
				refused <- resp
			})
		}
		dials.Wait()
		close(refused)
		n := 0
		for resp := range refused {
			if resp == nil || resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
				t.Fatalf("got response %v, want 503 with a Retry-After", resp)
			}
			_ = resp.Body.Close()
			n++
		}
		if n == 0 {
			t.Error("got no refusal, want some")
		}
	})
}

// TestAllowedHosts_AnotherHost_Gets421 checks that the gateway serves neither the
// WebSocket nor the pages under a name that is not its own.
func TestAllowedHosts_AnotherHost_Gets421(t *testing.T) {
	e := start(t, func(c *gateway.Config) { c.AllowedHosts = "p2p.example.com" })
	e.open(t, "/", nil).alive() // by its address
	for host, want := range map[string]int{"p2p.example.com": 200, "evil.example": 421, "127.0.0.1": 200, "localhost:1": 200} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+e.addr+"/", nil)
		must(t, err)
		req.Host = host
		resp, err := http.DefaultClient.Do(req)
		must(t, err)
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("page of %s: got status %d, want %d", host, resp.StatusCode, want)
		}
		req.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"},
			"Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}, "Origin": {"http://" + host}}
		if resp, err = http.DefaultClient.Do(req); err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if wantUpgrade := map[int]int{200: 101, 421: 421}[want]; resp.StatusCode != wantUpgrade {
			t.Errorf("handshake with %s: got status %d, want %d", host, resp.StatusCode, wantUpgrade)
		}
	}
}
