package link

import (
	"bytes"
	"testing"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// numbered returns a frame of n bytes that depend on its number.
func numbered(seq uint64, n int) []byte { return bytes.Repeat([]byte{byte(seq), byte(seq >> 8)}, n/2) }

// TestSender_FramesLeaveTheWindow_KeepsTheOthers: the memory of frames that were acknowledged
// is used again, and no other frame is overwritten.
func TestSender_FramesLeaveTheWindow_KeepsTheOthers(t *testing.T) {
	s := NewSender(1, DefaultWindowBytes, new(int))
	size := func(seq uint64) int { return int(seq * 7919 % 3000) }
	for range 200 {
		for s.Len() < 300 {
			seq := s.Head() + 1
			s.Push(0, &Frame{To: "p", Data: numbered(seq, size(seq))})
		}
		for r := range s.Unacked {
			if !bytes.Equal(r.Frame.Data, numbered(r.Seq, size(r.Seq))) {
				t.Fatalf("frame %d: got %d bytes that differ from those pushed, want the same %d", r.Seq, len(r.Frame.Data), size(r.Seq))
			}
		}
		s.Acked(bus.Ack{From: s.Base(), Next: s.Base() + 200})
	}
	if n := len(s.chunks.full) + len(s.chunks.spare); n > 300*3000/maxChunk+maxSpare {
		t.Errorf("got %d chunks, want few more than the window fills", n)
	}
}

// TestSender_BusyLink_AllocatesNothing: a link whose frames are acknowledged uses the same
// memory again and again.
func TestSender_BusyLink_AllocatesNothing(t *testing.T) {
	s := NewSender(1, DefaultWindowBytes, new(int))
	f := Frame{To: "p", Data: make([]byte, 300)}
	turn := func() {
		for range 2 * ackRecords {
			s.Push(0, &f)
		}
		s.Acked(bus.Ack{From: s.Base(), Next: s.Head() + 1 - ackRecords})
		s.Acked(bus.Ack{From: s.Base(), Next: s.Head() + 1})
	}
	for range 20 {
		turn()
	}
	if n := testing.AllocsPerRun(100, turn); n != 0 {
		t.Errorf("got %v allocations for %d frames, want 0", n, 2*ackRecords)
	}
}

// TestSender_RefusedFrames_KeepTheirBytes: a refused frame may be pushed again, on the same
// link, while others wait for that.
func TestSender_RefusedFrames_KeepTheirBytes(t *testing.T) {
	s := NewSender(1, DefaultWindowBytes, new(int))
	const n = 2 * maxChunk / 1000
	a := bus.Ack{From: 1, Next: n + 1}
	for round := range 8 {
		first := s.Head() + 1
		a.From, a.Next, a.Refused = first, first+n, nil
		for seq := first; seq < first+n; seq++ {
			s.Push(0, &Frame{To: "p", Data: numbered(seq, 1000)})
			a.Refused = append(a.Refused, bus.Refusal{Seq: seq, Code: proto.NotFound})
		}
		refused, _ := s.Acked(a)
		for i := range refused {
			if got, want := refused[i].Frame.Data, numbered(first+uint64(i), 1000); !bytes.Equal(got, want) {
				t.Fatalf("round %d, refused frame %d: got %d bytes that differ from those pushed, want the same %d", round, i, len(got), len(want))
			}
			s.Push(0, &Frame{To: "p", Data: make([]byte, 1000)})
		}
		s.Acked(bus.Ack{From: s.Base(), Next: s.Head() + 1})
	}
}

// TestSender_Idle_HoldsNoChunk: an idle link holds no memory for frames.
func TestSender_Idle_HoldsNoChunk(t *testing.T) {
	s := NewSender(1, DefaultWindowBytes, new(int))
	for range 1000 {
		s.Push(0, &Frame{To: "p", Data: make([]byte, 1000)})
	}
	s.Acked(bus.Ack{From: 1, Next: s.Head() + 1})
	if s.Tick(0); s.chunks.newest != nil || s.chunks.full != nil || s.chunks.spare != nil {
		t.Errorf("got %d chunks, want none", 1+len(s.chunks.full)+len(s.chunks.spare))
	}
}
