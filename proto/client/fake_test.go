package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait of these tests; none of them is meant to come near it.
const patience = time.Minute

// script is a fake gateway, because a real one cannot be made to misbehave. The
// package e2e/test/resume tests the client against the real one.
type script struct {
	t     *testing.T
	url   string
	conns chan *side
	over  chan struct{} // closed at the end of the test
}

// side is the server's end of one connection.
type side struct {
	t   *testing.T
	ws  *websocket.Conn
	end chan struct{} // closed by the script: the handler may return
}

func newScript(t *testing.T) *script {
	t.Helper()
	s := &script{t: t, conns: make(chan *side), over: make(chan struct{})}
	var handlers sync.WaitGroup
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handlers.Add(1)
		defer handlers.Done()
		ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{proto.SubprotocolDelta}})
		if err != nil {
			t.Error(err)
			return
		}
		c := &side{t: t, ws: ws, end: make(chan struct{})}
		defer ws.CloseNow()
		select {
		case s.conns <- c:
		case <-s.over: // the client has reconnected, and the test does not wait for it
			return
		}
		select {
		case <-c.end:
		case <-s.over:
		}
	}))
	t.Cleanup(func() {
		close(s.over)
		srv.Close() // from here on no handler begins
		handlers.Wait()
	})
	s.url = srv.URL
	return s
}

// next waits for a connection and sends its Client_Details.
func (s *script) next(id, session string) *side {
	s.t.Helper()
	c := s.await()
	if c == nil {
		s.t.Fatal("the client does not connect")
	}
	c.details(id, session, "")
	return c
}

// await waits for a connection, and returns nil when none comes.
func (s *script) await() *side {
	select {
	case c := <-s.conns:
		s.t.Cleanup(c.drop)
		return c
	case <-time.After(patience):
		return nil
	}
}

func (c *side) send(format string, args ...any) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.ws.Write(ctx, websocket.MessageText, fmt.Appendf(nil, format, args...)); err != nil {
		c.t.Errorf("the server's side: %v", err)
	}
}

func (c *side) details(id, session, more string) {
	c.t.Helper()
	c.send(`{"type":"info","event":"Client_Details","data":{"id":%q,"session":%q,"heartbeat_seconds":15%s}}`, id, session, more)
}

// receive returns the next frame of the client.
func (c *side) receive() client.Out {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, b, err := c.ws.Read(ctx)
	if err != nil {
		c.t.Fatalf("the server's side: %v", err)
	}
	var out client.Out
	if err := json.Unmarshal(b, &out); err != nil {
		c.t.Fatal(err)
	}
	return out
}

// resume expects a Resume with that session and count.
func (c *side) resume(session string, received int) {
	c.t.Helper()
	out := c.receive()
	data, ok := out.Data.(map[string]any)
	if out.Event != proto.Resume || !ok || data["session"] != session {
		c.t.Fatalf("got %+v from the client, want Resume with %s", out, session)
	}
	if got, has := data["received"].(float64); !has || int(got) != received {
		c.t.Errorf("got the count %v from the client, want %d", data["received"], received)
	}
}

// drop ends the connection without a close frame.
func (c *side) drop() {
	select {
	case <-c.end:
	default:
		close(c.end)
	}
}

// closes closes the connection with a code.
func (c *side) closes(code websocket.StatusCode) {
	_ = c.ws.Close(code, "") // the client may have closed it
	c.drop()
}

func dial(t *testing.T, opts client.Options) *client.Client {
	t.Helper()
	if opts.Backoff == 0 {
		opts.Backoff = time.Millisecond
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := client.Dial(ctx, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil && !strings.Contains(err.Error(), "close") {
			t.Error(err)
		}
	})
	return c
}

// connect dials and takes the server's side of the connection.
func connect(t *testing.T, s *script, opts client.Options) (*client.Client, *side) {
	t.Helper()
	opts.URLs = append([]string{s.url}, opts.URLs...)
	sides := make(chan *side, 1)
	go func() { sides <- s.next("me", "s1") }()
	c := dial(t, opts)
	return c, <-sides
}

func next(t *testing.T, c *client.Client) client.Frame {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	f, err := c.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// ended waits for the end of a client.
func ended(t *testing.T, c *client.Client) error {
	t.Helper()
	select {
	case <-c.Done():
		return c.Err()
	case <-time.After(patience):
		t.Fatal("the client has not ended")
		return nil
	}
}

func websocketCode(c proto.CloseCode) websocket.StatusCode { return websocket.StatusCode(c) }

func closeStatus(err error) websocket.StatusCode { return websocket.CloseStatus(err) }
