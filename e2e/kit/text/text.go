// Package text is a WebSocket client that sends texts and expects texts to the byte. Tests
// use it as a client of protocols that are not our own: PeerJS, y-webrtc, nostr, WebTorrent.
package text

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"p2pconnector/e2e/kit"
)

// buffer bounds the texts that a Conn has read and its test has not. When it is full, the
// Conn stops reading.
const buffer = 1 << 14

// Conn is a WebSocket that reads all the time. Its methods fail the test when something
// goes wrong. One goroutine may use it.
type Conn struct {
	Name string          // of the client, in failures
	WS   *websocket.Conn // to close it in other ways; only the Conn reads

	t     testing.TB
	texts chan string   // closed after ended
	ended chan struct{} // closed when the connection has ended
	err   error         // why; set before ended is closed
}

// Open connects to a URL. The connection has no limit on what it reads.
func Open(url string) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), kit.Patience)
	defer cancel()
	own := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	ws, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPClient: own})
	if err != nil {
		return nil, err
	}
	ws.SetReadLimit(-1)
	return ws, nil
}

// Dial connects to a URL. The connection is closed at the end of the test.
func Dial(t testing.TB, name, url string) *Conn {
	t.Helper()
	ws, err := Open(url)
	if err != nil {
		t.Fatalf("%s: dial %s: %v", name, url, err)
	}
	c := &Conn{Name: name, WS: ws, t: t, texts: make(chan string, buffer), ended: make(chan struct{})}
	var reader sync.WaitGroup
	reader.Go(c.read)
	t.Cleanup(func() {
		ws.CloseNow()
		for range c.texts {
		}
		reader.Wait()
	})
	return c
}

func (c *Conn) read() {
	defer close(c.texts)
	defer close(c.ended)
	for {
		_, b, err := c.WS.Read(context.Background())
		if err != nil {
			c.err = err
			return
		}
		c.texts <- string(b)
	}
}

// Send sends a text; format and args are those of [fmt.Sprintf].
func (c *Conn) Send(format string, args ...any) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), kit.Patience)
	defer cancel()
	if err := c.WS.Write(ctx, websocket.MessageText, fmt.Appendf(nil, format, args...)); err != nil {
		c.t.Fatalf("%s: send: %v", c.Name, err)
	}
}

// Texts returns the texts that the Conn gets. It is closed when the connection has ended.
func (c *Conn) Texts() <-chan string { return c.texts }

// Next returns the next text; ok is false when the connection has ended.
func (c *Conn) Next() (text string, ok bool) {
	c.t.Helper()
	select {
	case text, ok = <-c.texts:
		return text, ok
	case <-time.After(kit.Patience):
		c.t.Fatalf("%s: got nothing within %v, want a text or the end", c.Name, kit.Patience)
		return "", false
	}
}

// Err returns why the connection has ended, or nil while it is read.
func (c *Conn) Err() error {
	select {
	case <-c.ended:
		return c.err
	default:
		return nil
	}
}

// Expect fails the test unless want is the next text.
func (c *Conn) Expect(want string) {
	c.t.Helper()
	if got, ok := c.Next(); got != want {
		c.t.Fatalf("%s: got %s (open %v, %v), want %s", c.Name, got, ok, c.Err(), want)
	}
}

// Drop ends the connection without a close frame.
func (c *Conn) Drop() { c.WS.CloseNow() }
