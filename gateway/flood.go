package gateway

import (
	"math"
	"time"

	"p2pconnector/proto"
)

// meter is the token bucket of one connection's frames. It belongs to the reader.
type meter struct {
	tokens  float64
	at      int64 // coarse, Unix nanoseconds
	strikes int   // frames refused without a pause
}

// forgiven is the pause after which refused frames are forgotten.
const forgiven = 10 * time.Second

// take takes a token at time now (Unix nanoseconds). Without one it returns how
// long to wait, and over when the client has not minded many refusals.
func (m *meter) take(now int64, perSecond, burst int) (wait time.Duration, over bool) {
	if perSecond <= 0 {
		return 0, false
	}
	if m.at == 0 {
		m.tokens = float64(burst)
	}
	m.tokens = min(float64(burst), m.tokens+float64(now-m.at)/1e9*float64(perSecond))
	if now-m.at > int64(forgiven) {
		m.strikes = 0
	}
	m.at = now
	if m.tokens >= 1 {
		m.tokens--
		return 0, false
	}
	m.strikes++
	missing := (1 - m.tokens) / float64(perSecond)
	return time.Duration(math.Ceil(missing*1000)) * time.Millisecond, m.strikes > burst
}

// tooFast answers a frame above the rate, and closes a client that goes on.
func (c *conn) tooFast(f *proto.Frame, wait time.Duration, over bool) {
	e := proto.Errorf(proto.RateLimited, "Too many frames: this server takes %d a second from a client. Wait retry_after_ms before the next.", c.g.cfg.MessagesPerSecond)
	e.RetryAfterMS = max(wait.Milliseconds(), 1)
	c.refuse(f, e)
	if over {
		c.close(proto.ClosePolicy, "flooding after Rate_Limited", true)
	}
}
