package session

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"p2pconnector/gateway/internal/membudget"
	"p2pconnector/gateway/internal/ownership"
	"p2pconnector/gateway/internal/socket"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// TestLeftLocked_Unconfirmed_IsBounded: frames that were written last count against the budget
// of peers that are away, are released from it, and are dropped when it is used up.
func TestLeftLocked_Unconfirmed_IsBounded(t *testing.T) {
	x := newTestTable(t)
	away := func() *Session {
		s := x.New(netip.Addr{}, "")
		s.leftLocked(socket.Remains{Unconfirmed: socket.AppendText(nil, make([]byte, 1000)), Sent: 1})
		return s
	}
	resumed, ended := away(), away()
	if n := x.cfg.Buffers.Used(membudget.Replay); n != 2*1004 {
		t.Errorf("got %d bytes counted, want %d", n, 2*1004)
	}
	if missed, ok := resumed.replayLocked(bus.TokenRef{}, new(uint64)); len(missed) != 1 || !ok {
		t.Errorf("got %d frames, nothing lost: %v; want 1, true", len(missed), ok)
	}
	x.step(ended, ownership.Event{Kind: ownership.GraceOver})
	if n := x.cfg.Buffers.Used(membudget.Replay); n != 0 {
		t.Errorf("got %d bytes still counted, want 0", n)
	}
	used := x.cfg.Buffers.Limit()/8*6 - 1000
	x.cfg.Buffers.Take(membudget.Replay, int(used))
	late := away()
	if missed, ok := late.replayLocked(bus.TokenRef{}, new(uint64)); len(missed) != 0 || ok || x.cfg.Buffers.Used(membudget.Replay) != used {
		t.Errorf("beyond the bound: got %d frames, nothing lost: %v; want 0, false", len(missed), ok)
	}
}

// TestLeftLocked_SomeUnsentDoNotFit_OthersAreCopied: frames that wait do not keep those in
// memory that did not fit beside them.
func TestLeftLocked_SomeUnsentDoNotFit_OthersAreCopied(t *testing.T) {
	for name, frames := range map[string]int{"all fit": proto.DefaultReplayFrames, "one too many": proto.DefaultReplayFrames + 1} {
		t.Run(name, func(t *testing.T) {
			x := newTestTable(t)
			s := x.New(netip.Addr{}, "")
			var unsent []byte
			for range frames {
				unsent = socket.AppendText(unsent, []byte("a"))
			}
			s.leftLocked(socket.Remains{Unsent: [][]byte{unsent}})
			x.wait()
			copy(unsent, bytes.Repeat([]byte("b"), len(unsent)))
			got := s.kept.Frames()
			if len(got) != proto.DefaultReplayFrames {
				t.Fatalf("got %d frames that wait, want %d", len(got), proto.DefaultReplayFrames)
			}
			if copied, want := string(got[0]) == "a", frames > proto.DefaultReplayFrames; copied != want {
				t.Errorf("frames copied: got %v, want %v", copied, want)
			}
		})
	}
}

// frameFrom is a frame of n bytes as a peer relayed it.
func frameFrom(from proto.PeerID, n int) []byte {
	head := fmt.Sprintf(`{"event":"Message","from":%q,"data":"`, from)
	return []byte(head + strings.Repeat("x", n-len(head)-2) + `"}`)
}

// TestDeliver_UnconfirmedFramesAreKept_HaveTheSameShare: what was written last and the frames
// that come later have one share of the budget together, and the whole share when the former
// are not needed any more.
func TestDeliver_UnconfirmedFramesAreKept_HaveTheSameShare(t *testing.T) {
	const budget = 16 << 20
	const share, unconfirmed, frame = budget / 16 * 9 / 256, 32 << 10, 1 << 10
	x := newTestTable(t)
	x.cfg.Buffers = membudget.New(budget)
	s := x.away()
	s.keepUnconfirmedLocked(make([]byte, unconfirmed))
	if len(s.unconfirmed) != unconfirmed {
		t.Fatalf("got %d bytes kept, want %d", len(s.unconfirmed), unconfirmed)
	}
	for s.Deliver(frameFrom(s.id, frame)) == Delivered {
	}
	if got := s.WaitingBytes(); got > share {
		t.Errorf("got %d bytes that wait, want at most %d", got, share)
	}
	s.keepUnconfirmedLocked(nil)
	if got := s.Deliver(frameFrom(s.id, frame)); got != Delivered {
		t.Errorf("without the unconfirmed: got result %d, want delivered", got)
	}
}

// TestShed_PeerIsAway_FramesAreReported: the frames that wait are reported, once, and the
// session knows that they are missing. A copy that another gateway has stays.
func TestShed_PeerIsAway_FramesAreReported(t *testing.T) {
	for _, phase := range []phase{away, lent} {
		x := newTestTable(t)
		s := x.away()
		s.Deliver([]byte("waits"))
		s.phase = phase
		want := phase == away
		if got := s.WaitingBytes() > 0; got != want {
			t.Errorf("phase %d: bytes wait: got %v, want %v", phase, got, want)
		}
		s.Shed()
		s.Shed()
		if got := len(x.reported(s.id)); (got == 1) != want || got > 1 {
			t.Errorf("phase %d: got %d frames reported, want one: %v", phase, got, want)
		}
		if s.lossy != want || s.phase != phase || len(s.Waiting()) == 1 == want {
			t.Errorf("phase %d: got lossy %v, phase %d, %d frames that wait; want lossy %v, the same phase, frames: %v", phase, s.lossy, s.phase, len(s.Waiting()), want, !want)
		}
	}
}
