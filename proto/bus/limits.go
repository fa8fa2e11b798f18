package bus

import "time"

// Bounds that gateways and room services share.
const (
	MaxRoomStateBytes = 4 << 20 // a room's value in the bucket
	MaxPayloadBytes   = 8 << 20 // what the NATS servers must accept
)

// Times that gateways and room services share.
const (
	RememberOps  = 30 * time.Second       // a room remembers operations for their retries
	SyncInterval = 15 * time.Second       // a gateway compares revisions
	HoleTimeout  = 100 * time.Millisecond // a gateway waits so long for a missing Change, then fetches the room
)
