package fairqueue

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// ann and bob are users, home is an address.
var (
	ann, bob = Of("ann", netip.MustParseAddr("192.0.2.1")), Of("bob", netip.MustParseAddr("192.0.2.1"))
	home     = Of("", netip.MustParseAddr("192.0.2.2"))
)

// enter enters n times, and returns the leave functions of those that have begun.
func enter(q *Queue, k Key, n int) *[]func() {
	begun := new([]func())
	for range n {
		q.Enter(k, func(leave func()) { *begun = append(*begun, leave) })
	}
	return begun
}

func want(t *testing.T, what string, begun *[]func(), n int) {
	t.Helper()
	if got := len(*begun); got != n {
		t.Errorf("%s: got %d begun, want %d", what, got, n)
	}
}

// TestQueue_EachLimitAtItsEdge_OneMoreWaits: a key has a quarter of the slots, all keys have
// all of them.
func TestQueue_EachLimitAtItsEdge_OneMoreWaits(t *testing.T) {
	q := New(8)
	a := enter(q, ann, 3)
	want(t, "a key that wants one more than a quarter", a, 2)
	b, h, own := enter(q, bob, 2), enter(q, home, 2), enter(q, Key{}, 2)
	for what, begun := range map[string]*[]func(){"another user of the address": b, "an address": h, "the gateway": own} {
		want(t, what, begun, 2)
	}
	late := enter(q, Of("carol", netip.Addr{}), 1)
	want(t, "when all slots are used", late, 0)
	if n := q.Waiting(); n != 2 {
		t.Errorf("waiting: got %d, want 2", n)
	}
	(*b)[0]()
	(*b)[0]() // counts once
	want(t, "when bob has left: ann, who has a quarter", a, 2)
	want(t, "when bob has left: carol", late, 1)
	(*a)[0]()
	want(t, "when ann has left", a, 3)
}

// TestQueue_OneKeyWantsMuch_OthersTakeTurns: whoever comes after many of one key waits for
// one of them.
func TestQueue_OneKeyWantsMuch_OthersTakeTurns(t *testing.T) {
	q := New(1)
	a := enter(q, ann, 100)
	b := enter(q, bob, 1)
	(*a)[0]()
	want(t, "ann", a, 2)
	want(t, "bob before his turn", b, 0)
	(*a)[1]()
	want(t, "bob", b, 1)
	for i := range 98 {
		(*b)[0]()
		want(t, "ann, alone", a, 3+i)
		(*a)[2+i]()
	}
	if q.used != 0 || q.waiting != 0 || len(q.lanes) != 0 || len(q.turns) != 0 {
		t.Errorf("at the end: got %d used, %d waiting, %d lanes, %d turns, want none", q.used, q.waiting, len(q.lanes), len(q.turns))
	}
}

// TestAwait_NoSlotInTime_IsRefusedAndForgotten, and without any time what is free is taken.
func TestAwait_NoSlotInTime_IsRefusedAndForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(1)
		first, ok := q.Await(ann, -time.Second, nil)
		if !ok {
			t.Fatal("a free slot, no time to wait: got a refusal, want the slot")
		}
		began := time.Now()
		if _, ok := q.Await(bob, time.Second, nil); ok || time.Since(began) != time.Second {
			t.Errorf("no free slot: got %v after %v, want a refusal after 1s", ok, time.Since(began))
		}
		ended := make(chan struct{})
		close(ended)
		if _, ok := q.Await(bob, time.Hour, ended); ok {
			t.Error("at the gateway's end: got a slot, want a refusal")
		}
		if q.waiting != 0 || len(q.turns) != 0 || len(q.lanes) != 1 {
			t.Errorf("got %d waiting, %d turns, %d lanes, want nothing of those that were refused", q.waiting, len(q.turns), len(q.lanes))
		}
		time.AfterFunc(time.Second, first)
		leave, ok := q.Await(bob, time.Hour, nil)
		if !ok || time.Since(began) != 2*time.Second {
			t.Fatalf("a slot that becomes free: got %v after %v, want it after 2s", ok, time.Since(began))
		}
		leave()
	})
}

// TestEnter_ManyThatLeaveAtOnce_AllBegin in a loop: a recursion of a million would not end.
func TestEnter_ManyThatLeaveAtOnce_AllBegin(t *testing.T) {
	const n = 1 << 20
	q, begun := New(1), 0
	first := enter(q, ann, 1)
	for range n {
		q.Enter(bob, func(leave func()) { begun++; leave() })
	}
	(*first)[0]()
	if begun != n || q.Waiting() != 0 {
		t.Errorf("got %d begun and %d waiting, want %d and none", begun, q.Waiting(), n)
	}
}

// TestAwait_Concurrent_KeepsBothLimits and refuses nobody.
func TestAwait_Concurrent_KeepsBothLimits(t *testing.T) {
	q := New(8)
	var used atomic.Int32
	var wg sync.WaitGroup
	for _, k := range []Key{ann, bob, home, {}, Of("carol", netip.Addr{})} {
		var own atomic.Int32
		for range 20 {
			wg.Go(func() {
				for range 200 {
					leave, ok := q.Await(k, time.Minute, nil)
					if !ok {
						t.Error("got a refusal, want a slot")
						return
					}
					if all, own := used.Add(1), own.Add(1); all > 8 || own > 2 {
						t.Errorf("got %d slots used, %d of one key, want at most 8 and 2", all, own)
					}
					own.Add(-1)
					used.Add(-1)
					leave()
				}
			})
		}
	}
	wg.Wait()
	if q.used != 0 || q.waiting != 0 || len(q.lanes) != 0 || len(q.turns) != 0 {
		t.Errorf("at the end: got %d used, %d waiting, %d lanes, %d turns, want none", q.used, q.waiting, len(q.lanes), len(q.turns))
	}
}

// TestQueue_NoLimit_NobodyWaits.
func TestQueue_NoLimit_NobodyWaits(t *testing.T) {
	q := New(-1)
	want(t, "no limit", enter(q, ann, 1000), 1000)
	if leave, ok := q.Await(ann, 0, nil); !ok || q.Waiting() != 0 {
		t.Errorf("got %v, %d waiting, want a slot and none", ok, q.Waiting())
	} else {
		leave()
	}
}
