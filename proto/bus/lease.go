package bus

import "p2pconnector/proto"

// Lease is what a gateway publishes every LeaseInterval.
type Lease struct {
	Gateway  proto.GatewayID `json:"gateway"`
	Peers    int             `json:"peers"`
	Rooms    int             `json:"rooms"`
	Draining bool            `json:"draining,omitempty"`
	Ended    bool            `json:"ended,omitempty"` // last words: it stops now and holds nobody
}
