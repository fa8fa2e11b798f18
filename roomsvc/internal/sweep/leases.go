// Package sweep tracks which gateways are alive, and removes what dead ones left behind.
//
// A gateway renews its lease every second. It is suspect when its time is over: the grace of
// a session since its last lease. It is dead when this instance then has reached JetStream,
// so that it is not cut off itself, and has waited for another two intervals in vain. The
// peers of a dead gateway may have moved meanwhile; what names another gateway by the time
// it would be removed stays.
package sweep

import (
	"sync"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

const (
	// maxGateways bounds the gateways whose leases are tracked.
	maxGateways = 4096
	// lastWait is how long this instance goes on waiting for a lease of a suspect gateway,
	// after it has reached JetStream.
	lastWait = 2 * bus.LeaseInterval
	// maxTick is the longest time between two ticks of a process that runs. After a longer
	// one this process counts as frozen: it may have missed leases.
	maxTick = 2 * time.Second
)

// Leases tracks which gateways are alive, by this process's own monotonic clock.
// It counts only time in which it could receive leases: after it was cut off
// from NATS or frozen, every gateway gets its full time again. Its methods may
// be called by any goroutine.
type Leases struct {
	Grace func() time.Duration // how long a gateway may go without a lease; it takes no lock
	now   func() time.Time

	mu       sync.Mutex
	up       bool
	since    time.Time // when it began to receive leases
	lastTick time.Time
	known    map[proto.GatewayID]*lease
}

type lease struct {
	renewed time.Time // when the last lease came, or when its time began
	ever    bool      // a lease has come since this instance started
	reached time.Time // when it was suspect and this instance reached JetStream; zero: not yet
}

// NewLeases returns leases of no gateways, each of which may go without one for grace.
func NewLeases(grace time.Duration) *Leases {
	return &Leases{Grace: func() time.Duration { return grace }, now: time.Now, known: make(map[proto.GatewayID]*lease)}
}

// Connected records that NATS is connected, and gives every gateway its full
// time again.
func (l *Leases) Connected() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.up = true
	l.refreshLocked()
}

// Disconnected records that NATS is not connected, so that no lease can arrive.
func (l *Leases) Disconnected() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.up = false
}

// refresh gives every gateway its full time again, because this instance may
// have missed leases.
func (l *Leases) refresh() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refreshLocked()
}

func (l *Leases) refreshLocked() {
	l.since = l.now()
	l.lastTick = l.since
	for _, e := range l.known {
		e.renewed, e.reached = l.since, time.Time{}
	}
}

// Renewed records a lease of g, and reports whether it is the first of g. The last lease
// of a gateway counts like any other, because its peers may be on their way to another
// gateway.
func (l *Leases) Renewed(g proto.GatewayID) (first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.entryLocked(g); e != nil {
		first = !e.ever
		e.renewed, e.ever, e.reached = l.now(), true, time.Time{}
	}
	return first
}

// Notice starts to track g, which serves a member, a session or a name, or begins to.
func (l *Leases) Notice(g proto.GatewayID) { l.noticeSince(g, false) }

// noticeFromStart starts to track g, which was in a bucket when this instance started. The
// time without a lease since then counts.
func (l *Leases) noticeFromStart(g proto.GatewayID) { l.noticeSince(g, true) }

func (l *Leases) noticeSince(g proto.GatewayID, start bool) {
	if !g.Valid() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known[g] != nil {
		return
	}
	if e := l.entryLocked(g); e != nil && start {
		e.renewed = l.since
	}
}

func (l *Leases) entryLocked(g proto.GatewayID) *lease {
	e := l.known[g]
	if e == nil && len(l.known) < maxGateways {
		e = &lease{renewed: l.now()}
		l.known[g] = e
	}
	return e
}

// tick must be called at least every maxTick.
func (l *Leases) tick() {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if now.Sub(l.lastTick) > maxTick {
		l.refreshLocked()
	}
	l.lastTick = now
}

// suspects reports whether the time of any gateway is over while this instance may be cut off
// itself.
func (l *Leases) suspects() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.known {
		if e.reached.IsZero() && l.overLocked(e) {
			return true
		}
	}
	return false
}

// reached records that this instance has reached JetStream: it is not cut off.
func (l *Leases) reached() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.known {
		if e.reached.IsZero() && l.overLocked(e) {
			e.reached = l.now()
		}
	}
}

// dead returns the dead gateways: those that sent no lease for lastWait and more after that.
func (l *Leases) dead(more time.Duration) []proto.GatewayID {
	l.mu.Lock()
	defer l.mu.Unlock()
	var dead []proto.GatewayID
	for g, e := range l.known {
		if l.deadLocked(e, more) {
			dead = append(dead, g)
		}
	}
	return dead
}

// isDead reports whether g is dead.
func (l *Leases) isDead(g proto.GatewayID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.known[g]
	return e != nil && l.deadLocked(e, 0)
}

func (l *Leases) deadLocked(e *lease, more time.Duration) bool {
	return !e.reached.IsZero() && l.overLocked(e) && l.now().Sub(e.reached) >= lastWait+more
}

func (l *Leases) overLocked(e *lease) bool {
	patience := max(l.Grace(), bus.LeaseTimeout)
	if !e.ever {
		patience = max(patience, bus.FirstLeaseTimeout-lastWait) // swept at FirstLeaseTimeout
	}
	return l.up && l.now().Sub(e.renewed) >= patience
}

// forget drops those of dead that sent no lease meanwhile. No bucket names them any more.
func (l *Leases) forget(dead []proto.GatewayID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, g := range dead {
		if e := l.known[g]; e != nil && !e.reached.IsZero() {
			delete(l.known, g)
		}
	}
}

// Counts returns how many known gateways have a lease, and how many have none any more.
func (l *Leases) Counts() (live, expired int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.known {
		if l.now().Sub(e.renewed) < bus.LeaseTimeout {
			live++
		} else {
			expired++
		}
	}
	return live, expired
}
