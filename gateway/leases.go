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
	born  time.Time
	again func(of proto.GatewayID, since, until time.Time) // called when one is heard that was silent, though this gateway listened

	mu    sync.Mutex
	back  time.Time // when this gateway could hear again, after it could not
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
	l.saw(id, lease.Ended)
}

// saw notes that a gateway has spoken; ended, that these were its last words.
func (l *leases) saw(g proto.GatewayID, ended bool) {
	now := time.Now()
	l.mu.Lock()
	last, known := l.heard[g]
	if known || len(l.heard) < maxGateways {
		l.heard[g] = now
		l.ended[g] = l.ended[g] || ended
	}
	silent := known && !l.ended[g] && now.Sub(last) > silenceLong && !last.Before(l.back)
	l.mu.Unlock()
	if silent && l.again != nil {
		l.again(g, last, now)
	}
}

// deaf notes that this gateway could not hear anybody until now: it was cut off from
// NATS, or frozen. That nobody was heard meanwhile says nothing about who lives.
func (l *leases) deaf(until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.back = until
}

// silence is for how long g was silent while this gateway listened.
func (l *leases) silence(g proto.GatewayID, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.silentLocked(g, now)
}

func (l *leases) silentLocked(g proto.GatewayID, now time.Time) time.Duration {
	at, ok := l.heard[g]
	if !ok {
		at = l.born
	}
	if at.Before(l.back) {
		at = l.back
	}
	return now.Sub(at)
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
// this process has not listened for long enough to tell, and it has not said that it
// ends.
func (l *leases) mayLive(g proto.GatewayID, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.ended[g] && l.silentLocked(g, now) < proto.LeaseTimeout
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
	for g := range l.heard {
		if g != own && !l.ended[g] && l.silentLocked(g, now) < proto.LeaseTimeout {
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
