package gateway

import (
	"github.com/nats-io/nats.go"

	"p2pconnector/gateway/internal/natsbus"
	"p2pconnector/proto/bus"
)

// publishLease publishes this gateway's lease; ended says that no other follows.
func (g *Gateway) publishLease(ended bool) {
	b := marshal(bus.Lease{
		Gateway: g.id, Peers: g.sessions.len(), Rooms: g.rooms.len(),
		Draining: g.draining.Load(), Ended: ended,
	})
	// Without NATS nobody receives it, and nobody counts the time.
	_ = g.nc.Publish(g.leaseSubject, b)
}

// receiveLease takes the lease of a gateway in, this gateway's own too.
func (g *Gateway) receiveLease(m *nats.Msg) {
	g.loops.leases.Work()
	defer g.loops.leases.Rest()
	switch g.liveness.Receive(natsbus.MessageOf(m)) {
	case natsbus.Appeared:
		g.publishLease(false) // so that the two may link
	case natsbus.Returned:
		g.suspectSessions()
	}
}
