package directory

import (
	"sync"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/proto"
)

// Times between two comparisons with the directory.
const (
	// CompareInterval is the time between comparisons of the sessions that have moved from
	// the gateway that issued them.
	CompareInterval = time.Minute
	// CompareRetry is the pause after a comparison that failed.
	CompareRetry = time.Second
)

// Suspicion is raised while another gateway may have taken over sessions that this gateway
// serves, because this gateway was cut off, was frozen, or did not receive another gateway's
// lease. A take that began in that time may still be pending. The suspicion ends with a
// comparison of all sessions that begins after every such take must have ended. Safe for
// concurrent use.
type Suspicion struct {
	soon chan struct{}

	mu     sync.Mutex
	raised bool
	until  clock.Instant // when all takes that began before the suspicion was raised have ended
}

// NewSuspicion returns a suspicion that is not raised.
func NewSuspicion() *Suspicion { return &Suspicion{soon: make(chan struct{}, 1)} }

// Soon returns the channel that receives a value when the sessions must be compared at once.
func (x *Suspicion) Soon() <-chan struct{} { return x.soon }

// Raise raises the suspicion and requests a comparison through Soon.
func (x *Suspicion) Raise() {
	x.mu.Lock()
	x.until, x.raised = clock.Now().Add(proto.RequestDeadline), true
	x.mu.Unlock()
	select {
	case x.soon <- struct{}{}:
	default:
	}
}

// Raised reports whether the suspicion is raised. While it is, a client that resumes may
// miss frames that another gateway has accepted for it.
func (x *Suspicion) Raised() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.raised
}

// Compared records that all sessions were compared, in a comparison that began at the given
// moment. It returns the time until the next comparison.
func (x *Suspicion) Compared(began clock.Instant) time.Duration {
	x.mu.Lock()
	defer x.mu.Unlock()
	if began >= x.until {
		x.raised = false
	}
	if !x.raised {
		return CompareInterval
	}
	return max(x.until.Sub(began), CompareRetry)
}
