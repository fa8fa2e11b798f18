// Package clock measures durations. An [Instant] does not depend on the time of day, which
// may be set at any moment. The [Active] clock stands still while the gateway could not have
// received anything.
package clock

import (
	"sync/atomic"
	"time"
)

// Instant is a moment by the monotonic clock of this process, in nanoseconds. Timeouts,
// waits and rates are measured with it, or with a time.Time straight from time.Now, which
// also has a monotonic reading: the time of day may be set at any moment, and connections
// must not be affected. UnixNano and the like drop the monotonic reading, so a test over
// the sources refuses them except where the time of day is meant: tokens and their
// expiry, credentials, timestamps of frames, and times that go to other hosts.
//
// The zero Instant is long before the process began, so an event that never happened
// counts as long ago.
type Instant int64

// zero is the zero Instant as a time. It is so long ago that it also precedes the
// starting time of the clocks of testing/synctest, which have no monotonic reading.
var zero = time.Now().Add(-100 * 365 * 24 * time.Hour)

// Now returns the present moment.
func Now() Instant { return At(time.Now()) }

// At returns the moment at which time.Now or a ticker returned t.
func At(t time.Time) Instant { return Instant(t.Sub(zero)) }

// Since returns the time that has passed since i.
func Since(i Instant) time.Duration { return Now().Sub(i) }

// Add returns the moment d after i.
func (i Instant) Add(d time.Duration) Instant { return i + Instant(d) }

// Sub returns the time from j to i.
func (i Instant) Sub(j Instant) time.Duration { return time.Duration(i - j) }

// Time returns what time.Now would have returned at i, if the time of day was not set
// after that. It is for comparisons and timers, not for display.
func (i Instant) Time() time.Time { return zero.Add(time.Duration(i)) }

// Wall returns the time of day at i, judged by the present time of day.
func (i Instant) Wall() time.Time {
	now := time.Now()
	return now.Add(i.Sub(At(now)))
}

// AtomicInstant is an Instant that may be loaded and stored concurrently. Its zero value
// holds the zero Instant.
type AtomicInstant struct{ v atomic.Int64 }

// Load returns the Instant.
func (a *AtomicInstant) Load() Instant { return Instant(a.v.Load()) }

// Store sets the Instant.
func (a *AtomicInstant) Store(i Instant) { a.v.Store(int64(i)) }

// CompareAndSwap sets the Instant to i, unless it is not old any more; then it returns false.
func (a *AtomicInstant) CompareAndSwap(old, i Instant) bool {
	return a.v.CompareAndSwap(int64(old), int64(i))
}

// frozenAfter is the time between two ticks of the active clock beyond which the process
// must have been stopped or have had no CPU.
const frozenAfter = time.Second

// Active is a clock that runs only while messages reach the gateway and the gateway
// itself runs. An answer that is missing at other times proves nothing, so a timeout
// measured by this clock does not count them. Now may be called concurrently, Tick by one
// goroutine.
type Active struct {
	passed atomic.Int64 // nanoseconds
	last   Instant      // owned by Tick
	up     bool         // owned by Tick: messages reached the gateway at the last tick
}

// Now returns how long the clock has run.
func (a *Active) Now() time.Duration { return time.Duration(a.passed.Load()) }

// Tick advances the clock to now, if messages reached the gateway at this tick and the
// last. It reports whether the process was frozen between the two.
func (a *Active) Tick(now Instant, receives bool) (frozen bool) {
	elapsed := now.Sub(a.last)
	frozen = a.last != 0 && elapsed > frozenAfter
	if a.up && receives && !frozen {
		a.passed.Add(int64(elapsed))
	}
	a.last, a.up = now, receives
	return frozen
}

// Tick is how old an AtomicInstant may be that holds the present moment.
const Tick = 50 * time.Millisecond
