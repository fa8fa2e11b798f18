package membudget

import (
	"sync"
	"testing"
)

// TestReserve_AtTheEdge_RefusesOneByteMore: each kind is refused exactly where its part of
// the budget ends, a buffer exactly at its share, and a refused buffer takes nothing.
func TestReserve_AtTheEdge_RefusesOneByteMore(t *testing.T) {
	const limit = 16 << 20
	for _, k := range Kinds() {
		t.Run(k.String(), func(t *testing.T) {
			bound := int(kinds[k].bound << 20)
			filler := Large
			if k == Retransmit {
				filler = Retransmit
			}
			share := bound / int(kinds[k].part)
			b := New(limit)
			if b.Reserve(k, 0, share+1) || b.Reserve(k, 1, share) {
				t.Errorf("above the share of %d: got bytes, want none", share)
			}
			if got := b.Used(k); got != 0 {
				t.Errorf("after refusals: got %d bytes used, want none", got)
			}
			if !b.Reserve(k, 0, share) {
				t.Errorf("the share of %d: got none, want it", share)
			}
			b.Release(k, share)
			b.Take(filler, bound-minShare)
			if b.Reserve(k, minShare-1, 2) {
				t.Error("above the least share: got bytes, want none")
			}
			if !b.Reserve(k, 0, minShare) {
				t.Error("the last bytes: got them refused, want the least share")
			}
			if b.Reserve(k, 0, 1) {
				t.Error("beyond the bound: got a byte, want none")
			}
			if b.Short(k) {
				t.Error("at the bound: got short, want not")
			}
			if b.Take(k, 1); !b.Short(k) {
				t.Error("beyond the bound: got not short, want short")
			}
			if got := b.Refused(k); got < 3 {
				t.Errorf("refusals: got %d, want each counted", got)
			}
		})
	}
}

// TestShed_GreedyHolders_LeaveRoomForOthers: many clients take all that they get, one after
// another, and what is due is shed after each hundred, which is every second at 100 a second.
// Each client still gets room for its frames, and a small buffer is never shed.
func TestShed_GreedyHolders_LeaveRoomForOthers(t *testing.T) {
	const limit, frame, most = 512 << 20, 2 << 10, 256 << 10
	b := New(limit)
	small := false
	if !b.Reserve(Replay, 0, minShed-1) {
		t.Fatal("got no room in an unused budget, want it")
	}
	buffers := []Buffer{{Kind: Replay, Bytes: minShed - 1, Drop: func() { small = true }}}
	for n := range 10_000 {
		held := 0
		for held+frame <= most && b.Reserve(Replay, held, frame) {
			held += frame
		}
		if held < most/4 {
			t.Fatalf("buffer %d: got room for %d bytes, want %d or more", n, held, most/4)
		}
		buffers = append(buffers, Buffer{Kind: Replay, Bytes: held, Drop: func() { b.Release(Replay, held) }})
		if n%100 > 0 || b.Excess() == 0 {
			continue
		}
		due := Largest(buffers, b.Excess())
		b.Shed(due)
		buffers = buffers[len(due):]
		if got, want := b.Used(Replay), int64(limit/8*3); got > want || b.Excess() != 0 {
			t.Fatalf("after shedding: got %d bytes used, want at most %d", got, want)
		}
	}
	if b.Sheds(Replay) == 0 || small {
		t.Errorf("shed: got %d buffers, the small one among them: %v; want some, without it", b.Sheds(Replay), small)
	}
	if !b.Reserve(Queue, 0, frame) {
		t.Error("a queue beside replay buffers: got no room, want it")
	}
}

// TestExcess_AtTheEdge_StartsAboveOneHalf and asks for all above three eighths. Frames that
// clients have not confirmed do not count.
func TestExcess_AtTheEdge_StartsAboveOneHalf(t *testing.T) {
	b := New(8 << 20)
	b.Take(Queue, 4<<20)
	b.Take(Retransmit, 2<<20)
	if got := b.Excess(); got != 0 {
		t.Errorf("at one half: got %d, want 0", got)
	}
	b.Take(Queue, 1)
	if got, want := b.Excess(), int64(1<<20+1); got != want {
		t.Errorf("above one half: got %d, want %d", got, want)
	}
}

