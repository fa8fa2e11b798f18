package socket

import (
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/gateway/internal/socket/sockettest"
)

// TestSweep_MessageBeingHandled_NotIdle: a message that the server handles for a minute does
// not make its client idle, nor the client's next message slow. Both times begin afterwards.
func TestSweep_MessageBeingHandled_NotIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, raw := newTestServer(maxMessage), sockettest.NewNet(false)
		c := testConn(s, raw)
		later := func(d time.Duration) {
			time.Sleep(d)
			pass(&s.clock, d)
			c.Sweep(time.Now(), 0)
		}
		c.validator.inspect(sockettest.ClientFrame(0x81, []byte("the next one"))[:8])
		c.handler = &testHandler{message: func([]byte) { later(time.Minute) }}
		c.message([]byte("one that takes long"))
		later(maxMessageTime - time.Second)
		if code := raw.CloseCode(); raw.Closed() || code != sockettest.NoClose {
			t.Fatalf("got closed: %v, close code %d; want an open connection", raw.Closed(), code)
		}
		later(idleTimeout)
		if !raw.Closed() || s.idle.Load() != 1 {
			t.Errorf("after the idle timeout: got closed %v, %d counted; want it closed and counted", raw.Closed(), s.idle.Load())
		}
	})
}

// TestMessage_Handled_TimesBeginAfterwards: a message that the client sent while another was
// handled has its full time after that.
func TestMessage_Handled_TimesBeginAfterwards(t *testing.T) {
	s := newTestServer(maxMessage)
	c := testConn(s, sockettest.NewNet(false))
	c.handler = &testHandler{message: func([]byte) { pass(&s.clock, time.Minute) }}
	c.validator.inspect(sockettest.ClientFrame(0x81, []byte("the next one"))[:8])
	c.message([]byte("one that takes long"))
	if got, began, want := c.validator.lastRead.Load(), c.validator.beganAt.Load(), s.clock.Load(); got != want || began != want {
		t.Errorf("got last read at %d, the next message began at %d; want both at %d", got, began, want)
	}
	c.validator.beganAt.Store(0) // nothing is being read
	c.message([]byte("one that takes long"))
	if c.validator.beganAt.Load() != 0 {
		t.Error("got a time for a message that was not sent, want none")
	}
}

// TestMessage_Muted_IsIgnored: after a close frame that mutes it, the handler gets nothing.
func TestMessage_Muted_IsIgnored(t *testing.T) {
	c := testConn(newTestServer(maxMessage), sockettest.NewNet(false))
	c.handler = &testHandler{message: func(text []byte) { t.Errorf("got %q, want nothing", text) }}
	c.CloseAndTake(4000)
	c.message([]byte("late"))
	c.Abort()
}
