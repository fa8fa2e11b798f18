package stats

import (
	"math"
	"testing"
	"time"
)

func TestHist_Buckets_FollowEachOther(t *testing.T) {
	for i := range len(Hist{}.buckets) - subBuckets {
		if got := bucketOf(bucketFloor(i)); got != i {
			t.Fatalf("bucketOf(%d), the smallest value of its bucket: got %d, want %d", bucketFloor(i), got, i)
		}
		if i == 0 {
			continue
		}
		if got := bucketOf(bucketFloor(i) - 1); got != i-1 {
			t.Fatalf("bucketOf(%d), the value before bucket %d: got %d, want %d", bucketFloor(i)-1, i, got, i-1)
		}
	}
}

func TestHist_EachQuantile_IsWithinItsBucket(t *testing.T) {
	var a, b Hist
	for i := range 1000 {
		h := &a
		if i%2 == 0 {
			h = &b
		}
		h.Add(time.Duration(i+1) * time.Microsecond)
	}
	a.Merge(&b)
	for q, want := range map[float64]time.Duration{0.5: 500 * time.Microsecond, 0.99: 990 * time.Microsecond, 1: time.Millisecond, 0: time.Microsecond} {
		if got := a.Quantile(q); math.Abs(float64(got-want))/float64(want) > 0.035 {
			t.Errorf("Quantile(%v): got %v, want about %v", q, got, want)
		}
	}
	var share float64
	for i, r := range a.Bars() {
		share += r.Share
		if r.To <= r.From || i > 0 && a.Bars()[i-1].To != r.From {
			t.Errorf("bar %d: got it from %v to %v, want it to rise and to begin where the bar before ends", i, r.From, r.To)
		}
	}
	if math.Abs(share-1) > 1e-9 {
		t.Errorf("share of all bars together: got %v, want 1", share)
	}
	if got := new(Hist).Quantile(0.5); got != 0 || new(Hist).Bars() != nil {
		t.Errorf("empty histogram: got middle %v, bars %v, want 0 and none", got, new(Hist).Bars())
	}
	var negative Hist
	negative.Add(-time.Second)
	if got := negative.Quantile(1); got != 0 {
		t.Errorf("a negative duration: got it counted as %v, want 0", got)
	}
}
