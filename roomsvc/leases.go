package roomsvc

import (
	"sync"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

const (
	// maxGateways bounds the gateways whose leases are tracked.
	maxGateways = 4096
	// lastLook is how long this instance goes on waiting for a lease of a
	// suspect gateway, after a proof that it is not cut off itself.
	lastLook = 2 * bus.LeaseInterval
	// stall is the longest time between two ticks of a process that runs. After
	// a longer one this process counts as frozen: it may have missed leases.
	stall = 2 * time.Second
)

// leases tracks which gateways are alive, by this process's own monotonic clock.
// It counts only time in which it could receive leases: after it was cut off
// from NATS or frozen, every gateway gets its full time again. Its methods may
// be called by any goroutine.
type leases struct {
	grace func() time.Duration // how long a gateway may be silent; it takes no lock
	now   func() time.Time

	mu       sync.Mutex
	up       bool
	since    time.Time // when it began to receive leases
	lastTick time.Time
	known    map[proto.GatewayID]*lease
}

type lease struct {
	heard  time.Time // when the last lease came, or when its time began
	ever   bool      // a lease has come since this instance started
	proven time.Time // when it was proven that this instance is not cut off; zero: not yet
}

func newLeases(grace time.Duration) *leases {
	return &leases{grace: func() time.Duration { return grace }, now: time.Now, known: make(map[proto.GatewayID]*lease)}
}

// connected records that NATS is connected, and gives every gateway its full
// time again.
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

// refresh gives every gateway its full time again, because this instance may
// have missed leases.
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

// heard records a lease of g, and reports whether it is the first of g. The last lease
// of a gateway counts like any other, because its peers may be on their way to another
// gateway.
func (l *leases) heard(g proto.GatewayID) (first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.entryLocked(g); e != nil {
		first = !e.ever
		e.heard, e.ever, e.proven = l.now(), true, time.Time{}
	}
	return first
}

// notice starts to track g, which serves a member or a session, or begins to.
func (l *leases) notice(g proto.GatewayID) { l.noticeSince(g, false) }

// find starts to track g, which was in the bucket when this instance started.
// The time without a lease since then counts.
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

// suspects reports whether the time of any gateway is over while there is no
// proof yet that this instance is not cut off.
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

// prove records that this instance is not cut off at this moment.
func (l *leases) prove() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.known {
		if e.proven.IsZero() && l.overLocked(e) {
			e.proven = l.now()
		}
	}
}

// gone returns the dead gateways: those that sent no lease for lastLook and
// more after that proof.
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

// isGone reports whether g is dead.
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
	patience := max(l.grace(), bus.LeaseTimeout)
	if !e.ever {
		patience = max(patience, bus.FirstLeaseTimeout-lastLook) // swept at FirstLeaseTimeout
	}
	return l.up && l.now().Sub(e.heard) >= patience
}

// forget drops those of gone that sent no lease meanwhile. No room and no
// session names them any more.
func (l *leases) forget(gone []proto.GatewayID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, g := range gone {
		if e := l.known[g]; e != nil && !e.proven.IsZero() {
			delete(l.known, g)
		}
	}
}

// count returns the number of gateways known.
func (l *leases) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.known)
}

// counts returns how many gateways have a lease, and how many have none any more.
func (l *leases) counts() (live, silent int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.known {
		if l.now().Sub(e.heard) < bus.LeaseTimeout {
			live++
		} else {
			silent++
		}
	}
	return live, silent
}
