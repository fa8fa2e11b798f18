package socket

import (
	"testing"

	"p2pconnector/gateway/internal/socket/sockettest"
)

// TestSend_QueueHasRoom_AllocatesNothing in steady state.
func TestSend_QueueHasRoom_AllocatesNothing(t *testing.T) {
	c := testConn(newTestServer(maxMessage), sockettest.NewNet(false))
	c.writing = true // no writer takes the queue in the meantime
	c.buf = make([]byte, 0, MaxQueueBytes)
	text := make([]byte, 300)
	if n := testing.AllocsPerRun(1000, func() {
		if got := c.Send(text); got != Delivered {
			t.Fatalf("got result %d, want delivered", got)
		}
		c.buf, c.frames = c.buf[:0], 0
	}); n != 0 {
		t.Errorf("got %v allocations a frame, want none", n)
	}
}

// TestMessage_Handled_AllocatesNothing between the validator and the handler.
func TestMessage_Handled_AllocatesNothing(t *testing.T) {
	c := testConn(newTestServer(maxMessage), sockettest.NewNet(false))
	text := make([]byte, 300)
	c.handler = &testHandler{message: func([]byte) {}}
	wire := sockettest.ClientFrame(sockettest.ClientText, text)
	if n := testing.AllocsPerRun(1000, func() {
		c.validator.inspect(wire)
		c.message(text)
	}); n != 0 {
		t.Errorf("got %v allocations a message, want none", n)
	}
}
