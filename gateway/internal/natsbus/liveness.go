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

// forgetAfter is how long a gateway is remembered after its last lease.
const forgetAfter = time.Hour

// Liveness knows which gateways are alive, by their leases and an active clock: time in
// which this gateway could not have received a lease does not count. Safe for concurrent
// use, except that one goroutine at a time may call Tick.
type Liveness struct {
	own      proto.GatewayID
	active   clock.Active
	ownLease clock.AtomicInstant // when this gateway last received its own lease

	mu  sync.RWMutex
	all map[proto.GatewayID]lease
}

// lease is the last lease of a gateway.
type lease struct {
	at      time.Duration // by the active clock
	ended   bool          // no other lease follows
	tracker bool          // it may be the home of WebTorrent swarms
}

// NewLiveness returns the Liveness of gateway own, for which no other gateway is alive yet.
func NewLiveness(own proto.GatewayID) *Liveness {
	return &Liveness{own: own, all: make(map[proto.GatewayID]lease)}
}

// Tick advances the active clock to now, if messages reach this gateway: it is connected
// to NATS, and its own lease came back recently. The connection alone does not prove that,
// because it stays up for some seconds when the NATS server hangs.
func (l *Liveness) Tick(now clock.Instant, connected bool) {
	l.active.Tick(now, connected && now.Sub(l.ownLease.Load()) < 2*bus.LeaseInterval)
}

// Now returns how long the active clock has run.
func (l *Liveness) Now() time.Duration { return l.active.Now() }

// Renewal is the change that a lease made.
type Renewal int

// The changes that a lease makes.
const (
	Renewed  Renewal = iota // no change; or it was the gateway's own lease, or no lease
	Appeared                // its gateway was not known before
	Returned                // its gateway was considered dead
)

// Receive handles the lease of a gateway, this gateway's own included. After Appeared, the
// caller publishes its own lease at once so that the two gateways can link. After Returned,
// the gateway may have been on the other side of a partition, where it or others may have
// taken sessions over.
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
	return l.renew(id, x.Ended, x.Tracker)
}

func (l *Liveness) renew(g proto.GatewayID, ended, tracker bool) Renewal {
	now := l.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	was, known := l.all[g]
	if !known && len(l.all) >= MaxGateways {
		return Renewed
	}
	l.all[proto.GatewayID([]byte(g))] = lease{now, was.ended || ended, tracker} // g points into a subject
	switch {
	case !known && !ended:
		return Appeared
	case known && !was.ended && now-was.at >= bus.LeaseTimeout:
		return Returned
	}
	return Renewed
}

// Alive reports whether a gateway holds its lease. A gateway from which no lease was
// received does not.
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

// Trackers returns the gateways that are alive and may be the home of WebTorrent swarms; with
// own, this gateway too.
func (l *Liveness) Trackers(own bool) (all []proto.GatewayID) {
	if own {
		all = append(all, l.own)
	}
	now := l.Now()
	l.mu.RLock()
	defer l.mu.RUnlock()
	for g, x := range l.all {
		if x.tracker && !x.ended && now-x.at < bus.LeaseTimeout {
			all = append(all, g)
		}
	}
	return all
}

// AliveWithin reports whether a gateway may have been alive less than d ago. If no lease
// was received from it, AliveWithin returns true until this process itself is older than d.
func (l *Liveness) AliveWithin(g proto.GatewayID, d time.Duration) bool {
	now := l.Now()
	l.mu.RLock()
	defer l.mu.RUnlock()
	return now-l.all[g].at < d
}

// Forgotten reports whether a gateway need not be remembered any more.
func (l *Liveness) Forgotten(g proto.GatewayID) bool { return !l.AliveWithin(g, forgetAfter) }

// Await returns at once when g is alive. Otherwise, in a process that has just started, it
// waits until g must have sent a lease if it is alive, or until ended is closed.
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

// Counts returns the number of gateways that are alive, own included, that are dead, and
// that have ended.
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

// Sweep forgets gateways that have been dead for a long time.
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
