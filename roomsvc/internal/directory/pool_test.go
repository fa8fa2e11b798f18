package directory

import (
	"testing"

	"p2pconnector/roomsvc/internal/kv/kvtest"
)

func TestPool_MoreThanItMayHold_IsRefusedAndTheRestRunsInOrder(t *testing.T) {
	p := &pool{most: 2, room: 3}
	free := make(chan struct{})
	ran := make(chan int, 5)
	for i := range 2 {
		p.submit(func() { <-free; ran <- i })
	}
	for i := range 3 {
		if full, closed := p.submit(func() { ran <- 2 + i }); full || closed {
			t.Fatalf("number %d: got full %v, closed %v, want neither", 2+i, full, closed)
		}
	}
	if full, _ := p.submit(func() { t.Error("refused function: got a call, want none") }); !full {
		t.Error("one more function: got it accepted, want full")
	}
	if q := p.lengths(); q.Waiting != 3 || q.Busy != 2 {
		t.Errorf("got %+v, want 3 waiting and 2 busy", q)
	}
	free <- struct{}{} // one goroutine is free, the other goes on waiting
	first := <-ran
	for want := 2; want < 5; want++ {
		if got := <-ran; got != want {
			t.Errorf("got number %d, want %d", got, want)
		}
	}
	close(free)
	p.close()
	if got := <-ran; got == first || got > 1 {
		t.Errorf("last one: got %d, want the other of 0 and 1", got)
	}
	if _, closed := p.submit(func() { t.Error("function after close: got a call, want none") }); !closed {
		t.Error("submit after close: got the function accepted, want closed")
	}
	if q := p.lengths(); q.Waiting != 0 || q.Busy != 0 {
		t.Errorf("after close: got %+v, want none", q)
	}
}

// TestPools_OfListsAndSyncs_Hold256: besides the 4 syncs and the 2 lists that run, because each
// reads many keys.
func TestPools_OfListsAndSyncs_Hold256(t *testing.T) {
	sessions, names := newSessions(t, kvtest.NewFake()), newNames(t, kvtest.NewFake())
	for what, c := range map[string]struct {
		p    *pool
		most int
	}{"syncs of sessions": {sessions.passes, 4 + 256}, "lists of names": {names.passes, 2 + 256}} {
		p, free := c.p, make(chan struct{})
		for n := range c.most {
			if full, closed := p.submit(func() { <-free }); full || closed {
				t.Errorf("%s, number %d: got full %v, closed %v, want neither", what, n, full, closed)
			}
		}
		if full, _ := p.submit(func() {}); !full {
			t.Errorf("%s: got one more accepted, want full", what)
		}
		close(free)
	}
}
