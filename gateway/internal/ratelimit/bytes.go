package ratelimit

import (
	"math"
	"time"

	"p2pconnector/gateway/internal/clock"
)

// ByteBurst is the time in which an empty ByteBucket becomes full: its burst, as a duration.
const ByteBurst = 4 * time.Second

// enough is the part of the burst that suffices for any cost: if large costs needed a full
// bucket, they would never pass beside small ones.
const enough = ByteBurst * 3 / 4

// ByteBucket is a token bucket of bytes, as the generic cell rate algorithm keeps it: each
// byte taken moves the moment at which the bucket is full again into the future. The zero
// ByteBucket is full. Its methods may be called concurrently and take no lock. A rate of 0 or
// less is no limit; a bucket is always used with the same rate.
type ByteBucket struct {
	full clock.AtomicInstant
}

// Owe makes the bucket full again not before full.
func (b *ByteBucket) Owe(full clock.Instant) {
	for {
		old := b.full.Load()
		if old >= full || b.full.CompareAndSwap(old, full) {
			return
		}
	}
}

// Full returns when the bucket is full again: a moment that has passed if it is.
func (b *ByteBucket) Full() clock.Instant { return b.full.Load() }

// Wait returns the time until n bytes may be taken at perSecond bytes a second; 0 is now. It
// takes nothing. The last reserve of the burst stays in the bucket. However large n is, three
// quarters of the burst are enough: Take then leaves the bucket in debt.
func (b *ByteBucket) Wait(now clock.Instant, perSecond, n int, reserve time.Duration) time.Duration {
	if perSecond <= 0 {
		return 0
	}
	depth := max(ByteBurst-enough, ByteBurst-reserve-byteTime(perSecond, n))
	return max(0, b.full.Load().Sub(now)-depth)
}

// Take takes n bytes, whether the bucket holds them or not, but no more than leave it full
// again after most: what one caller takes from a bucket that others use too must not keep
// them waiting for long. A most above ByteBurst allows a debt. Callers that ask Wait and take
// at the same time may all be allowed; up to most, that delays those that come later.
func (b *ByteBucket) Take(now clock.Instant, perSecond, n int, most time.Duration) {
	if perSecond <= 0 || n <= 0 {
		return
	}
	cost := byteTime(perSecond, n)
	for {
		full := b.full.Load()
		after := max(full, min(max(full, now).Add(cost), now.Add(most)))
		if b.full.CompareAndSwap(full, after) {
			return
		}
	}
}

// maxByteTime bounds the time that byteTime returns.
const maxByteTime = time.Hour

// byteTime returns the time in which a bucket gets n bytes, rounded up.
func byteTime(perSecond, n int) time.Duration {
	if n <= 0 {
		return 0
	}
	if int64(n) > math.MaxInt64/int64(time.Second) {
		return maxByteTime
	}
	return min(maxByteTime, time.Duration(n)*time.Second/time.Duration(perSecond)+1)
}
