package gateway

import (
	"bytes"
	"fmt"
	"testing"

	"p2pconnector/proto"
)

// TestTailIsARing: whatever was written, the last frames within the bounds are
// there, and the confirmed ones are not.
func TestTailIsARing(t *testing.T) {
	var tl tail
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
		tl.add(b, n)
		if i%7 == 0 {
			tl.confirm(uint64(i % 50))
			if tl.frames > i%50 {
				t.Fatalf("%d frames are left of %d", tl.frames, i%50)
			}
		}
		if tl.bytes > maxTailBytes || len(tl.ring) > maxTailBytes || tl.frames > proto.ReplayFrames {
			t.Fatalf("%d bytes, %d frames", len(tl.ring), tl.frames)
		}
		kept := lastTexts(tl.appendTo(nil), 1<<20)
		if len(kept) != tl.frames {
			t.Fatalf("%d frames, counted %d", len(kept), tl.frames)
		}
		for k, f := range kept {
			if want := all[len(all)-len(kept)+k]; string(f) != want {
				t.Fatalf("frame %d of %d is %.20q, want %.20q", k, len(kept), f, want)
			}
		}
	}
	tl.add(appendFrame(nil, opText, make([]byte, 2*maxTailBytes)), 1)
	if tl.frames != 0 {
		t.Errorf("%d frames are left beside one that is too big", tl.frames)
	}
}
