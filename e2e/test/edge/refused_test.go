package edge_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"p2pconnector/e2e/kit/raw"
	"p2pconnector/gateway"
	"p2pconnector/proto"
)

// turnedAway performs a page's handshake and expects one error frame of the code, then
// a close with the close code, and no reaction to the page's frames. It returns the
// message.
func (e *edge) turnedAway(t *testing.T, path string, h http.Header, code proto.ErrorCode, closeCode proto.CloseCode) string {
	t.Helper()
	c, resp, err := raw.Dial(t.Context(), e.addr, path, h)
	if err != nil {
		t.Fatalf("handshake of a page: got %v (%v), want it accepted, with close %v", err, resp, closeCode)
	}
	defer c.Close()
	// As connector.js does when it has a session, before it reads any frame.
	if _, err := c.Write(text(`{"event":"Resume","data":{"session":"x"}}`)); err != nil {
		t.Fatal(err)
	}
	cl := &client{Conn: c, t: t}
	f := cl.expect(string(code))
	var d proto.ErrorData
	must(t, json.Unmarshal(f.Data, &d))
	if f.Type != string(proto.TypeError) || len(d.Message) < 20 || strings.Contains(string(f.raw), "evil") {
		t.Errorf("got %s, want an error frame that says what to do and repeats nothing of the client's", f.raw)
	}
	if reason := cl.closed(closeCode); reason == "" {
		t.Errorf("reason of close %v: got none, want one", closeCode)
	}
	return d.Message
}

// TestRefusedHandshake_OfPage_GetsErrorFrameAndCloseCode: a page receives refusals that
// concern the client in a form that it can read; other clients receive an HTTP status.
func TestRefusedHandshake_OfPage_GetsErrorFrameAndCloseCode(t *testing.T) {
	s := signers(t)["HS256"]
	e := start(t, func(c *gateway.Config) { c.TokenKey, c.MaxPerAddress = keyFile(t, s), 1 })
	page := func(h http.Header) http.Header {
		all := http.Header{"Origin": {"http://localhost"}}
		for k, v := range h {
			all[k] = v
		}
		return all
	}
	missing := e.turnedAway(t, "/", page(nil), proto.Unauthorised, proto.CloseToken)
	if !strings.Contains(missing, "needs an access token") {
		t.Errorf("without a token: got %q, want it to say that one is needed", missing)
	}
	wrong := e.turnedAway(t, "/?access_token=evil", page(nil), proto.Unauthorised, proto.CloseToken)
	if wrong == missing {
		t.Errorf("with a wrong token: got %q, want another message than without", wrong)
	}
	e.turnedAway(t, "/", http.Header{"Origin": {"http://evil.example"}}, proto.Unauthorised, proto.CloseOrigin)

	good := "/?access_token=" + s.token(t, nil)
	if said := e.turnedAway(t, good+"&accept_from=evil", page(nil), proto.InvalidMessage, proto.ClosePolicy); !strings.Contains(said, "anyone, rooms or nobody") {
		t.Errorf("with an unknown accept_from: got %q, want the values that work", said)
	}
	e.open(t, good, page(nil)).alive()
	e.turnedAway(t, good, page(nil), proto.LimitExceeded, proto.CloseTryAgain)
	for what, c := range map[string]struct {
		path   string
		h      http.Header
		status int
	}{
		"no Origin, no token":          {"/", nil, 401},
		"no Origin, a full address":    {good, nil, 429},
		"no Origin, a bad accept_from": {good + "&accept_from=", nil, 400},
		"a page's malformed handshake": {good, page(http.Header{"Sec-WebSocket-Version": {"8"}}), 426},
	} {
		if resp, body := e.refused(t, c.path, c.h); resp.StatusCode != c.status {
			t.Errorf("%s: got status %d (%s), want %d", what, resp.StatusCode, body, c.status)
		}
	}
}

// TestRefusedHandshake_OfPageWithSubprotocol_EchoesIt: a browser hides a WebSocket from
// the page when the server does not answer its subprotocol.
func TestRefusedHandshake_OfPageWithSubprotocol_EchoesIt(t *testing.T) {
	e := start(t, nil)
	c, _, err := raw.Dial(t.Context(), e.addr, "/", http.Header{"Origin": {"http://evil.example"}, "Sec-WebSocket-Protocol": {"p2p.token.x, p2p.delta"}})
	must(t, err)
	defer c.Close()
	if got := c.Response.Header.Get("Sec-WebSocket-Protocol"); got != "p2p.delta" {
		t.Errorf("subprotocol: got %q, want p2p.delta", got)
	}
}

// TestRefusedHandshake_OfPages_ManyAtOnce_IsBounded: while refused WebSockets of one
// address stay open, that address gets the HTTP status, other addresses get the reason,
// and nobody runs out of connections.
func TestRefusedHandshake_OfPages_ManyAtOnce_IsBounded(t *testing.T) {
	e := start(t, func(c *gateway.Config) { c.TrustedProxies, c.MaxConnections, c.ConnectsPerSecond = "127.0.0.0/8", 1, 1 })
	from := func(addr string) http.Header {
		return http.Header{"Origin": {"http://evil.example"}, "X-Forwarded-For": {addr}}
	}
	const dials = 200 // each stays open for 5 s: on a slow machine the first ones end before the last ones open
	status := 0
	for range dials {
		c, resp, err := raw.Dial(t.Context(), e.addr, "/", from("203.0.113.7"))
		if resp == nil {
			t.Fatalf("a refused WebSocket: got %v, want an answer", err)
		}
		if err != nil {
			status = resp.StatusCode
			_ = resp.Body.Close()
			break
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	if status != http.StatusForbidden {
		t.Errorf("%d WebSockets of one address that nobody closes: got status %d, want 403 in the end", dials, status)
	}
	e.turnedAway(t, "/", from("203.0.113.8"), proto.Unauthorised, proto.CloseOrigin)
	e.open(t, "/", behindProxy("203.0.113.9")).alive()
}
