package gateway

import (
	"testing"
	"time"
)

func TestMeter(t *testing.T) {
	now := fixedClock()
	var m meter
	take := func(n int) (ok, refused, over int, wait time.Duration) {
		for range n {
			w, o := m.take(now, 10, 20)
			if w == 0 {
				ok++
			} else {
				refused++
				wait = w
			}
			if o {
				over++
			}
		}
		return
	}
	if ok, refused, over, wait := take(25); ok != 20 || refused != 5 || over != 0 || wait != 100*time.Millisecond {
		t.Errorf("at once: %d, %d refused, %d over, wait %v", ok, refused, over, wait)
	}
	now += int64(wait10th)
	if ok, _, _, _ := take(3); ok != 1 {
		t.Errorf("after the time that it was told to wait: %d", ok)
	}
	now += int64(95 * time.Millisecond)
	if w, _ := m.take(now, 10, 20); w <= 0 || w > 6*time.Millisecond {
		t.Errorf("5 ms before the next: wait %v", w) // rounded up
	}
	now += int64(time.Hour)
	if ok, refused, over, _ := take(60); ok != 20 || refused != 40 || over != 20 {
		t.Errorf("after a pause: %d, %d refused, %d over", ok, refused, over)
	}
}

const wait10th = 100 * time.Millisecond

// Refusals add up as long as the client does not pause, and no longer.
func TestMeterForgives(t *testing.T) {
	now := fixedClock()
	var m meter
	for range 10 {
		for range 5 + 5 { // a burst of 5, and as many refused
			if _, over := m.take(now, 1, 5); over {
				t.Fatal("over although it paused")
			}
		}
		now += int64(forgiven) + 1
	}
	for range 100 {
		now += int64(time.Second) / 2 // twice as fast as it may
		if _, over := m.take(now, 1, 5); over {
			return
		}
	}
	t.Error("a client that is always too fast is never closed")
}

func TestMeterWithoutLimit(t *testing.T) {
	var m meter
	for range 1000 {
		if wait, over := m.take(0, -1, -5); wait != 0 || over {
			t.Fatal("refused")
		}
	}
}
