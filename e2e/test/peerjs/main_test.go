// Package peerjs_test connects clients of PeerJS to the system: raw ones that send and
// expect its texts to the byte, and the real one from npm in a browser.
package peerjs_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"p2pconnector/e2e/kit"
	"p2pconnector/e2e/kit/text"
)

func TestMain(m *testing.M) { kit.Main(m) }

// The texts that a client gets.
const (
	openText    = `{"type":"OPEN"}`
	takenText   = `{"type":"ID-TAKEN","payload":{"msg":"ID is taken"}}`
	missingText = `{"type":"ERROR","payload":{"msg":"No id, token, or key supplied to websocket server"}}`
	keyText     = `{"type":"ERROR","payload":{"msg":"Invalid key provided"}}`
	fullText    = `{"type":"ERROR","payload":{"msg":"Server has reached its concurrent user limit"}}`
)

// client speaks PeerJS.
type client struct {
	*text.Conn
	t testing.TB
}

// dial connects to gateway i and expects OPEN.
func dial(t testing.TB, s *kit.Stack, i int, id, token string) *client {
	t.Helper()
	c := dialPath(t, s.URL(i), "peerjs", query("peerjs", id, token))
	c.Name = id
	c.Expect(openText)
	return c
}

func query(key, id, token string) string {
	return url.Values{"key": {key}, "id": {id}, "token": {token}, "version": {"1.5.5"}}.Encode()
}

// dialPath connects to path below base. The connection is closed at the end of the test.
func dialPath(t testing.TB, base, path, query string) *client {
	t.Helper()
	return &client{text.Dial(t, path, base+path+"?"+query), t}
}

// expectClosed fails the test unless the connection ends next, without a code.
func (c *client) expectClosed() {
	c.t.Helper()
	if got, ok := c.Next(); ok {
		c.t.Fatalf("%s: got %s, want the end", c.Name, got)
	}
	if code := websocket.CloseStatus(c.Err()); code != websocket.StatusNoStatusRcvd {
		c.t.Fatalf("%s: got close code %d (%v), want none", c.Name, code, c.Err())
	}
}

// answers fails the test unless the client's texts until now were handled and left nothing
// for it: a message to itself comes back first.
func (c *client) answers() {
	c.t.Helper()
	c.Send(`{"type":"CANDIDATE","dst":%q,"payload":"self"}`, c.Name)
	c.Expect(fmt.Sprintf(`{"type":"CANDIDATE","src":%q,"dst":%q,"payload":"self"}`, c.Name, c.Name))
}

// offer is an OFFER as its receiver gets it.
func offer(src, dst, payload string) string { return message("OFFER", src, dst, payload) }

func message(kind, src, dst, payload string) string {
	return fmt.Sprintf(`{"type":%q,"src":%q,"dst":%q,"payload":%s}`, kind, src, dst, payload)
}

func expired(src, dst string) string {
	return fmt.Sprintf(`{"type":"EXPIRE","src":%q,"dst":%q}`, dst, src)
}

// httpURL returns the URL of a path at gateway i.
func httpURL(s *kit.Stack, i int, path string) string {
	return strings.TrimSuffix(s.HTTP(i), "/") + path
}
