package metrics

import "p2pconnector/gateway/internal/link"

// Snapshot is the gateway at the moment of a scrape: what is so now, and what others have
// counted.
type Snapshot struct {
	Draining bool

	// Connections.
	Connections, Queued int // all; those with something in their queue
	QueueBytes          int // in all queues
	LongestQueue        int // bytes
	ConnectAddresses    int // whose connect rate is counted
	ConnectsEvicted     uint64
	RefusedSockets      int

	// Sessions.
	Clients     Clients
	ReplayBytes int64

	// Relays.
	Links         link.Counts
	LinkHoles     uint64 // in what other gateways have sent
	ReorderFrames int64

	// Rooms with a member here.
	Rooms                int
	Members, MembersHere int // everywhere; at this gateway
	RoomRequests         int // that wait for the room service

	// The message bus.
	GatewaysLive, GatewaysSilent, GatewaysEnded int // by lease
	NATSConnected                               bool
	NATSReconnects                              uint64
	NATSPendingBytes                            int // to be written
	Inbox                                       int // messages that are not handled yet
	InboxDropped                                int // messages that found it full
}

// Clients counts clients by where they are.
type Clients struct {
	Attached, Away, Arriving, Lent, Moved int
}
