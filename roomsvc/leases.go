package roomsvc

import (
	"sync"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

const (
	// maxGateways bounds the leases that are followed.
	maxGateways = 4096
	// lastLook is how long a gateway that seems dead is listened for once more,
	// after it was proven that this instance is not the one that is cut off.
	lastLook = 2 * bus.LeaseInterval
	// stall is a gap between ticks that means this process stood still, and so
	// was deaf.
	stall = 2 * time.Second
)

// leases knows which gateways live, by this process's own monotonic clock, and
// counts only time in which it could hear: whenever it was cut off from NATS or
// stood still, every gateway gets its full time again. Its methods may be called
// by any goroutine.
type leases struct {
	grace time.Duration
	now   func() time.Time

	mu       sync.Mutex
	up       bool
	since    time.Time // it has been listening
	lastTick time.Time
	known    map[proto.GatewayID]*lease
}

type lease struct {
	heard  time.Time // last, or when its time began
	ever   bool      // heard since this instance started
	proven time.Time // silent although this instance was not cut off; zero: not proven yet
}

func newLeases(grace time.Duration) *leases {
	return &leases{grace: grace, now: time.Now, known: make(map[proto.GatewayID]*lease)}
}

// connected begins everybody's time afresh.
func (l *leases) connected() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.up = true
	l.refreshLocked()
}

func (l *leases) disconnected() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.up = false
}

// refresh begins everybody's time afresh: what was not heard proves nothing.
func (l *leases) refresh() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refreshLocked()
}

func (l *leases) refreshLocked() {
	l.since = l.now()
	l.lastTick = l.since
	for _, e := range l.known {
		e.heard, e.proven = l.since, time.Time{}
	}
}

// heard notes a gateway's lease. Its last words are one like any other: its
// peers may be on their way to another gateway.
func (l *leases) heard(g proto.GatewayID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.entryLocked(g); e != nil {
		e.heard, e.ever, e.proven = l.now(), true, time.Time{}
	}
}

// notice notes that g holds members now, or begins to.
func (l *leases) notice(g proto.GatewayID) { l.noticeSince(g, false) }

// find notes that g stood in the bucket when this instance started; the silence
// since then counts.
func (l *leases) find(g proto.GatewayID) { l.noticeSince(g, true) }

func (l *leases) noticeSince(g proto.GatewayID, start bool) {
	if !g.Valid() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known[g] != nil {
		return
	}
	if e := l.entryLocked(g); e != nil && start {
		e.heard = l.since
	}
}

func (l *leases) entryLocked(g proto.GatewayID) *lease {
	e := l.known[g]
	if e == nil && len(l.known) < maxGateways {
		e = &lease{heard: l.now()}
		l.known[g] = e
	}
	return e
}

// tick must be called at least every stall.
func (l *leases) tick() {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if now.Sub(l.lastTick) > stall {
		l.refreshLocked()
	}
	l.lastTick = now
}

// suspects reports whether a gateway's peers have had their time to come back,
// and nobody has proven yet that the silence is the gateway's.
func (l *leases) suspects() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.known {
		if e.proven.IsZero() && l.overLocked(e) {
			return true
		}
	}
	return false
}

// prove notes that this instance is not cut off at this moment.
func (l *leases) prove() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.known {
		if e.proven.IsZero() && l.overLocked(e) {
			e.proven = l.now()
		}
	}
}

// gone lists the gateways that kept silent for lastLook and more after that.
func (l *leases) gone(more time.Duration) []proto.GatewayID {
	l.mu.Lock()
	defer l.mu.Unlock()
	var gone []proto.GatewayID
	for g, e := range l.known {
		if l.goneLocked(e, more) {
			gone = append(gone, g)
		}
	}
	return gone
}

// isGone reports whether gone lists g.
func (l *leases) isGone(g proto.GatewayID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.known[g]
	return e != nil && l.goneLocked(e, 0)
}

func (l *leases) goneLocked(e *lease, more time.Duration) bool {
	return !e.proven.IsZero() && l.overLocked(e) && l.now().Sub(e.proven) >= lastLook+more
}

func (l *leases) overLocked(e *lease) bool {
	patience := max(l.grace, bus.LeaseTimeout)
	if !e.ever {
		patience = max(patience, bus.FirstLeaseTimeout-lastLook) // swept at FirstLeaseTimeout
	}
	return l.up && l.now().Sub(e.heard) >= patience
}

// forget drops those of gone that still are: nothing names them any more.
func (l *leases) forget(gone []proto.GatewayID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, g := range gone {
		if e := l.known[g]; e != nil && !e.proven.IsZero() {
			delete(l.known, g)
		}
	}
}

// count is the number of gateways known.
func (l *leases) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.known)
}
