package socket

import (
	"bytes"
	"fmt"
	"testing"

	"p2pconnector/gateway/internal/membudget"
	"p2pconnector/proto"
)

// TestRetransmitBuffer_AnyWrites_KeepsTheLastUnconfirmed: whatever was written, the buffer
// has the last frames within the bounds, without those that are confirmed.
func TestRetransmitBuffer_AnyWrites_KeepsTheLastUnconfirmed(t *testing.T) {
	kept := retransmitBuffer{budget: membudget.New(1 << 30)}
	var all []string
	for i := range 3000 {
		var b []byte
		n := 1 + i%5
		for j := range n {
			s := fmt.Sprintf("%d.%d %s", i, j, bytes.Repeat([]byte("x"), (i*37+j*11)%900))
			all = append(all, s)
			b = appendFrame(b, opText, []byte(s))
			b = appendFrame(b, opPing, nil)
		}
		kept.add(b, n)
		if i%7 == 0 {
			kept.confirm(uint64(i % 50))
			if kept.frames > i%50 {
				t.Fatalf("got %d frames left, want at most %d", kept.frames, i%50)
			}
		}
		if kept.bytes > MaxRetransmitBytes || len(kept.ring) > MaxRetransmitBytes || kept.frames > proto.DefaultReplayFrames {
			t.Fatalf("got %d bytes, %d frames; want them within the bounds", len(kept.ring), kept.frames)
		}
		texts := LastTexts(kept.appendTo(nil), 1<<20)
		if len(texts) != kept.frames {
			t.Fatalf("got %d frames, want the %d counted", len(texts), kept.frames)
		}
		for k, f := range texts {
			if want := all[len(all)-len(texts)+k]; string(f) != want {
				t.Fatalf("frame %d of %d: got %.20q, want %.20q", k, len(texts), f, want)
			}
		}
	}
	kept.add(appendFrame(nil, opText, make([]byte, 2*MaxRetransmitBytes)), 1)
	if kept.frames != 0 {
		t.Errorf("got %d frames beside one that is too big, want none", kept.frames)
	}
}

// TestRetransmitBuffer_MemoryIsShort_DropsTheOldestEarlier: without room in the budget the
// ring keeps its size, and the newest frames that fit. What it has is given back.
func TestRetransmitBuffer_MemoryIsShort_DropsTheOldestEarlier(t *testing.T) {
	for name, tc := range map[string]struct {
		budget int64
		ring   int // bytes
	}{"a part": {4 * 256 * 18 << 10, 16 << 10}, "nothing": {0, freeRetransmitBytes}} {
		t.Run(name, func(t *testing.T) {
			kept := retransmitBuffer{budget: membudget.New(tc.budget)}
			const size = 1000
			for range 100 {
				kept.add(appendFrame(nil, opText, make([]byte, size)), 1)
			}
			if got := len(kept.ring); got != tc.ring {
				t.Errorf("ring: got %d bytes, want %d", got, tc.ring)
			}
			if got, want := kept.frames, tc.ring/(size+4); got != want {
				t.Errorf("got %d frames, want the %d that fit", got, want)
			}
			if kept.add(appendFrame(nil, opText, make([]byte, tc.ring)), 1); kept.frames != 0 {
				t.Errorf("after a frame that does not fit: got %d frames, want none", kept.frames)
			}
			kept.clear()
			if got := kept.budget.Used(membudget.Retransmit); got != 0 {
				t.Errorf("after clear: got %d bytes of the budget, want none", got)
			}
		})
	}
}

// TestRetransmitBuffer_FrameAboveItsBound_TakesNoMemory: a frame that the ring can never hold
// does not make it grow, and those behind it are kept.
func TestRetransmitBuffer_FrameAboveItsBound_TakesNoMemory(t *testing.T) {
	kept := retransmitBuffer{budget: membudget.New(1 << 30)}
	tooLarge := appendFrame(nil, opText, make([]byte, MaxRetransmitBytes+16<<10))
	kept.add(tooLarge, 1)
	if got := kept.budget.Used(membudget.Retransmit); got != 0 || len(kept.ring) != 0 || kept.frames != 0 {
		t.Errorf("got a ring of %d bytes, %d of the budget, %d frames; want none", len(kept.ring), got, kept.frames)
	}
	kept.add(appendFrame(tooLarge, opText, []byte("next")), 2)
	if got := LastTexts(kept.appendTo(nil), 2); len(got) != 1 || string(got[0]) != "next" || len(kept.ring) > minRetransmitBytes {
		t.Errorf("with a frame behind it: got %d frames in a ring of %d bytes, want 1 in %d", len(got), len(kept.ring), minRetransmitBytes)
	}
}

// TestRetransmitBuffer_AtEachEdge_DropsOneFrame: the buffer holds 256 frames, and 64 KiB with
// their headers. One more costs the oldest frame.
func TestRetransmitBuffer_AtEachEdge_DropsOneFrame(t *testing.T) {
	const header = 4
	text := func(bytes int) []byte { return appendFrame(nil, opText, make([]byte, bytes)) }
	for what, tc := range map[string]struct{ size, fits int }{"frames": {0, 256}, "bytes": {4096 - header, 16}} {
		kept := retransmitBuffer{budget: membudget.New(1 << 30)}
		for range tc.fits {
			kept.add(text(tc.size), 1)
		}
		if kept.frames != tc.fits {
			t.Errorf("%s at the edge: got %d frames, want %d", what, kept.frames, tc.fits)
		}
		kept.add(text(0), 1)
		if kept.frames != tc.fits || len(kept.ring) > 64<<10 {
			t.Errorf("%s, one more: got %d frames in a ring of %d bytes, want %d in at most 64 KiB", what, kept.frames, len(kept.ring), tc.fits)
		}
	}
	for size, want := range map[int]int{64 << 10: 1, 64<<10 + 1: 0} {
		kept := retransmitBuffer{budget: membudget.New(1 << 30)}
		kept.add(text(size-header), 1)
		if kept.frames != want {
			t.Errorf("one frame of %d bytes: got %d frames, want %d", size, kept.frames, want)
		}
	}
	many := text(0)
	for range 256 {
		many = append(many, text(0)...)
	}
	kept := retransmitBuffer{budget: membudget.New(1 << 30)}
	if kept.add(many, 257); kept.frames != 256 {
		t.Errorf("257 frames in one write: got %d, want 256", kept.frames)
	}
}
