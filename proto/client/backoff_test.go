package client

import (
	"testing"
	"time"
)

// Waits are random below a bound that doubles up to the maximum.
func TestBackoff_EachTry_GrowsWithinBounds(t *testing.T) {
	b := backoff{base: 100 * time.Millisecond, max: time.Second}
	for _, top := range []time.Duration{100, 200, 400, 800, 1000, 1000, 1000} {
		top *= time.Millisecond
		var highest time.Duration
		tries := b.tries
		for range 200 {
			b.tries = tries
			d := b.next()
			if d < 0 || d > top {
				t.Fatalf("try %d waits %v, at most %v", tries, d, top)
			}
			highest = max(highest, d)
		}
		if highest < top/2 {
			t.Errorf("of 200 waits none was above half of %v", top)
		}
	}
	b.tries = 1 << 20
	if d := b.next(); d > time.Second {
		t.Errorf("waits %v", d)
	}
	if b.reset(); b.tries != 0 {
		t.Error("reset does nothing")
	}
}
