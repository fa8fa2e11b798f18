package ratelimit

import (
	"math"
	"time"

	"p2pconnector/gateway/internal/clock"
)

// Limit is the size of a token bucket.
type Limit struct {
	PerSecond int // tokens a second; 0 or less: no limit
	Burst     int // tokens of a full bucket; 1 or more, unless there is no limit
}

// Forgiven is the pause after which a bucket forgets its refusals.
const Forgiven = 10 * time.Second

// Bucket is the token bucket of one caller. The zero value is full. Not safe for
// concurrent use.
type Bucket struct {
	tokens  float64
	at      clock.Instant // of the last Take
	refused int           // without a pause between
}

// Take takes a token. When there is none it returns the time until there is one, in whole
// milliseconds and more than 0. It reports as persistent a caller that has been refused
// more than l.Burst times without a pause: such a caller ignores refusals. now must not be
// before the now of the last call; it may be as coarse as the limit allows.
func (b *Bucket) Take(now clock.Instant, l Limit) (wait time.Duration, persistent bool) {
	if l.PerSecond <= 0 {
		return 0, false
	}
	if b.at == 0 {
		b.tokens = float64(l.Burst)
	}
	b.tokens = min(float64(l.Burst), b.tokens+now.Sub(b.at).Seconds()*float64(l.PerSecond))
	if now.Sub(b.at) > Forgiven {
		b.refused = 0
	}
	b.at = now
	if b.tokens >= 1 {
		b.tokens--
		return 0, false
	}
	b.refused++
	missing := (1 - b.tokens) / float64(l.PerSecond)
	return time.Duration(math.Ceil(missing*1000)) * time.Millisecond, b.refused > l.Burst
}
