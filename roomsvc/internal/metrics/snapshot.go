package metrics

// Snapshot is the present state of a room service, as far as metrics show it.
type Snapshot struct {
	Version, Commit string // of the build

	OperationsWaiting int              // queued for their room
	RoomsBusy         int              // being worked on
	Queues            map[string]Queue // of requests to the directories, by name

	Buckets  []Bucket
	Writable bool // rooms can be changed

	GatewaysLive, GatewaysDead int            // by lease
	SettingsDisagree           map[string]int // instances with another value, by setting
	SettingsIgnored            uint64

	NATSConnected    bool
	NATSReconnects   uint64
	NATSPendingBytes int
}

// Queue is the length of a queue, and how many of its requests are being worked on.
type Queue struct{ Waiting, Busy int }

// Bucket is the state of a bucket.
type Bucket struct {
	Name         string
	Lost         uint64 // how often it was gone
	Bytes, Limit uint64
	Refused      uint64 // operations, because it is full
	Exhausted    bool   // JetStream has no storage for it
}
