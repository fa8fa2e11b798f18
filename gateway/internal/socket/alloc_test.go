package socket

import (
	"errors"
	"runtime"
	"slices"
	"testing"

	"p2pconnector/gateway/internal/socket/sockettest"
)

// TestSend_QueueHasRoom_AllocatesNothing in steady state.
func TestSend_QueueHasRoom_AllocatesNothing(t *testing.T) {
	c := testConn(newTestServer(maxMessage), sockettest.NewNet(false))
	c.writing = true // no writer takes the queue in the meantime
	c.buf = make([]byte, 0, DefaultQueueBytes)
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

// fullThenFails is a network whose first write fails while the connection's queue is full.
type fullThenFails struct {
	*sockettest.Net
	conn   *Conn
	before uint64 // bytes allocated until the write failed
}

func (f *fullThenFails) Write([]byte) (int, error) {
	for text := make([]byte, 30<<10); f.conn.QueuedBytes()+len(text)+maxHeader <= DefaultQueueBytes; {
		f.conn.Send(text)
	}
	f.before = allocated()
	return 0, errors.New("reset")
}

// allocated returns the bytes that the process has allocated so far.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// TestRemains_WriteFailsWithFullQueue_CopiesNothing: the queue is all the memory that a
// client may use, also while its connection ends. Many may end at the same time.
func TestRemains_WriteFailsWithFullQueue_CopiesNothing(t *testing.T) {
	s := newTestServer(maxMessage)
	raw := &fullThenFails{Net: sockettest.NewNet(false)}
	c := testConn(s, raw)
	raw.conn = c
	c.writing = true // the frames wait until writeAlone
	for text := make([]byte, 1<<10); c.QueuedBytes() < DefaultQueueBytes/2; {
		c.Send(text)
	}
	s.writes.Add(1)
	c.writeAlone()
	left := c.Remains()
	took := allocated() - raw.before
	if size := len(slices.Concat(left.Unsent...)); size < DefaultQueueBytes-32<<10 || size > DefaultQueueBytes {
		t.Fatalf("got %d bytes that were never written, want a full queue of up to %d", size, DefaultQueueBytes)
	}
	if took > DefaultQueueBytes/8 {
		t.Errorf("the end of the connection allocated: got %d bytes, want no copy of its queue", took)
	}
}
