package natsbus

import (
	"encoding/json"
	"sync"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// MaxGateways bounds the tables that have a row for each gateway.
const MaxGateways = 4096

// forgetAfter is how long after its last lease a gateway is remembered.
const forgetAfter = time.Hour

// Liveness knows which gateways are alive, by their leases and an active clock: time in
// which this gateway could not have received a lease does not count. Safe for concurrent
// use, but Tick by one goroutine at a time.
type Liveness struct {
	own      proto.GatewayID
	active   clock.Active
	ownLease clock.AtomicInstant // when this gateway last received its own lease

	mu  sync.RWMutex
	all map[proto.GatewayID]lease
}

// lease is the last lease of a gateway.
type lease struct {
	at    time.Duration // by the active clock
	ended bool          // no other follows
}

// NewLiveness returns the liveness of all gateways as own knows it: none other is alive.
func NewLiveness(own proto.GatewayID) *Liveness {
	return &Liveness{own: own, all: make(map[proto.GatewayID]lease)}
}

// Tick advances the active clock to now, if messages reach this gateway: it is connected
// to NATS, and its own lease has come back a moment ago. The connection to a NATS server
// that hangs stays up for some seconds.
func (l *Liveness) Tick(now clock.Instant, connected bool) {
	l.active.Tick(now, connected && now.Sub(l.ownLease.Load()) < 2*bus.LeaseInterval)
}

// Now returns the time for which the active clock has run.
func (l *Liveness) Now() time.Duration { return l.active.Now() }

// Renewal says what a lease has changed.
type Renewal int

// What a lease has changed.
const (
	Renewed  Renewal = iota // nothing; or it was the gateway's own, or no lease
	Appeared                // its gateway was not known
	Returned                // its gateway was taken for dead
)

// Receive takes the lease of a gateway in, this gateway's own too. After Appeared, a lease
// that is published at once lets the two gateways link. After Returned, the gateway may
// have been on the other side of a partition, where it or others may have taken sessions
// over.
func (l *Liveness) Receive(m Message) Renewal {
	id, ok := bus.ParseLease(m.Subject)
	var x bus.Lease
	if !ok || json.Unmarshal(m.Data, &x) != nil {
		return Renewed
	}
	if id == l.own {
		l.ownLease.Store(clock.Now())
		return Renewed
	}
	return l.renew(id, x.Ended)
}

func (l *Liveness) renew(g proto.GatewayID, ended bool) Renewal {
	now := l.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	was, known := l.all[g]
	if !known && len(l.all) >= MaxGateways {
		return Renewed
	}
	l.all[proto.GatewayID([]byte(g))] = lease{now, was.ended || ended} // g points into a subject
	switch {
	case !known && !ended:
		return Appeared
	case known && !was.ended && now-was.at >= bus.LeaseTimeout:
		return Returned
	}
	return Renewed
}

// Alive reports whether a gateway holds its lease. A gateway that no lease came from does
// not.
func (l *Liveness) Alive(g proto.GatewayID) bool {
	if g == l.own {
		return true
	}
	now := l.Now()
	l.mu.RLock()
	defer l.mu.RUnlock()
	x, ok := l.all[g]
	return ok && !x.ended && now-x.at < bus.LeaseTimeout
}

// AliveWithin reports whether a gateway may have been alive less than d ago. When no lease
// came from it, this process can only tell once it is older than d itself.
func (l *Liveness) AliveWithin(g proto.GatewayID, d time.Duration) bool {
	now := l.Now()
	l.mu.RLock()
	defer l.mu.RUnlock()
	return now-l.all[g].at < d
}

// Forgotten reports whether nothing needs to be remembered of a gateway any more.
func (l *Liveness) Forgotten(g proto.GatewayID) bool { return !l.AliveWithin(g, forgetAfter) }

// Await returns when g is alive or ended is closed. In a process that has just started it
// waits until a lease of g must have come, if g is alive.
func (l *Liveness) Await(g proto.GatewayID, ended <-chan struct{}) {
	const enough = bus.LeaseInterval * 5 / 4
	if l.Alive(g) || l.Now() >= enough {
		return
	}
	wait := time.NewTimer(enough - l.Now())
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ended:
	}
}

// Counts returns how many gateways are alive, this one included, how many are dead, and
// how many have ended.
func (l *Liveness) Counts() (alive, dead, ended int) {
	now := l.Now()
	l.mu.RLock()
	defer l.mu.RUnlock()
	alive = 1
	for _, x := range l.all {
		switch {
		case x.ended:
			ended++
		case now-x.at < bus.LeaseTimeout:
			alive++
		default:
			dead++
		}
	}
	return alive, dead, ended
}

// Alone reports whether no other gateway is alive.
func (l *Liveness) Alone() bool {
	alive, _, _ := l.Counts()
	return alive == 1
}

// Sweep forgets gateways that have been dead for long.
func (l *Liveness) Sweep() {
	now := l.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	for g, x := range l.all {
		if now-x.at > forgetAfter {
			delete(l.all, g)
		}
	}
}
