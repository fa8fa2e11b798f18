package socket

import (
	"net"
	"sync/atomic"
	"testing"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/socket/sockettest"
)

// Bounds of a connection of a testServer.
var (
	defaultQueueFrames = newQueueBounds(DefaultQueueBytes).frames
	shareBytes         = newQueueBounds(DefaultQueueBytes).share
	peersBytes         = newQueueBounds(DefaultQueueBytes).peers
)

// testServer is a server whose clock the test sets, with its counts.
type testServer struct {
	*Server
	clock      clock.AtomicInstant
	slow, idle atomic.Int32
}

func newTestServer(maxMessage int) *testServer {
	s := new(testServer)
	s.clock.Store(clock.Now())
	s.Server = NewServer(Config{
		MaxMessageBytes: maxMessage, Clock: &s.clock,
		SlowClient: func() { s.slow.Add(1) }, IdleClient: func() { s.idle.Add(1) },
	})
	return s
}

// testConn returns a connection over raw without a handshake or a reader.
func testConn(s *testServer, raw net.Conn) *Conn {
	c := new(Conn)
	c.init(s.Server, raw, nil)
	return c
}

// upgraded returns a connection after its handshake.
func upgraded(t testing.TB, s *testServer, raw net.Conn) *Conn {
	t.Helper()
	w, r := sockettest.Handshake(sockettest.WithoutAnswer(raw))
	c, err := s.Upgrade(w, r, "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// testHandler calls a function for each message and counts panics.
type testHandler struct {
	message func(text []byte)
	panics  atomic.Int32
}

// Message implements Handler.
func (h *testHandler) Message(text []byte) { h.message(text) }

// Panicked implements Handler.
func (h *testHandler) Panicked(any, []byte) { h.panics.Add(1) }

// testValidator returns a validator of the input from raw. Its clock stands still until the
// test sets it.
func testValidator(raw net.Conn) *validator {
	now := new(clock.AtomicInstant)
	now.Store(clock.Now())
	v := new(validator)
	v.init(raw, nil, &Config{MaxMessageBytes: 1000, ControlFrames: DefaultControlFrames, Clock: now})
	return v
}

// pass advances a clock.
func pass(c *clock.AtomicInstant, d time.Duration) { c.Store(c.Load().Add(d)) }
