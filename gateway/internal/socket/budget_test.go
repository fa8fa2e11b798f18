package socket

import (
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/membudget"
	"p2pconnector/gateway/internal/socket/sockettest"
	"p2pconnector/proto"
)

// TestSend_ClientDoesNotRead_IsBoundByItsShare: the queue of a client that does not read
// ends where its share of the budget does, and gives all of it back in the end.
func TestSend_ClientDoesNotRead_IsBoundByItsShare(t *testing.T) {
	const share = 4 * queueStep
	synctest.Test(t, func(t *testing.T) {
		s := newTestServer(maxMessage)
		b := membudget.New(16 * 256 * share / 10)
		s.cfg.Budget = b
		raw := sockettest.NewNet(true)
		c := testConn(s, raw)
		frame, held := make([]byte, 1000), 0
		c.Send(frame) // in flight for good
		synctest.Wait()
		for c.Send(frame) <= FlushNeeded {
			held = c.QueuedBytes()
		}
		if most := freeQueueBytes + share; held > most || held < most-2*queueStep {
			t.Errorf("queue: got %d bytes, want nearly %d", held, most)
		}
		if got := b.Used(membudget.Queue); got > share || got < int64(held-freeQueueBytes) {
			t.Errorf("budget: got %d bytes used for a queue of %d, want them without the first %d", got, held, freeQueueBytes)
		}
		if n := s.slow.Load(); n != 1 || b.Refused(membudget.Queue) != 1 {
			t.Errorf("got %d slow clients, %d refusals; want 1 of each", n, b.Refused(membudget.Queue))
		}
		c.Abort()
		c.Remains()
		if got := b.Used(membudget.Queue); got != 0 {
			t.Errorf("budget at the end: got %d bytes used, want none", got)
		}
	})
}

// TestSend_MemoryIsShort_SmallQueuesAndReadersAreServed: when others have used up the budget,
// a client that reads gets all frames, written at once, and one that does not read gets as
// much as costs nothing.
func TestSend_MemoryIsShort_SmallQueuesAndReadersAreServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestServer(maxMessage)
		b := membudget.New(1 << 20)
		s.cfg.Budget = b
		b.Take(membudget.Replay, 1<<20)
		frame := make([]byte, 2*freeQueueBytes)
		reads := testConn(s, sockettest.NewNet(false))
		for i := range 100 {
			if got := reads.Send(frame); got != FlushNeeded {
				t.Fatalf("a client that reads, frame %d: got result %d, want flush needed", i, got)
			}
			synctest.Wait()
		}
		if got := b.Used(membudget.Queue); got != 0 {
			t.Errorf("after writing: got %d bytes used, want none", got)
		}
		unread := testConn(s, sockettest.NewNet(true))
		unread.Send(frame[:100])
		synctest.Wait()
		if got := unread.Send(frame[:freeQueueBytes/2]); got != Delivered {
			t.Errorf("a small queue: got result %d, want delivered", got)
		}
		if got := unread.Send(frame[:freeQueueBytes]); got != QueueFull {
			t.Errorf("a queue above %d bytes: got result %d, want queue full", freeQueueBytes, got)
		}
		unread.Abort()
		unread.Remains()
		reads.Abort()
		reads.Remains()
		if got := b.Used(membudget.Queue) + b.Used(membudget.Retransmit); got != 0 {
			t.Errorf("at the end: got %d bytes used, want none", got)
		}
	})
}

// TestBacklog_ClientStopsReading_IsReportedAndShed: the backlog counts when a write has made no
// progress for a second; shedding closes the connection with 1013.
func TestBacklog_ClientStopsReading_IsReportedAndShed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestServer(maxMessage)
		raw := sockettest.NewNet(true)
		c := testConn(s, raw)
		c.Send(make([]byte, 100))
		synctest.Wait()
		c.Send(make([]byte, 20<<10))
		if got, _ := c.Backlog(); got != 0 {
			t.Errorf("at once: got a backlog of %d bytes, want none", got)
		}
		time.Sleep(stalledAfter)
		s.clock.Store(clock.Now())
		if got, ending := c.Backlog(); got < 16<<10 || ending {
			t.Errorf("after a second: got %d bytes, ending %v; want what waits, on an open connection", got, ending)
		}
		c.Shed()
		if got, ending := c.Backlog(); got < 16<<10 || !ending {
			t.Errorf("shed: got %d bytes, ending %v; want what waits, on a connection that ends", got, ending)
		}
		raw.Unblock()
		synctest.Wait()
		if got := raw.CloseCode(); got != int(proto.CloseTryAgain) {
			t.Errorf("got close code %d, want %d", got, proto.CloseTryAgain)
		}
		c.Abort()
		c.Remains()
	})
}

// TestBacklog_LargeFrameIsNotRead_Counts: the list of a big room that a client does not read is
// part of its backlog, so that its connection is shed before the buffers of others.
func TestBacklog_LargeFrameIsNotRead_Counts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestServer(maxMessage)
		c := testConn(s, sockettest.NewNet(true))
		if got := c.Send(largeFrame); got > FlushNeeded {
			t.Fatalf("got result %d, want delivered", got)
		}
		synctest.Wait()
		s.clock.Store(clock.Now().Add(stalledAfter))
		if got, ending := c.Backlog(); got < len(largeFrame) || ending {
			t.Errorf("got %d bytes, ending %v; want at least %d, on an open connection", got, ending, len(largeFrame))
		}
		c.Abort()
		c.Remains()
		if got := s.cfg.Budget.Used(membudget.Large); got != 0 {
			t.Errorf("at the end: got %d bytes used, want none", got)
		}
	})
}
