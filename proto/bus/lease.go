package bus

import (
	"time"

	"p2pconnector/proto"
)

// Times of leases.
const (
	LeaseInterval = time.Second     // between two Leases of a gateway
	LeaseTimeout  = 5 * time.Second // without a Lease for this long, a gateway is dead
	// FirstLeaseTimeout is how long a room service that has started waits for the first
	// lease of a gateway before it removes that gateway's peers.
	FirstLeaseTimeout = 20 * time.Second
)

// Lease is what a gateway publishes every LeaseInterval.
type Lease struct {
	Gateway  proto.GatewayID `json:"gateway"`
	Peers    int             `json:"peers"`
	Rooms    int             `json:"rooms"`
	Draining bool            `json:"draining,omitempty"`
	Ended    bool            `json:"ended,omitempty"`   // the last lease: the gateway stops and serves no peer
	Tracker  bool            `json:"tracker,omitempty"` // the gateway may be the home of WebTorrent swarms

	Settings *SharedSettings `json:"settings,omitempty"` // nil: a gateway from before there were any
}
