package metrics

import (
	"time"

	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/membudget"
	"p2pconnector/gateway/internal/topic"
)

// Snapshot is the state of the gateway at the moment of a scrape, and the counts that other
// packages keep.
type Snapshot struct {
	Draining bool
	Buffers  *membudget.Budget

	// Connections.
	Connections, Queued int // all; those whose queue is not empty
	QueueBytes          int // in all queues
	LongestQueue        int // in bytes
	Pending             int // connections that are not WebSockets yet, or never will be
	PendingClosed       uint64
	ConnectAddresses    int // whose connect rate is counted
	ConnectsEvicted     uint64
	EgressAddresses     int // that used bytes which count for their next session
	EgressEvicted       uint64
	GuessAddresses      int // whose wrong passwords of rooms are counted
	GuessesEvicted      uint64
	RefusedSockets      int
	HeldSockets         int

	// Other client protocols.
	NamesKnown                        int
	PeerJSWaiting, PeerJSWaitingBytes int64
	Swarms, SwarmMembers              int // whose home is this gateway
	Topics                            topic.Counts

	// ICE servers of a provider.
	ICEProvider bool          // there is one
	ICELeft     time.Duration // that its credentials work

	// Sessions.
	Clients Clients

	// Relays.
	Links         link.Counts
	LinkHoles     uint64 // in the relays from other gateways
	ReorderFrames int64

	// Rooms with a member here.
	Rooms               int
	Members, OwnMembers int // everywhere; at this gateway
	Waiting             int // clients of this gateway, to be admitted
	Memberships         int // places in rooms that are taken here
	RoomRequests        int // waiting for the room service
	RoomRequestsWaiting int // for their turn

	// The message bus.
	GatewaysLive, GatewaysDead, GatewaysEnded int            // by lease
	SettingsDisagree                          map[string]int // other instances, by the setting
	SettingsIgnored                           uint64         // leases whose settings were not compared
	NATSConnected                             bool
	NATSReconnects                            uint64
	NATSPendingBytes                          int // not written yet
	Inbox                                     int // messages that are not handled yet
	InboxDropped                              int // messages dropped because the inbox was full
}

// Clients counts clients by the state of their session.
type Clients struct {
	Attached, Away, Arriving, Lent, Moved int
}
