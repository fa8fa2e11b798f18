package main

import (
	"math"
	"testing"
	"time"
)

func TestHist_Buckets_FollowEachOther(t *testing.T) {
	for i := range len(hist{}.buckets) - subBuckets {
		if got := bucketOf(bucketFloor(i)); got != i {
			t.Fatalf("the smallest value of bucket %d, %d, is in bucket %d", i, bucketFloor(i), got)
		}
		if i > 0 && bucketOf(bucketFloor(i)-1) != i-1 {
			t.Fatalf("the value before bucket %d is not in the bucket before", i)
		}
	}
}

func TestHist_EachQuantile_IsWithinItsBucket(t *testing.T) {
	var a, b hist
	for i := range 1000 {
		h := &a
		if i%2 == 0 {
			h = &b
		}
		h.add(time.Duration(i+1) * time.Microsecond)
	}
	a.merge(&b)
	for q, want := range map[float64]time.Duration{0.5: 500 * time.Microsecond, 0.99: 990 * time.Microsecond, 1: time.Millisecond, 0: time.Microsecond} {
		if got := a.quantile(q); math.Abs(float64(got-want))/float64(want) > 0.035 {
			t.Errorf("quantile %v is %v, want about %v", q, got, want)
		}
	}
	var share float64
	for i, r := range a.bars() {
		share += r.Share
		if r.To <= r.From || i > 0 && a.bars()[i-1].To != r.From {
			t.Errorf("bar %d goes from %v to %v", i, r.From, r.To)
		}
	}
	if math.Abs(share-1) > 1e-9 {
		t.Errorf("all bars hold a share of %v", share)
	}
	if got := new(hist).quantile(0.5); got != 0 || new(hist).bars() != nil {
		t.Errorf("an empty histogram has a middle of %v", got)
	}
	var negative hist
	negative.add(-time.Second)
	if got := negative.quantile(1); got != 0 {
		t.Errorf("a negative duration counts as %v", got)
	}
}
