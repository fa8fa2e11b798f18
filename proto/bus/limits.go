package bus

import "time"

// Bounds that gateways and room services share.
const (
	MaxRoomStateBytes = 4 << 20 // a room's value in the bucket
	MaxPayloadBytes   = 8 << 20 // what the NATS servers must accept
)

// Times that gateways and room services share.
const (
	LeaseInterval = time.Second            // a gateway says that it lives
	LeaseTimeout  = 5 * time.Second        // silence after which it is gone
	SilentStart   = 20 * time.Second       // a room service waits so long for a gateway it never heard
	RememberOps   = 30 * time.Second       // a room remembers operations for their retries
	SyncInterval  = 15 * time.Second       // a gateway compares revisions
	GapPatience   = 100 * time.Millisecond // a gateway waits so long for a missing change
)
