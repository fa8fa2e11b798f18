package kit

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

// connBuffer bounds the frames that a Conn has read and the test has not. When
// it is full the Conn stops reading.
const connBuffer = 1 << 14

// Conn is a plain WebSocket to a gateway. It sends only what the test sends,
// never reconnects, and reads all the time. Its methods fail the test when an
// expected frame does not arrive. Any goroutine may call Send; the other methods
// must be called by one goroutine at a time.
type Conn struct {
	ID      proto.PeerID  // assigned by the server
	First   client.Frame  // the Client_Details that the server sent first
	Details proto.Details // its data

	t      testing.TB
	ws     *websocket.Conn
	tcp    net.Conn
	frames chan client.Frame // closed when the connection has ended
	end    chan struct{}     // closed at the same time

	mu       sync.Mutex
	session  string // newest token
	received int    // text frames
	err      error  // why the connection ended
}

// DialOption changes how Dial connects.
type DialOption func(*dialConfig)

type dialConfig struct {
	path string
	opts websocket.DialOptions
}

// Path makes Dial connect to another path than /.
func Path(p string) DialOption { return func(c *dialConfig) { c.path = p } }

// Delta requests the subprotocol p2p.delta.
func Delta() DialOption {
	return func(c *dialConfig) { c.opts.Subprotocols = []string{proto.SubprotocolDelta} }
}

// Subprotocols requests the named subprotocols instead.
func Subprotocols(names ...string) DialOption {
	return func(c *dialConfig) { c.opts.Subprotocols = names }
}

// Dial connects to gateway i and reads Client_Details. The connection is closed
// with 1000 at the end of the test.
func (s *Stack) Dial(t testing.TB, i int, options ...DialOption) *Conn {
	t.Helper()
	c := s.open(t, i, options...)
	f := c.Next()
	if !f.Is(proto.ClientDetails) || f.Type != proto.TypeInfo {
		t.Fatalf("the first frame is %s", f.Raw)
	}
	d, err := f.Details()
	s.must(t, err)
	c.ID, c.Details, c.First = d.ID, d, f
	return c
}

func (s *Stack) open(t testing.TB, i int, options ...DialOption) *Conn {
	t.Helper()
	c := &Conn{t: t, frames: make(chan client.Frame, connBuffer), end: make(chan struct{})}
	var cfg dialConfig
	for _, o := range options {
		o(&cfg)
	}
	cfg.opts.HTTPClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		tcp, err := new(net.Dialer).DialContext(ctx, network, addr)
		c.tcp = tcp
		return tcp, err
	}}}
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, "ws://"+s.urls[i]+"/"+cfg.path, &cfg.opts)
	if err != nil {
		t.Fatalf("kit: dialing gateway %d: %v", i, err)
	}
	ws.SetReadLimit(-1)
	c.ws = ws
	var reader sync.WaitGroup
	reader.Go(c.read)
	t.Cleanup(func() {
		c.Bye()
		for range c.frames { // unblocks the reader when the test did not read all frames
		}
		reader.Wait()
	})
	return c
}

func (c *Conn) read() {
	defer close(c.end)
	defer close(c.frames)
	for {
		typ, b, err := c.ws.Read(context.Background())
		var f client.Frame
		if err == nil && typ != websocket.MessageText {
			err = fmt.Errorf("the server sent a binary frame")
		}
		if err == nil {
			f, err = client.Parse(b)
		}
		if err != nil {
			c.ws.CloseNow()
			c.mu.Lock()
			c.err = err
			c.mu.Unlock()
			return
		}
		c.note(f)
		c.frames <- f
	}
}

// note counts a frame and keeps the session token.
func (c *Conn) note(f client.Frame) {
	var s proto.SessionData // Client_Details has the same member
	known := f.Is(proto.Session) || f.Is(proto.ClientDetails)
	if known {
		_ = json.Unmarshal(f.Data, &s) // a missing token fails the test that needs it
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.received++
	if s.Session != "" {
		c.session = s.Session
	}
}

// Session returns the newest session token that was read.
func (c *Conn) Session() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session
}

// Received returns how many text frames were read.
func (c *Conn) Received() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.received
}

// Send sends a text frame; format and args are those of fmt.Sprintf. It may be
// called by any goroutine; an error there fails the test too.
func (c *Conn) Send(format string, args ...any) {
	c.t.Helper()
	c.Text(fmt.Sprintf(format, args...))
}

// Text is Send without formatting.
func (c *Conn) Text(text string) {
	c.t.Helper()
	if err := c.Write(websocket.MessageText, []byte(text)); err != nil {
		c.t.Errorf("kit: sending: %v", err)
	}
}

// Write sends a message of any type and content.
func (c *Conn) Write(typ websocket.MessageType, b []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	return c.ws.Write(ctx, typ, b)
}

// Bye closes the connection with code 1000, if it is still open.
func (c *Conn) Bye() { _ = c.ws.Close(websocket.StatusNormalClosure, "") } // it may be gone already

// Drop ends the TCP connection without a close frame. It returns when the server
// has noticed and everything that it sent before has been read.
func (c *Conn) Drop() {
	c.t.Helper()
	if tcp, ok := c.tcp.(*net.TCPConn); ok {
		_ = tcp.CloseWrite() // when it fails, the connection has ended already
	}
	c.ended()
}

// Cut closes the TCP connection at once; with reset the server sees a reset.
func (c *Conn) Cut(reset bool) {
	c.t.Helper()
	if tcp, ok := c.tcp.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0) // then Close sends RST
	}
	_ = c.tcp.Close() // it may be closed already
	c.ended()
}

// ended waits until no more frames can arrive.
func (c *Conn) ended() {
	c.t.Helper()
	after := time.NewTimer(Patience)
	defer after.Stop()
	select {
	case <-c.end:
	case <-after.C:
		c.t.Fatalf("the server has not closed within %v", Patience)
	}
}

// Done is closed when the connection has ended.
func (c *Conn) Done() <-chan struct{} { return c.end }

// Closed waits until the server has closed the connection and returns its close
// code, or -1 when it sent none. It drops the frames that arrive before.
func (c *Conn) Closed() (proto.CloseCode, string) {
	c.t.Helper()
	after := time.NewTimer(Patience)
	defer after.Stop()
	for {
		select {
		case _, ok := <-c.frames:
			if ok {
				continue
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			if ce, ok := asClose(c.err); ok {
				return proto.CloseCode(ce.Code), ce.Reason
			}
			return 0, fmt.Sprint(c.err)
		case <-after.C:
			c.t.Fatalf("the connection is still open after %v", Patience)
		}
	}
}

// Close closes the connection with a code. It returns an error when, for
// example, the server does not answer.
func (c *Conn) Close(code websocket.StatusCode) error { return c.ws.Close(code, "") }
