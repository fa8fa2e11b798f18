package ratelimit

import (
	"testing"
	"time"

	"p2pconnector/gateway/internal/clock"
)

// start is a moment at which tests begin.
const start = clock.Instant(366 * 24 * time.Hour)

// takeAll calls Take n times at now and returns how many tokens it took, how many calls were
// refused, how many of those as persistent, and the last wait.
func takeAll(b *Bucket, now clock.Instant, l Limit, n int) (taken, refused, persistent int, wait time.Duration) {
	for range n {
		w, p := b.Take(now, l)
		if w == 0 {
			taken++
		} else {
			refused++
			wait = w
		}
		if p {
			persistent++
		}
	}
	return taken, refused, persistent, wait
}

func TestBucket_TokensUsedUp_RefusesUntilTheNext(t *testing.T) {
	l := Limit{PerSecond: 10, Burst: 20}
	now := start
	var b Bucket
	if taken, refused, persistent, wait := takeAll(&b, now, l, 25); taken != 20 || refused != 5 || persistent != 0 || wait != 100*time.Millisecond {
		t.Errorf("at once: got %d taken, %d refused, %d persistent, wait %v; want 20, 5, 0, 100ms", taken, refused, persistent, wait)
	}
	now = now.Add(100 * time.Millisecond)
	if taken, _, _, _ := takeAll(&b, now, l, 3); taken != 1 {
		t.Errorf("after the wait: got %d taken, want 1", taken)
	}
	now = now.Add(95 * time.Millisecond)
	if wait, _ := b.Take(now, l); wait <= 0 || wait > 6*time.Millisecond { // rounded up
		t.Errorf("5 ms before the next token: got wait %v, want 5ms or 6ms", wait)
	}
	now = now.Add(time.Hour)
	if taken, refused, persistent, _ := takeAll(&b, now, l, 60); taken != 20 || refused != 40 || persistent != 20 {
		t.Errorf("after a pause: got %d taken, %d refused, %d persistent; want 20, 40, 20", taken, refused, persistent)
	}
}

func TestBucket_CallerPauses_ForgetsRefusals(t *testing.T) {
	l := Limit{PerSecond: 1, Burst: 5}
	now := start
	var b Bucket
	for range 10 {
		if _, _, persistent, _ := takeAll(&b, now, l, 5+5); persistent > 0 { // a burst, and as many refused
			t.Fatalf("with pauses: got %d persistent, want 0", persistent)
		}
		now = now.Add(Forgiven) + 1
	}
	for range 100 {
		now = now.Add(time.Second / 2) // twice as fast as it may
		if _, persistent := b.Take(now, l); persistent {
			return
		}
	}
	t.Error("a caller that is always too fast: got never persistent, want it once")
}

func TestBucket_NoLimit_RefusesNothing(t *testing.T) {
	var b Bucket
	for range 1000 {
		if wait, persistent := b.Take(0, Limit{PerSecond: -1, Burst: -5}); wait != 0 || persistent {
			t.Fatalf("got wait %v, persistent %v; want no refusal", wait, persistent)
		}
	}
}
