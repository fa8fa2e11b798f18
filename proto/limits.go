package proto

import "time"

// Limits announced to clients and enforced by gateways and room services. Zero
// in a configuration means the default beside it.
const (
	DefaultMaxMessageBytes = 64 << 10  // one WebSocket message
	DefaultMaxRooms        = 64        // rooms a peer may be in
	DefaultMaxRoomMembers  = 10_000    // members a room may have
	DefaultReplayFrames    = 256       // frames kept for a peer that is away
	DefaultReplayBytes     = 256 << 10 // and their bytes

	MaxDepth          = 32      // nesting of arrays and objects in a frame
	MaxRoomIDBytes    = 128     // a room id
	MaxRoomNameBytes  = 256     // a room's name
	MaxMetadataBytes  = 8 << 10 // a room's metadata, as JSON
	MaxMemberMetadata = 1 << 10 // a member's metadata, as JSON
	MaxCorrelationID  = 256     // the `id` of a frame, as JSON
	FullListMembers   = 100     // rooms up to this size always get full lists
	MaxPasswordBytes  = 256     // a room's password
	MaxBans           = 128     // bans of a room
	MaxWaiting        = 64      // peers that wait to be admitted to a room
	MaxUserBytes      = 256     // a member's user name, from its token
)

// Times that a client may count on.
const (
	SessionGrace    = 15 * time.Second // a peer whose connection broke may come back
	RequestDeadline = 12 * time.Second // a room request is retried until then, and answered soon after
	MaxWait         = 10 * time.Minute // a peer waits to be admitted to a room
)

// Limits is the `limits` member of Client_Details.
type Limits struct {
	MaxMessageBytes   int `json:"max_message_bytes"`
	MessagesPerSecond int `json:"messages_per_second"` // 0: no limit
	MaxRooms          int `json:"max_rooms"`
	MaxRoomMembers    int `json:"max_room_members"`

	MessageBurst      int `json:"message_burst,omitempty"`             // frames at once; 0: no limit
	MaxDepth          int `json:"max_depth,omitempty"`                 // nesting of a frame
	MaxCorrelationID  int `json:"max_id_bytes,omitempty"`              // a frame's id, as JSON
	MaxRoomIDBytes    int `json:"max_room_id_bytes,omitempty"`         // a room's id
	MaxRoomNameBytes  int `json:"max_room_name_bytes,omitempty"`       // a room's name
	MaxMetadataBytes  int `json:"max_metadata_bytes,omitempty"`        // a room's metadata, as JSON
	MaxMemberMetadata int `json:"max_member_metadata_bytes,omitempty"` // a member's metadata, as JSON
	RoomQueueFrames   int `json:"room_queue_frames,omitempty"`         // frames that wait for the client's room requests
	RoomPasswords     int `json:"room_passwords_per_second,omitempty"` // passwords of rooms in the client's requests; 0: no limit
	ReplayFrames      int `json:"replay_frames,omitempty"`             // frames that wait for the client while it is away
	ReplayBytes       int `json:"replay_bytes,omitempty"`              // and their bytes

	// Bytes a second, 4 seconds' worth at once; 0: no limit.
	BytesPerSecond      int `json:"bytes_per_second,omitempty"`             // of frames from the client
	EgressPerSecond     int `json:"egress_bytes_per_second,omitempty"`      // sent to rooms for the client, to all receivers together
	RoomEgressPerSecond int `json:"room_egress_bytes_per_second,omitempty"` // sent to one room for all clients of a gateway
}
