package gateway

import (
	"encoding/json"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/proto"
)

// maxGateways bounds the tables that have a row for each gateway.
const maxGateways = 4096

// forgetGateway is how long after its last lease a gateway is remembered.
const forgetGateway = time.Hour

// leases knows which gateways live, by the gateway's active clock: time in which it
// could not receive a lease does not count. Safe for concurrent use.
type leases struct {
	own proto.GatewayID
	now func() time.Duration

	mu  sync.RWMutex
	all map[proto.GatewayID]lease
}

// lease is the last that a gateway has said.
type lease struct {
	at    time.Duration
	ended bool
}

func newLeases(own proto.GatewayID, now func() time.Duration) *leases {
	return &leases{own: own, now: now, all: make(map[proto.GatewayID]lease)}
}

// receiveLease takes the lease of a gateway in, this one's too. A gateway that was not
// known is answered at once, so that the two may link. One that was silent for longer
// than its lease may have been on the other side of a partition, where it or others may
// have taken sessions over.
func (g *Gateway) receiveLease(m *nats.Msg) {
	g.watchdog.hears.work()
	defer g.watchdog.hears.rest()
	id, ok := proto.ParseLease(m.Subject)
	var l proto.Lease
	if !ok || json.Unmarshal(m.Data, &l) != nil {
		return
	}
	if id == g.id {
		g.ownLease.Store(clock.Now())
		return
	}
	switch g.leases.renew(id, l.Ended) {
	case leaseNew:
		if !l.Ended {
			g.publishLease(false)
		}
	case leaseBack:
		g.suspectSessions()
	}
}

// renewal says what a lease has changed.
type renewal int

const (
	leaseKept renewal = iota
	leaseNew          // its gateway was not known
	leaseBack         // its gateway was taken for dead
)

// renew notes that a gateway has spoken; ended, that these were its last words.
func (l *leases) renew(g proto.GatewayID, ended bool) renewal {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	was, known := l.all[g]
	if !known && len(l.all) >= maxGateways {
		return leaseKept
	}
	l.all[proto.GatewayID([]byte(g))] = lease{now, was.ended || ended}
	switch {
	case !known:
		return leaseNew
	case !was.ended && now-was.at >= proto.LeaseTimeout:
		return leaseBack
	}
	return leaseKept
}

// live reports whether a gateway holds its lease. One that was never heard does not.
func (l *leases) live(g proto.GatewayID) bool {
	if g == l.own {
		return true
	}
	now := l.now()
	l.mu.RLock()
	defer l.mu.RUnlock()
	x, ok := l.all[g]
	return ok && !x.ended && now-x.at < proto.LeaseTimeout
}

// livedWithin reports whether a gateway may have lived less than d ago. Of one that was
// never heard this process can only tell once it is older than that itself.
func (l *leases) livedWithin(g proto.GatewayID, d time.Duration) bool {
	now := l.now()
	l.mu.RLock()
	defer l.mu.RUnlock()
	return now-l.all[g].at < d
}

// others counts the gateways that live, without this one.
func (l *leases) others() int {
	live, _, _ := l.counts()
	return live - 1
}

// counts says how many gateways live, are silent, and have ended. This one lives.
func (l *leases) counts() (live, silent, ended int) {
	now := l.now()
	l.mu.RLock()
	defer l.mu.RUnlock()
	live = 1
	for _, x := range l.all {
		switch {
		case x.ended:
			ended++
		case now-x.at < proto.LeaseTimeout:
			live++
		default:
			silent++
		}
	}
	return live, silent, ended
}

// sweep forgets gateways that are long gone.
func (l *leases) sweep() {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	for g, x := range l.all {
		if now-x.at > forgetGateway {
			delete(l.all, g)
		}
	}
}

// publishLease publishes this gateway's lease; ended says that no other follows.
func (g *Gateway) publishLease(ended bool) {
	b := marshal(proto.Lease{
		Gateway: g.id, Peers: g.sessions.len(), Rooms: g.rooms.len(),
		Draining: g.draining.Load(), Ended: ended,
	})
	// Without NATS nobody receives it, and nobody counts the time.
	_ = g.nc.Publish(g.leaseSubject, b)
}
