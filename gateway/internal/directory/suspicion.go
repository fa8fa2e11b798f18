package directory

import (
	"sync"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/proto"
)

// Times between two comparisons with the directory.
const (
	// CompareInterval is how often the sessions are compared that have moved from the
	// gateway that issued them.
	CompareInterval = time.Minute
	// CompareRetry is the pause after a comparison that failed.
	CompareRetry = time.Second
)

// Suspicion is raised while another gateway may have taken over sessions that this gateway
// serves, because this gateway was cut off, frozen, or did not receive another's lease.
// It ends when the sessions have been compared with the directory after every take that
// began meanwhile must have ended. Safe for concurrent use.
type Suspicion struct {
	soon chan struct{}

	mu     sync.Mutex
	raised bool
	until  clock.Instant // takes that began before the suspicion was raised have ended then
}

// NewSuspicion returns a suspicion that is not raised.
func NewSuspicion() *Suspicion { return &Suspicion{soon: make(chan struct{}, 1)} }

// Soon returns the channel that says when to compare at once.
func (x *Suspicion) Soon() <-chan struct{} { return x.soon }

// Raise raises the suspicion, and has the sessions compared soon.
func (x *Suspicion) Raise() {
	x.mu.Lock()
	x.until, x.raised = clock.Now().Add(proto.RequestDeadline), true
	x.mu.Unlock()
	select {
	case x.soon <- struct{}{}:
	default:
	}
}

// Raised reports whether the suspicion is raised: a client that resumes may miss what
// another gateway has taken in for it.
func (x *Suspicion) Raised() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.raised
}

// Compared takes in that all sessions were compared, beginning at a moment. It returns the
// time until that is to be done again.
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
