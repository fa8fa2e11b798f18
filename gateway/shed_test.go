package gateway

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/gateway/internal/membudget"
	"p2pconnector/gateway/internal/socket/sockettest"
	"p2pconnector/proto"
)

// frameFrom is a frame of n bytes as a peer relayed it.
func frameFrom(from proto.PeerID, n int) []byte {
	head := fmt.Sprintf(`{"event":"Message","from":%q,"data":"`, from)
	return []byte(head + strings.Repeat("x", n-len(head)-2) + `"}`)
}

// TestShedBuffers_PeersAreAway_SendersGetOneErrorEach: when memory is short, the frames for a
// peer that is away and holds much are dropped, and each is reported once. The session stays
// and knows that frames are missing. Small buffers, and copies that another gateway has, stay.
func TestShedBuffers_PeersAreAway_SendersGetOneErrorEach(t *testing.T) {
	const frames = 3
	g := testGateway(t, Config{MaxBufferBytes: minBufferBytes})
	sender, large, small, other := awaySession(g), awaySession(g), awaySession(g), awaySession(g)
	for range frames {
		for _, s := range []*session{large, other} {
			if got := s.deliver(frameFrom(sender.id, 10<<10)); got != delivered {
				t.Fatalf("got result %d, want delivered", got)
			}
		}
	}
	small.deliver(frameFrom(sender.id, 1<<10))
	other.phase = lent
	g.shedBuffers()
	if got := len(large.kept.Frames()); got != frames {
		t.Fatalf("within the budget: got %d frames left, want all %d", got, frames)
	}
	g.buffers.Take(membudget.Queue, minBufferBytes/2)
	for range 2 { // the second time there is nothing left to shed
		g.shedBuffers()
	}
	if got := len(large.kept.Frames()); got != 0 || !large.lossy || large.phase != away {
		t.Errorf("large: got %d frames left, lossy %v, phase %d; want none, true, away", got, large.lossy, large.phase)
	}
	if got := len(sender.kept.Frames()); got != frames {
		t.Errorf("errors for the sender: got %d, want %d", got, frames)
	}
	for _, f := range sender.kept.Frames() {
		if !strings.Contains(string(f), string(proto.NotDelivered)) || !strings.Contains(string(f), string(large.id)) {
			t.Errorf("got %.200s, want Not_Delivered about %s", f, large.id)
		}
	}
	if got := len(small.kept.Frames()); got != 1 || small.lossy {
		t.Errorf("small: got %d frames left, lossy %v; want 1, false", got, small.lossy)
	}
	if got := len(other.kept.Frames()); got != frames {
		t.Errorf("lent: got %d frames left, want %d", got, frames)
	}
	if got := g.buffers.Sheds(membudget.Replay); got != 1 {
		t.Errorf("shed: got %d buffers, want 1", got)
	}
}

// TestShedBuffers_ClientDoesNotRead_IsClosed: the connection of a client that does not read is
// shed once, and one that reads is not.
func TestShedBuffers_ClientDoesNotRead_IsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := testGateway(t, Config{MaxBufferBytes: minBufferBytes})
		deaf, reads := testConn(g, sockettest.NewNet(true)), testConn(g, sockettest.NewNet(false))
		for _, c := range []*conn{deaf, reads} {
			if !g.conns.add(c) {
				t.Fatal("got a connection refused, want it accepted")
			}
			defer g.conns.wg.Done()
			c.ws.Send(make([]byte, 30<<10))
		}
		synctest.Wait() // the writers have begun
		g.coarse.Store(g.coarse.Load().Add(2 * time.Second))
		g.buffers.Take(membudget.Replay, minBufferBytes/2)
		for range 2 {
			g.shedBuffers()
		}
		if got := deaf.ws.CloseCode(); got != proto.CloseTryAgain {
			t.Errorf("a client that does not read: got close code %d, want %d", got, proto.CloseTryAgain)
		}
		if got := reads.ws.CloseCode(); got != 0 {
			t.Errorf("a client that reads: got close code %d, want none", got)
		}
		if got := g.buffers.Sheds(membudget.Queue); got != 1 {
			t.Errorf("shed: got %d queues, want 1", got)
		}
		for _, c := range []*conn{deaf, reads} {
			c.ws.Abort()
			c.ws.Remains()
		}
	})
}

// TestDeliver_UnconfirmedFramesAreKept_HaveTheSameShare: what was written last and the frames
// that come later have one share of the budget together, and the whole share when the former
// are not needed any more.
func TestDeliver_UnconfirmedFramesAreKept_HaveTheSameShare(t *testing.T) {
	const share, unconfirmed, frame = minBufferBytes / 16 * 9 / 256, 32 << 10, 1 << 10
	g := testGateway(t, Config{MaxBufferBytes: minBufferBytes})
	s := awaySession(g)
	s.keepUnconfirmedLocked(make([]byte, unconfirmed))
	if len(s.unconfirmed) != unconfirmed {
		t.Fatalf("got %d bytes kept, want %d", len(s.unconfirmed), unconfirmed)
	}
	for s.deliver(frameFrom(s.id, frame)) == delivered {
	}
	if got := s.waitingBytes(); got > share {
		t.Errorf("got %d bytes that wait, want at most %d", got, share)
	}
	s.keepUnconfirmedLocked(nil)
	if got := s.deliver(frameFrom(s.id, frame)); got != delivered {
		t.Errorf("without the unconfirmed: got result %d, want delivered", got)
	}
}

// TestBufferLimit_Setting_WinsOverTheMemory: the setting is the budget, and without it some
// part of the memory is.
func TestBufferLimit_Setting_WinsOverTheMemory(t *testing.T) {
	if got, from := bufferLimit(minBufferBytes); got != minBufferBytes || from != "max-buffer-bytes" {
		t.Errorf("got %d bytes from %s, want %d from the setting", got, from, minBufferBytes)
	}
	if got, _ := bufferLimit(0); got < minBufferBytes {
		t.Errorf("derived: got %d bytes, want at least %d", got, minBufferBytes)
	}
	for value, ok := range map[int]bool{minBufferBytes - 1: false, -1: false, minBufferBytes: true, 0: true} {
		cfg := Config{MaxBufferBytes: value}.withDefaults()
		if err := cfg.check(); (err == nil) != ok {
			t.Errorf("setting %d: got error %v, want one: %v", value, err, !ok)
		}
	}
}
