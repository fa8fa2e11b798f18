package gateway

import (
	"encoding/json"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"p2pconnector/proto"
)

// leases knows which gateways live, by this process's own clock. Safe for
// concurrent use.
type leases struct {
	born time.Time

	mu    sync.Mutex
	heard map[proto.GatewayID]time.Time
	ended map[proto.GatewayID]bool
}

func newLeases() *leases {
	return &leases{born: time.Now(), heard: make(map[proto.GatewayID]time.Time), ended: make(map[proto.GatewayID]bool)}
}

// hear notes a lease.
func (l *leases) hear(m *nats.Msg) {
	id, ok := proto.ParseLease(m.Subject)
	if !ok {
		return
	}
	var lease proto.Lease
	if json.Unmarshal(m.Data, &lease) != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.heard[id]; known || len(l.heard) < maxGateways {
		l.heard[id] = time.Now()
		if lease.Ended {
			l.ended[id] = true
		}
	}
}

// fresh reports whether g was heard within the lease timeout and has not said
// that it ends.
func (l *leases) fresh(g proto.GatewayID, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, ok := l.heard[g]
	return ok && !l.ended[g] && now.Sub(at) < proto.LeaseTimeout
}

// mayLive reports whether g may live: it was heard within the lease timeout, or
// this process is too young to tell, and it has not said that it ends.
func (l *leases) mayLive(g proto.GatewayID, now time.Time) bool {
	if !l.lostWithin(g, now, proto.LeaseTimeout) {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.ended[g]
}

// lostWithin reports whether g may have lived less than d ago. Of a gateway that
// was never heard this process can only tell once it is older than that itself.
func (l *leases) lostWithin(g proto.GatewayID, now time.Time, d time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, ok := l.heard[g]
	if !ok {
		at = l.born
	}
	return now.Sub(at) < d
}

// heardSince reports whether g was heard after a time.
func (l *leases) heardSince(g proto.GatewayID, since time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, ok := l.heard[g]
	return ok && at.After(since)
}

// gone reports whether g has been silent for so long that no session of it is left.
func (l *leases) gone(g proto.GatewayID, now time.Time) bool {
	return !l.lostWithin(g, now, proto.LeaseTimeout+2*proto.SessionGrace)
}

// others counts the gateways that live, without own.
func (l *leases) others(own proto.GatewayID, now time.Time) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for g, at := range l.heard {
		if g != own && !l.ended[g] && now.Sub(at) < proto.LeaseTimeout {
			n++
		}
	}
	return n
}

// living returns the gateways that live, without own. One that this process could
// not hear for a while counts as long as it is not forgotten.
func (l *leases) living(own proto.GatewayID, now time.Time) (all []proto.GatewayID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for g, at := range l.heard {
		if g != own && !l.ended[g] && now.Sub(at) < time.Minute {
			all = append(all, g)
		}
	}
	return all
}

// sweep forgets gateways that are long gone.
func (l *leases) sweep(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for g, at := range l.heard {
		if now.Sub(at) > time.Hour {
			delete(l.heard, g)
			delete(l.ended, g)
		}
	}
}

// sayLease publishes this gateway's lease; ended makes it its last words.
func (g *Gateway) sayLease(ended bool) {
	b := marshal(proto.Lease{
		Gateway: g.id, Peers: g.sessions.len(), Rooms: g.rooms.len(),
		Draining: g.draining.Load(), Ended: ended,
	})
	// Without NATS nobody hears it, and nobody counts the time.
	_ = g.nc.Publish(g.leaseSubject, b)
}
