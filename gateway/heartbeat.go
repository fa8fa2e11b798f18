package gateway

import (
	"p2pconnector/gateway/internal/natsbus"
	"p2pconnector/proto/bus"
)

// connected runs after each connect to NATS; again says that an earlier connection was lost.
func (g *Gateway) connected(again bool) {
	g.rooms.SyncSoon()
	if again {
		g.links.reconnected()
		g.suspicion.Raise()
	}
}

// publishLease publishes this gateway's lease; ended says that no other follows.
func (g *Gateway) publishLease(ended bool) {
	// Without NATS nobody receives it, and nobody counts the time.
	_ = g.bus.PublishLease(bus.Lease{
		Gateway: g.id, Peers: g.sessions.len(), Rooms: g.rooms.Len(),
		Draining: g.draining.Load(), Ended: ended,
	})
}

// receiveLease takes the lease of a gateway in, this gateway's own too.
func (g *Gateway) receiveLease(m natsbus.Message) {
	g.loops.leases.Work()
	defer g.loops.leases.Rest()
	switch g.liveness.Receive(m) {
	case natsbus.Appeared:
		g.publishLease(false) // so that the two may link
	case natsbus.Returned:
		g.suspicion.Raise()
	}
}
