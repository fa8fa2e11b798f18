package socket

import (
	"strings"
	"testing"
	"testing/synctest"

	"p2pconnector/gateway/internal/membudget"
	"p2pconnector/gateway/internal/socket/sockettest"
	"p2pconnector/proto"
)

// largeFrame has the size of a frame with the list of a very big room.
var largeFrame = []byte(`{"type":"update","event":"Client_Added","data":"` + strings.Repeat("x", 2*DefaultQueueBytes) + `"}`)

// TestSend_LargeFrame_IsDelivered: the list of a big room, which no queue holds, reaches a
// client with the frames behind it. A second large frame is refused while the first is on
// its way.
func TestSend_LargeFrame_IsDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		raw := sockettest.NewNet(true)
		s := newTestServer(maxMessage)
		c := testConn(s, raw)
		small := []byte(strings.Repeat("s", 30<<10))
		for _, f := range [][]byte{small, largeFrame, small, small} {
			if got := c.Send(f); got > FlushNeeded {
				t.Fatalf("got result %d on %d bytes, want delivered", got, len(f))
			}
			synctest.Wait()
		}
		if got := s.cfg.Budget.Used(membudget.Large); got != int64(len(largeFrame)+maxHeader) {
			t.Errorf("got %d bytes counted, want %d", got, len(largeFrame)+maxHeader)
		}
		raw.Unblock()
		synctest.Wait()
		if got := c.Send(largeFrame); got > FlushNeeded {
			t.Errorf("the next large frame: got result %d, want delivered", got)
		}
		synctest.Wait()
		if _, payloads := raw.Frames(); len(payloads) != 5 || payloads[1] != string(largeFrame) || payloads[4] != string(largeFrame) {
			t.Errorf("got %d frames, want 5 as they were sent", len(payloads))
		}
		if c.large != 0 || s.cfg.Budget.Used(membudget.Large) != 0 || raw.CloseCode() != sockettest.NoClose {
			t.Errorf("got %d bytes held of %d, close code %d; want none, and an open connection", c.large, s.cfg.Budget.Used(membudget.Large), raw.CloseCode())
		}
	})
}

// TestSend_LargeFrames_AreBounded: a client that does not read gets one large frame, then
// 256 KiB more, and all clients together nine sixteenths of the budget. When a connection ends, its
// bytes are given back.
func TestSend_LargeFrames_AreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestServer(maxMessage)
		for _, abort := range []bool{false, true} {
			raw := sockettest.NewNet(true)
			c := testConn(s, raw)
			if got := c.Send(largeFrame); got > FlushNeeded {
				t.Fatalf("got result %d, want delivered", got)
			}
			for c.Send(make([]byte, 32<<10)) <= FlushNeeded {
				synctest.Wait()
				if held := len(c.buf) + c.inflight; held > len(largeFrame)+10+DefaultQueueBytes {
					t.Fatalf("got %d bytes that wait, want at most %d", held, len(largeFrame)+10+DefaultQueueBytes)
				}
			}
			if abort {
				c.Abort()
			} else {
				c.CloseAndTake(proto.CloseTakenOver)
				raw.Close()
			}
			c.Remains()
			if n := s.cfg.Budget.Used(membudget.Large); n != 0 || c.large != 0 {
				t.Errorf("got %d bytes counted at the end, want none", n)
			}
		}
		twice := testConn(s, sockettest.NewNet(true))
		if first, second := twice.Send(largeFrame), twice.Send(largeFrame); first > FlushNeeded || second != QueueFull {
			t.Errorf("got results %d, and %d on a second one; want delivered, and queue full", first, second)
		}
		twice.Abort()
		b := membudget.New(int64(2 * (len(largeFrame) + maxHeader))) // one of them fits into nine sixteenths of it
		s.cfg.Budget = b
		first, c := testConn(s, sockettest.NewNet(true)), testConn(s, sockettest.NewNet(true))
		if got := first.Send(largeFrame); got > FlushNeeded {
			t.Errorf("the last that all may hold: got result %d, want delivered", got)
		}
		if got, held := c.Send(largeFrame), int64(len(largeFrame)+maxHeader); got != QueueFull || b.Used(membudget.Large) != held {
			t.Errorf("beyond what all may hold: got result %d, %d bytes; want queue full, %d", got, b.Used(membudget.Large), held)
		}
		first.Abort()
		c.Abort()
	})
}
