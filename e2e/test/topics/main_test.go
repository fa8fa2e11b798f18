// Package topics_test connects clients that publish and subscribe to the system, those of
// y-webrtc and Trystero: raw ones that send and expect their texts.
package topics_test

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

func TestMain(m *testing.M) { kit.Main(m) }

const pong = `{"type":"pong"}`

// client is a WebSocket that speaks y-webrtc. One goroutine may use it.
type client struct {
	t     testing.TB
	name  string
	ws    *websocket.Conn
	texts chan string // closed when the connection has ended
	end   error       // why; set before texts is closed
}

// dial connects to gateway i. The connection is closed at the end of the test.
func dial(t testing.TB, s *kit.Stack, i int, name string) *client {
	t.Helper()
	return dialURL(t, s.URL(i)+"yjs", name)
}

func dialURL(t testing.TB, url, name string) *client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), kit.Patience)
	defer cancel()
	own := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	ws, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPClient: own})
	if err != nil {
		t.Fatalf("%s: dial: %v", name, err)
	}
	ws.SetReadLimit(-1)
	c := &client{t: t, name: name, ws: ws, texts: make(chan string, 1<<14)}
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
		c.t.Fatalf("%s: send: %v", c.name, err)
	}
}

// next returns the next text; ok is false when the connection has ended.
func (c *client) next() (text string, ok bool) {
	c.t.Helper()
	select {
	case text, ok = <-c.texts:
		return text, ok
	case <-time.After(kit.Patience):
		c.t.Fatalf("%s: got nothing, want a text or the end", c.name)
		return "", false
	}
}

// expect fails the test unless want is the next text.
func (c *client) expect(want string) {
	c.t.Helper()
	if got, ok := c.next(); got != want {
		c.t.Fatalf("%s: got %s (open %v, %v), want %s", c.name, got, ok, c.end, want)
	}
}

// answers fails the test unless the client's texts until now were handled and left nothing
// for it.
func (c *client) answers() {
	c.t.Helper()
	c.send(`{"type":"ping"}`)
	c.expect(pong)
}

// subscribe subscribes to a topic and waits until that has taken effect: the client's own
// publication comes back.
func (c *client) subscribe(topic string) {
	c.t.Helper()
	c.send(`{"type":"subscribe","topics":[%q]}`, topic)
	c.publish(topic, announce(c.name))
	c.expect(published(topic, announce(c.name)))
}

func (c *client) publish(topic, data string) { c.t.Helper(); c.send("%s", published(topic, data)) }

func published(topic, data string) string {
	return fmt.Sprintf(`{"type":"publish","topic":%q,"data":%s}`, topic, data)
}

func announce(from string) string { return fmt.Sprintf(`{"type":"announce","from":%q}`, from) }

func signal(from, to string, n int) string {
	return fmt.Sprintf(`{"type":"signal","from":%q,"to":%q,"signal":%d}`, from, to, n)
}
