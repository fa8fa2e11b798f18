package ratelimit

import (
	"math"
	"testing"
	"time"
)

const testRate = 1000 // bytes a second: the bucket holds 4,000

func TestByteBucket_UsedUp_RefusesUntilPaid(t *testing.T) {
	now := start
	var b ByteBucket
	for i := range 4 {
		if wait := b.Wait(now, testRate, 999, 0); wait != 0 {
			t.Fatalf("frame %d of a full bucket: got wait %v, want 0", i, wait)
		}
		b.Take(now, testRate, 999, maxByteTime)
	}
	if wait := b.Wait(now, testRate, 3, 0); wait != 0 {
		t.Errorf("the bytes that are left: got wait %v, want 0", wait)
	}
	wait := b.Wait(now, testRate, 1000, 0)
	if wait < 995*time.Millisecond || wait > 997*time.Millisecond {
		t.Fatalf("more than is left: got wait %v, want 996ms", wait)
	}
	if early := b.Wait(now.Add(wait-time.Microsecond), testRate, 1000, 0); early <= 0 {
		t.Errorf("just before the wait is over: got wait %v, want more than 0", early)
	}
	if late := b.Wait(now.Add(wait), testRate, 1000, 0); late != 0 {
		t.Errorf("after the wait: got wait %v, want 0", late)
	}
}

func TestByteBucket_CostAboveTheBurst_LeavesDebt(t *testing.T) {
	now := start
	var b ByteBucket
	if wait := b.Wait(now, testRate, 10_000, 0); wait != 0 {
		t.Fatalf("full bucket: got wait %v, want 0", wait)
	}
	b.Take(now, testRate, 10_000, maxByteTime) // 6,000 more than it holds
	if wait := b.Wait(now, testRate, 1, 0); wait.Round(time.Millisecond) != 6001*time.Millisecond {
		t.Errorf("the next byte: got wait %v, want 6.001s", wait)
	}
	if wait := b.Wait(now, testRate, 10_000, 0); wait.Round(time.Millisecond) != 9*time.Second {
		t.Errorf("the same again: got wait %v, want 9s", wait)
	}
	if wait := b.Wait(now.Add(9*time.Second+1), testRate, 10_000, 0); wait != 0 {
		t.Errorf("the same again, when three quarters are there: got wait %v, want 0", wait)
	}
}

// TestByteBucket_CostAboveMost_IsTakenUpToIt, and a bucket that is emptier already stays so.
func TestByteBucket_CostAboveMost_IsTakenUpToIt(t *testing.T) {
	now := start
	var b ByteBucket
	for range 3 {
		b.Take(now, testRate, 10_000, 3*time.Second)
		if wait := b.Wait(now, testRate, 990, 0); wait != 0 {
			t.Errorf("the last second's worth: got wait %v, want 0", wait)
		}
		if wait := b.Wait(now, testRate, 1001, 0); wait <= 0 || wait > 2*time.Millisecond {
			t.Errorf("more than that: got wait %v, want at most 2ms", wait)
		}
	}
	b.Take(now, testRate, 2000, maxByteTime)
	b.Take(now, testRate, 1, 3*time.Second)
	if wait := b.Wait(now, testRate, 10_000, 0); wait.Round(time.Millisecond) != 4*time.Second {
		t.Errorf("after 2,000 bytes more: got wait %v, want 4s", wait)
	}
}

func TestByteBucket_Reserve_StaysInTheBucket(t *testing.T) {
	now := start
	var b ByteBucket
	b.Take(now, testRate, 2999, maxByteTime)
	if wait := b.Wait(now, testRate, 10, time.Second); wait <= 0 {
		t.Errorf("into the reserve: got wait %v, want more than 0", wait)
	}
	if wait := b.Wait(now, testRate, 990, 0); wait != 0 {
		t.Errorf("those who may use the reserve: got wait %v, want 0", wait)
	}
}

// TestByteBucket_TakenForLong_GivesItsRate: in the long run nothing is lost to rounding.
func TestByteBucket_TakenForLong_GivesItsRate(t *testing.T) {
	now, taken := start, 0
	var b ByteBucket
	for range 100_000 {
		now = now.Add(time.Millisecond)
		for b.Wait(now, testRate, 7, 0) == 0 {
			b.Take(now, testRate, 7, maxByteTime)
			taken += 7
		}
	}
	if want := 100*testRate + 4*testRate; taken < want-10 || taken > want {
		t.Errorf("bytes in 100 s: got %d, want %d", taken, want)
	}
}

func TestByteBucket_Extremes_NeitherOverflowNorDivideByZero(t *testing.T) {
	for _, rate := range []int{-1, 0} {
		var b ByteBucket
		b.Take(start, rate, math.MaxInt, maxByteTime)
		if wait := b.Wait(start, rate, math.MaxInt, 0); wait != 0 {
			t.Errorf("rate %d: got wait %v, want no limit", rate, wait)
		}
	}
	for _, rate := range []int{1, math.MaxInt} {
		var b ByteBucket
		for range 100 {
			b.Take(start, rate, math.MaxInt, maxByteTime)
		}
		if wait := b.Wait(start, rate, 1, 0); wait <= 0 || wait > maxByteTime {
			t.Errorf("rate %d, after 100 times the most bytes: got wait %v, want at most %v", rate, wait, maxByteTime)
		}
	}
}
