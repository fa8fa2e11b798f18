package gateway

import (
	"p2pconnector/gateway/internal/metrics"
)

// snapshot counts everything that the gateway holds. It takes one lock at a time.
func (g *Gateway) snapshot() *metrics.Snapshot {
	nats := g.bus.Stats()
	now := &metrics.Snapshot{
		Draining: g.drain.Begun(), RefusedSockets: g.handshakes.Refused(), Buffers: g.buffers,
		Links: g.links.Counts(), LinkHoles: g.links.Holes(), ReorderFrames: g.links.Held(),
		Rooms: g.rooms.Len(), RoomRequests: g.requests.Len(),
		NATSConnected: g.bus.Connected(), NATSReconnects: nats.Reconnects, NATSPendingBytes: nats.Unsent,
		Inbox: g.bus.Inbox.Len(), InboxDropped: nats.Dropped,
	}
	now.Pending, now.PendingClosed = g.admission.PendingCounts()
	now.ConnectAddresses, now.ConnectsEvicted = g.admission.RateCounts()
	g.conns.Count(now)
	g.sessions.Count(now)
	now.HeldSockets = g.handshakes.Held()
	g.dialects.Count(now)
	now.ICELeft, now.ICEProvider = g.ice.Left()
	now.Members, now.OwnMembers = g.rooms.Counts()
	now.Waiting = g.rooms.Waiting()
	g.heartbeat.Count(now)
	return now
}
