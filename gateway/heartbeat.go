package gateway

import (
	"time"

	"p2pconnector/gateway/internal/natsbus"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// connected runs after each connect to NATS; again is set when an earlier connection was lost.
func (g *Gateway) connected(again bool) {
	g.rooms.SyncSoon()
	if again {
		g.links.Reconnected()
		g.suspect()
	}
}

// suspect records that other gateways may have considered this one dead, and given away its
// sessions and its clients' names.
func (g *Gateway) suspect() {
	g.sessions.Suspect()
	g.conns.Suspect()
}

// publishLease publishes this gateway's lease; ended marks the last one.
func (g *Gateway) publishLease(ended bool) {
	// The error is ignored: without NATS no gateway receives leases, and none counts the time.
	_ = g.bus.PublishLease(bus.Lease{
		Gateway: g.cfg.ID, Peers: g.sessions.Len(), Rooms: g.rooms.Len(),
		Draining: g.draining.Load(), Ended: ended, Tracker: g.dialects.Tracks(), Settings: g.shared.Own(),
	})
}

// receiveLease handles the lease of a gateway, also of this gateway itself.
func (g *Gateway) receiveLease(m natsbus.Message) {
	g.loops.leases.Work()
	defer g.loops.leases.Rest()
	g.shared.Receive(m.Subject, m.Data)
	renewal := g.liveness.Receive(m)
	if from, ok := bus.ParseLease(m.Subject); ok && renewal != natsbus.Renewed {
		g.topics.Alive(from)
	}
	switch renewal {
	case natsbus.Appeared:
		g.publishLease(false) // so that the two may link
		g.dialects.Appeared()
	case natsbus.Returned:
		g.suspect()
	}
}

// grace returns how long a peer may be away. It is the shortest that any gateway or room
// service has.
func (g *Gateway) grace() time.Duration { return g.shared.Applied().SessionGrace() }

// limits returns the limits that clients get.
func (g *Gateway) limits() proto.Limits { return g.cfg.Limits(g.shared.Applied()) }
