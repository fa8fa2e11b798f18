package gateway

import (
	"strings"
	"testing"
	"testing/synctest"

	"p2pconnector/proto"
)

// bigFrame is what the list of a very big room takes.
var bigFrame = []byte(`{"type":"update","event":"Client_Added","data":"` + strings.Repeat("x", 2*maxQueueBytes) + `"}`)

// TestBigFrame: the list of a big room, which no queue holds, reaches a peer with
// what comes behind it; a second one while the first is on its way does not.
func TestBigFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		raw := newFakeNet(true)
		g := testGateway(t, Config{})
		c := testConn(g, raw)
		small := []byte(strings.Repeat("s", 30<<10))
		for _, f := range [][]byte{small, bigFrame, small, small} {
			if v := c.enqueue(f); v > pressed {
				t.Fatalf("verdict %d on %d bytes", v, len(f))
			}
			synctest.Wait()
		}
		if n := g.bigBytes.Load(); n != int64(len(bigFrame)) {
			t.Errorf("%d bytes are counted", n)
		}
		close(raw.gate)
		synctest.Wait()
		if v := c.enqueue(bigFrame); v > pressed {
			t.Errorf("the next one: verdict %d", v)
		}
		synctest.Wait()
		if _, payloads := raw.frames(); len(payloads) != 5 || payloads[1] != string(bigFrame) || payloads[4] != string(bigFrame) {
			t.Errorf("%d frames came", len(payloads))
		}
		if c.big != 0 || g.bigBytes.Load() != 0 || raw.code() != goesOn {
			t.Errorf("%d bytes are held of %d, closed with %d", c.big, g.bigBytes.Load(), raw.code())
		}
	})
}

// TestBigFramesAreBounded: a peer that does not read gets one, then 256 KiB more,
// and all together no more than maxBigBytes; its end gives back what it held.
func TestBigFramesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := testGateway(t, Config{})
		for _, kill := range []bool{false, true} {
			raw := newFakeNet(true)
			c := testConn(g, raw)
			if v := c.enqueue(bigFrame); v > pressed {
				t.Fatalf("verdict %d", v)
			}
			for c.enqueue(make([]byte, 32<<10)) <= pressed {
				synctest.Wait()
				if held := len(c.buf) + c.inflight; held > len(bigFrame)+10+maxQueueBytes {
					t.Fatalf("%d bytes wait", held)
				}
			}
			if kill {
				c.hang()
			} else {
				c.retire(proto.CloseTakenOver)
				raw.Close()
			}
			c.remains()
			if n := g.bigBytes.Load(); n != 0 || c.big != 0 {
				t.Errorf("%d bytes are still counted", n)
			}
		}
		twice := testConn(g, newFakeNet(true))
		if first, second := twice.enqueue(bigFrame), twice.enqueue(bigFrame); first > pressed || second != full {
			t.Errorf("verdict %d, and %d on a second one", first, second)
		}
		twice.hang()
		g.bigBytes.Store(maxBigBytes)
		c := testConn(g, newFakeNet(true))
		if v := c.enqueue(bigFrame); v != full || g.bigBytes.Load() != maxBigBytes {
			t.Errorf("beyond what all may hold: verdict %d, %d bytes", v, g.bigBytes.Load())
		}
		c.hang()
	})
}

// TestTailsAreBounded: what was written last counts among what peers that are
// away may have waiting, is given back, and is dropped when there is no room.
func TestTailsAreBounded(t *testing.T) {
	g := testGateway(t, Config{})
	away := func() *session {
		s := &session{g: g, id: proto.NewPeerID(g.id)}
		s.leftLocked(remains{tail: appendFrame(nil, opText, make([]byte, 1000)), sent: 1})
		return s
	}
	resumed, ended := away(), away()
	if n := g.keptBytes.Load(); n != 2*1004 {
		t.Errorf("%d bytes are counted, want %d", n, 2*1004)
	}
	if missed, ok := resumed.replayLocked(0, new(uint64)); len(missed) != 1 || !ok {
		t.Errorf("%d frames were kept, all: %v", len(missed), ok)
	}
	g.endSession(ended)
	if n := g.keptBytes.Load(); n != 0 {
		t.Errorf("%d bytes are still counted", n)
	}
	g.keptBytes.Store(maxKeptBytes - 1000)
	late := away()
	if missed, ok := late.replayLocked(0, new(uint64)); len(missed) != 0 || ok || g.keptBytes.Load() != maxKeptBytes-1000 {
		t.Errorf("beyond the bound %d frames were kept; it says that nothing is lost: %v", len(missed), ok)
	}
}
