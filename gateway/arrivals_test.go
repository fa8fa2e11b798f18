package gateway

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"p2pconnector/proto"
)

const (
	gwA proto.GatewayID = "aaaaaaaa"
	gwB proto.GatewayID = "bbbbbbbb"
)

func lostOf(t *testing.T, g proto.GatewayID, n uint64) string {
	t.Helper()
	s := string(proto.AppendLostSubject(nil, g, n, n, 0))
	if _, ok := proto.ParseLost(s); !ok {
		t.Fatalf("%q is no lost subject", s)
	}
	return s
}

// While a session moves, frames wait; then each comes once, those of one gateway
// in the order of their numbers, whichever way they came.
func TestArrivalsSettle(t *testing.T) {
	type come struct {
		gw  proto.GatewayID
		seq uint64
		hop bool
	}
	for name, c := range map[string]struct {
		seen map[proto.GatewayID]uint64
		come []come
		want string
	}{
		"in order":                   {nil, []come{{gwA, 1, false}, {gwA, 2, false}}, "a1 a2"},
		"overtaken":                  {nil, []come{{gwA, 3, false}, {gwA, 1, true}, {gwA, 2, true}}, "a1 a2 a3"},
		"twice, directly and by hop": {nil, []come{{gwA, 1, false}, {gwA, 1, true}, {gwA, 2, true}, {gwA, 2, false}}, "a1 a2"},
		"two gateways":               {nil, []come{{gwA, 2, false}, {gwB, 1, false}, {gwA, 1, true}}, "a1 b1 a2"},
		"handled by the former holder": {map[proto.GatewayID]uint64{gwA: 2},
			[]come{{gwA, 1, false}, {gwA, 2, false}, {gwA, 3, false}, {gwB, 1, false}}, "a3 b1"},
		"what the former holder had seen comes by hop": {map[proto.GatewayID]uint64{gwA: 2},
			[]come{{gwA, 2, true}, {gwA, 3, true}}, "a3"},
		"nothing": {nil, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := newArrivals()
			a.seen = c.seen
			for _, x := range c.come {
				if v, done := a.add(fmt.Appendf(nil, "%c%d", x.gw[0], x.seq), lostOf(t, x.gw, x.seq), x.hop, 0); v != handed || !done {
					t.Fatalf("%+v: verdict %d, done %v", x, v, done)
				}
			}
			if got := joinText(a.settle(time.Now())); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func joinText(frames [][]byte) string {
	texts := make([]string, len(frames))
	for i, f := range frames {
		texts[i] = string(f)
	}
	return strings.Join(texts, " ")
}

// Afterwards a frame is delivered, is dropped as known, or is refused since its
// successor is there.
func TestArrivalsAfterwards(t *testing.T) {
	a := newArrivals()
	add := func(g proto.GatewayID, n uint64, hop bool, v verdict, done bool) {
		t.Helper()
		if gotV, gotDone := a.add([]byte("x"), lostOf(t, g, n), hop, 0); gotV != v || gotDone != done {
			t.Errorf("%s %d: verdict %d, done %v, want %d, %v", g, n, gotV, gotDone, v, done)
		}
	}
	add(gwA, 5, false, handed, true)
	a.settle(time.Now())
	add(gwA, 5, true, handed, true)   // came before
	add(gwA, 6, false, handed, false) // to be delivered now
	add(gwA, 6, true, handed, true)
	add(gwA, 3, true, full, true) // its sender hears that it was not delivered
	add(gwB, 1, false, handed, false)
	add(gwA, 8, true, handed, false)
	add(gwA, 7, false, full, true)
	// Long afterwards, what a gateway that was frozen still passes on is dropped:
	// it came before.
	if v, done := a.add([]byte("x"), lostOf(t, gwA, 2), true, a.until+1); v != handed || !done {
		t.Errorf("a late hop: verdict %d, done %v", v, done)
	}
	if _, done := a.add([]byte("x"), "no lost subject", false, 0); done {
		t.Error("a frame without a number was not left to the session")
	}
}

// When the former holder did not answer, what had been sent before that was known may
// have been delivered by it: it is refused, and so is what a gateway sent that did not
// say how far it was.
func TestArrivalsOfAnOrphan(t *testing.T) {
	a := newArrivals()
	a.orphan, a.doubt = true, map[proto.GatewayID]uint64{gwA: 4}
	for _, n := range []uint64{1, 2, 6} {
		a.add(fmt.Appendf(nil, "a%d", n), lostOf(t, gwA, n), false, 0)
	}
	a.add([]byte("a7"), lostOf(t, gwA, 7), true, 0)
	a.add([]byte("b1"), lostOf(t, gwB, 1), false, 0)
	var cut []string
	for _, x := range a.cutDoubtful() {
		cut = append(cut, string(x.frame))
	}
	if got := strings.Join(cut, " "); got != "a1 a2 a7 b1" {
		t.Errorf("cut %q", got)
	}
	if got := joinText(a.settle(time.Now())); got != "a6" {
		t.Errorf("got %q", got)
	}
	delete(a.last, gwA) // as if nothing had come so far
	for _, c := range []struct {
		n    uint64
		hop  bool
		v    verdict
		done bool
	}{{4, false, full, true}, {8, true, full, true}, {8, false, handed, false}} {
		if v, done := a.add([]byte("x"), lostOf(t, gwA, c.n), c.hop, 0); v != c.v || done != c.done {
			t.Errorf("afterwards, %+v: verdict %d, done %v", c, v, done)
		}
	}
}

// The next holder, which got the session by the hands of one that had it so, refuses
// the same, and drops what that one has handled.
func TestArrivalsAfterAnOrphan(t *testing.T) {
	a := newArrivals()
	a.seen, a.doubt = map[proto.GatewayID]uint64{gwA: 2}, map[proto.GatewayID]uint64{gwA: 4}
	for _, n := range []uint64{2, 3, 5} {
		a.add(fmt.Appendf(nil, "a%d", n), lostOf(t, gwA, n), false, 0)
	}
	a.add([]byte("b1"), lostOf(t, gwB, 1), false, 0)
	if cut := a.cutDoubtful(); len(cut) != 1 || string(cut[0].frame) != "a3" {
		t.Errorf("cut %+v", cut)
	}
	if got := joinText(a.settle(time.Now())); got != "a5 b1" {
		t.Errorf("got %q", got)
	}
}

// What waits is bounded in frames and in bytes, and is a copy.
func TestArrivalsBounds(t *testing.T) {
	for name, frame := range map[string][]byte{"frames": []byte("x"), "bytes": make([]byte, 10_000)} {
		t.Run(name, func(t *testing.T) {
			a := newArrivals()
			taken := 0
			for n := uint64(1); n < 1000; n++ {
				v, done := a.add(frame, lostOf(t, gwA, n), false, 0)
				if !done {
					t.Fatal("left to the session while it moves")
				}
				if v == full {
					break
				}
				taken++
			}
			want := min(proto.ReplayFrames, proto.ReplayBytes/len(frame))
			if taken != want {
				t.Errorf("%d frames wait, want %d", taken, want)
			}
		})
	}
	a := newArrivals()
	frame := []byte("mine")
	a.add(frame, lostOf(t, gwA, 1), false, 0)
	copy(frame, "XXXX")
	if got := joinText(a.settle(time.Now())); got != "mine" {
		t.Errorf("it holds %q", got)
	}
}