// TestReserve_OthersParkAllThatIsNotShed_EveryKindHasRoom: whichever kinds of buffers clients
// fill as far as nothing is shed, or as far as they can, each other kind has room for a frame.
func TestReserve_OthersParkAllThatIsNotShed_EveryKindHasRoom(t *testing.T) {
	const limit = 64 << 20 // the smallest
	for _, parked := range []Kind{Large, Replay, Queue} {
		b := New(limit)
		b.Take(parked, limit/unit*highWater)
		if got := b.Excess(); got != 0 {
			t.Fatalf("%v parked: got %d bytes to shed, want 0", parked, got)
		}
		for b.Reserve(Retransmit, 0, minShare) {
		}
		if got, want := b.Used(Retransmit), int64(limit/4); got != want {
			t.Errorf("%v parked: got %d bytes for retransmit, want %d", parked, got, want)
		}
		for k, n := range map[Kind]int{Large: 1 << 20, Replay: 16 << 10, Queue: 16 << 10, Requests: 16 << 10} {
			if !b.Reserve(k, 0, n) {
				t.Errorf("%v parked: got no room for %d bytes of %v, want it", parked, n, k)
			} else {
				b.Release(k, n)
			}
		}
	}
}

// TestLargest_SomeAreEnding_SparesOthers: buffers that are about to be free are not shed, and
// no other is shed in their place.
func TestLargest_SomeAreEnding_SparesOthers(t *testing.T) {
	ending := Buffer{Bytes: 90 << 10, Ending: true}
	got := Largest([]Buffer{{Bytes: 50 << 10}, ending, {Bytes: 40 << 10}}, 100<<10)
	if len(got) != 1 || got[0].Bytes != 50<<10 {
		t.Errorf("got %+v, want the one of 50 KiB", got)
	}
	if got := Largest([]Buffer{{Bytes: 50 << 10}, ending}, 90<<10); len(got) != 0 {
		t.Errorf("as much ends as must be shed: got %+v, want none", got)
	}
}

// TestLargest_UntilItIsEnough_TakesNoMore and orders the buffers by size.
func TestLargest_UntilItIsEnough_TakesNoMore(t *testing.T) {
	of := func(sizes ...int) (all []Buffer) {
		for _, n := range sizes {
			all = append(all, Buffer{Bytes: n})
		}
		return all
	}
	for name, tc := range map[string]struct {
		excess int64
		want   int // buffers
	}{"nothing": {0, 0}, "one": {50 << 10, 1}, "exactly two": {90 << 10, 2}, "a byte more": {90<<10 + 1, 3}, "more than all": {1 << 30, 3}} {
		t.Run(name, func(t *testing.T) {
			got := Largest(of(minShed-1, minShed, 50<<10, 40<<10), tc.excess)
			if len(got) != tc.want || len(got) > 0 && got[0].Bytes != 50<<10 {
				t.Errorf("got %d buffers, want the %d largest", len(got), tc.want)
			}
		})
	}
}

// TestReserve_Concurrently_StaysWithinTheBound: callers at the same time do not get more than
// there is, and all of it comes back.
func TestReserve_Concurrently_StaysWithinTheBound(t *testing.T) {
	const limit = 1 << 20
	b := New(limit)
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for range 2000 {
				if b.Reserve(Replay, 0, 1<<10) {
					if got := b.Used(Replay); got > limit/16*9+8<<10 {
						t.Errorf("got %d bytes used, want at most %d", got, limit/16*9)
					}
					b.Release(Replay, 1<<10)
				}
			}
		})
	}
	callers.Wait()
	if got := b.Used(Replay); got != 0 {
		t.Errorf("at the end: got %d bytes used, want none", got)
	}
}
