// Package stats summarises measurements: histograms of durations, medians and spreads.
package stats

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// subBuckets is the number of buckets for each doubling: a value read from a
// histogram is off by at most 3 %.
const (
	subBits    = 5
	subBuckets = 1 << subBits
)

// Hist counts durations. Safe for concurrent use.
type Hist struct {
	n       atomic.Uint64
	buckets [(64 - subBits + 1) * subBuckets]atomic.Uint64
}

func bucketOf(v uint64) int {
	if v < subBuckets {
		return int(v)
	}
	shift := bits.Len64(v) - subBits - 1
	return (shift+1)*subBuckets + int(v>>shift) - subBuckets
}

// bucketFloor is the smallest value of a bucket.
func bucketFloor(i int) uint64 {
	if i < 2*subBuckets {
		return uint64(i)
	}
	shift := i/subBuckets - 1
	return uint64(i%subBuckets+subBuckets) << shift
}

// Add counts d; a negative duration counts as zero.
func (h *Hist) Add(d time.Duration) {
	h.buckets[bucketOf(uint64(max(d, 0)))].Add(1)
	h.n.Add(1)
}

// Quantile returns the duration that a share q of the counted ones do not
// exceed, or 0 when nothing was counted.
func (h *Hist) Quantile(q float64) time.Duration {
	n := h.n.Load()
	if n == 0 {
		return 0
	}
	want := max(uint64(q*float64(n)+0.5), 1)
	var seen uint64
	for i := range h.buckets {
		if seen += h.buckets[i].Load(); seen >= want {
			lo, hi := bucketFloor(i), bucketFloor(i+1)
			return time.Duration(lo + (hi-lo)/2)
		}
	}
	return 0
}

// Merge adds what other counted.
func (h *Hist) Merge(other *Hist) {
	for i := range other.buckets {
		if c := other.buckets[i].Load(); c > 0 {
			h.buckets[i].Add(c)
		}
	}
	h.n.Add(other.n.Load())
}

// Bar is one bar of a histogram's picture.
type Bar struct {
	From  time.Duration `json:"from_ns"`
	To    time.Duration `json:"to_ns"`
	Share float64       `json:"share"` // of all counted durations
}

// Bars returns the histogram in steps of a quarter of a doubling, from the first
// that is not empty to the last.
func (h *Hist) Bars() []Bar {
	const step = subBuckets / 4
	n := float64(h.n.Load())
	var out []Bar
	last := 0
	for i := 0; i < len(h.buckets); i += step {
		var c uint64
		for j := i; j < i+step; j++ {
			c += h.buckets[j].Load()
		}
		if c == 0 && len(out) == 0 {
			continue
		}
		out = append(out, Bar{time.Duration(bucketFloor(i)), time.Duration(bucketFloor(i + step)), float64(c) / n})
		if c > 0 {
			last = len(out)
		}
	}
	return out[:last]
}
