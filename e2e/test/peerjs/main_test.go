// Package peerjs_test connects clients of PeerJS to the system: raw ones that send and
// expect its texts to the byte, and the real one from npm in a browser.
package peerjs_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"p2pconnector/e2e/kit"
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

// client is a WebSocket that speaks PeerJS. One goroutine may use it.
type client struct {
	t     testing.TB
	id    string
	ws    *websocket.Conn
	texts chan string // closed when the connection has ended
	end   error       // why; set before texts is closed
}

// dial connects to gateway i and expects OPEN.
func dial(t testing.TB, s *kit.Stack, i int, id, token string) *client {
	t.Helper()
	c := dialPath(t, s.URL(i), "peerjs", query("peerjs", id, token))
	c.id = id
	c.expect(openText)
	return c
}

func query(key, id, token string) string {
	return url.Values{"key": {key}, "id": {id}, "token": {token}, "version": {"1.5.5"}}.Encode()
}

// dialPath connects to path below base. The connection is closed at the end of the test.
func dialPath(t testing.TB, base, path, query string) *client {
	t.Helper()
	c, err := connect(base, path, query, nil)
	if err != nil {
		t.Fatalf("dial %s: %v", path, err)
	}
	c.t = t
	var reader sync.WaitGroup
	reader.Go(c.read)
	t.Cleanup(func() {
		c.ws.CloseNow()
		for range c.texts {
		}
		reader.Wait()
	})
	return c
}

func connect(base, path, query string, h http.Header) (*client, error) {
	ctx, cancel := context.WithTimeout(context.Background(), kit.Patience)
	defer cancel()
	own := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	ws, _, err := websocket.Dial(ctx, base+path+"?"+query, &websocket.DialOptions{HTTPClient: own, HTTPHeader: h})
	if err != nil {
		return nil, err
	}
	ws.SetReadLimit(-1)
	return &client{ws: ws, texts: make(chan string, 1<<12)}, nil
}

func (c *client) read() {
	defer close(c.texts)
	for {
		_, b, err := c.ws.Read(context.Background())
		if err != nil {
			c.end = err
			return
		}
		c.texts <- string(b)
	}
}

// send sends a text.
func (c *client) send(format string, args ...any) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), kit.Patience)
	defer cancel()
	if err := c.ws.Write(ctx, websocket.MessageText, fmt.Appendf(nil, format, args...)); err != nil {
		c.t.Fatalf("%s: send: %v", c.id, err)
	}
}

// next returns the next text; ok is false when the connection has ended.
func (c *client) next() (text string, ok bool) {
	c.t.Helper()
	select {
	case text, ok = <-c.texts:
		return text, ok
	case <-time.After(kit.Patience):
		c.t.Fatalf("%s: got nothing, want a text or the end", c.id)
		return "", false
	}
}

// expect fails the test unless want is the next text.
func (c *client) expect(want string) {
	c.t.Helper()
	if got, ok := c.next(); got != want {
		c.t.Fatalf("%s: got %s (open %v, %v), want %s", c.id, got, ok, c.end, want)
	}
}

// expectClosed fails the test unless the connection ends next, without a code.
func (c *client) expectClosed() {
	c.t.Helper()
	if got, ok := c.next(); ok {
		c.t.Fatalf("%s: got %s, want the end", c.id, got)
	}
	if code := websocket.CloseStatus(c.end); code != websocket.StatusNoStatusRcvd {
		c.t.Fatalf("%s: got close code %d (%v), want none", c.id, code, c.end)
	}
}

// answers fails the test unless the client's texts until now were handled and left nothing
// for it: a message to itself comes back first.
func (c *client) answers() {
	c.t.Helper()
	c.send(`{"type":"CANDIDATE","dst":%q,"payload":"self"}`, c.id)
	c.expect(fmt.Sprintf(`{"type":"CANDIDATE","src":%q,"dst":%q,"payload":"self"}`, c.id, c.id))
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
