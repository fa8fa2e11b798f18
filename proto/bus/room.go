package bus

import (
	"encoding/json"
	"time"

	"p2pconnector/proto"
)

// Room is the complete state of a room: the value in the bucket, and what a
// gateway fetches when it holds no replica. The key's KV revision is the room's
// revision.
type Room struct {
	ID       proto.RoomID    `json:"room"`
	Name     string          `json:"name"`
	Creator  proto.PeerID    `json:"creator"`
	Capacity int             `json:"capacity,omitempty"` // members; 0: the server's limit
	Locked   bool            `json:"locked,omitempty"`
	Password *Password       `json:"password,omitempty"` // that joins must have; nil: none. Answers have the salt alone
	Metadata json.RawMessage `json:"metadata,omitempty"`
	Members  []Member        `json:"members"`           // in order of joining, never empty
	Banned   []proto.Ban     `json:"banned,omitempty"`  // oldest first; at most proto.MaxBans
	Waiting  []Member        `json:"waiting,omitempty"` // peers that ask to be admitted, oldest first; at most proto.MaxWaiting
	Recent   []Done          `json:"recent,omitempty"`  // for retries; oldest first
}

// Member is a peer in a room, or one that waits to be admitted.
type Member struct {
	ID        proto.PeerID    `json:"id"`
	Gateway   proto.GatewayID `json:"gw,omitempty"`    // that serves the member; empty: the gateway that issued ID
	Epoch     uint64          `json:"epoch,omitempty"` // of its session at Gateway; it never falls
	Op        OpID            `json:"op,omitempty"`    // the operation that added it
	User      string          `json:"user,omitempty"`
	Metadata  json.RawMessage `json:"metadata,omitempty"`
	Moderator bool            `json:"moderator,omitempty"`
}

// Owner returns the gateway that serves the member now.
func (m *Member) Owner() proto.GatewayID {
	if m.Gateway != "" {
		return m.Gateway
	}
	return m.ID.Home()
}

// Done is the idempotency record of an operation that took effect or was refused for good.
// The room keeps it for RememberOps, so that a retry gets the same answer.
type Done struct {
	Op     OpID         `json:"op"`
	Peer   proto.PeerID `json:"peer,omitempty"`   // whom a removal was about
	Epoch  uint64       `json:"epoch,omitempty"`  // of Peer's session then
	Reason proto.Reason `json:"reason,omitempty"` // why, for a removal
	Error  *proto.Error `json:"error,omitempty"`  // the refusal; only refused retries are recorded
	At     time.Time    `json:"at"`               // by the clock of the instance that committed it
}

// RoomTombstone is the value of a delete marker, which takes the place of a room in the
// bucket. It holds what must be known of the room while the requests that ended it may
// still be repeated. An empty marker, as other tools write it, holds no records.
type RoomTombstone struct {
	Done     []Done            `json:"done,omitempty"`     // as Room.Recent
	Change   Change            `json:"change"`             // the last change, to be announced again; After is not set, because it is the key's revision
	Gateways []proto.GatewayID `json:"gateways,omitempty"` // that had members before it
}

// Change is what one commit did to a room. It goes to every gateway that had or
// has a member there. A gateway whose replica is not at Before waits
// HoleTimeout for what is missing, then fetches the room.
type Change struct {
	Room      proto.RoomID `json:"room"`
	Before    uint64       `json:"before"` // revision; 0: the room did not exist
	After     uint64       `json:"after"`
	Added     []Member     `json:"added,omitempty"`
	Removed   []Removal    `json:"removed,omitempty"`
	Moved     []Member     `json:"moved,omitempty"`     // members that another gateway serves now
	Updated   []Updated    `json:"updated,omitempty"`   // members whose information changed
	Waiting   []Member     `json:"waiting,omitempty"`   // peers that ask to be admitted, or that another gateway serves now
	Withdrawn []Removal    `json:"withdrawn,omitempty"` // peers that waited and do not any more, besides those in Added
	Creator   proto.PeerID `json:"creator"`             // after the change
	Set       *Settings    `json:"set,omitempty"`       // all settings, when any of them changed or the room is new
	Bans      []proto.Ban  `json:"bans,omitzero"`       // all bans, when any was added or lifted; nil when none was
	Ended     bool         `json:"ended,omitempty"`     // the room is gone: by End_Room when By is set, else because no member is left
	By        proto.PeerID `json:"by,omitempty"`        // who changed the settings, the creator or a ban of a peer that was no member, or ended the room
	Op        OpID         `json:"op,omitempty"`        // the operation By sent
}

// Removal is one member that left.
type Removal struct {
	ID     proto.PeerID `json:"id"`
	Reason proto.Reason `json:"reason"`
	Op     OpID         `json:"op,omitempty"`
}

// Updated is what others see now of a member that has changed.
type Updated struct {
	ID        proto.PeerID    `json:"id"`
	Metadata  json.RawMessage `json:"metadata,omitempty"`
	Moderator bool            `json:"moderator,omitempty"`
	Op        OpID            `json:"op,omitempty"` // the operation that changed it
}

// Settings are what Update_Room may change.
type Settings struct {
	Name     string          `json:"name"`
	Capacity int             `json:"capacity,omitempty"`
	Locked   bool            `json:"locked,omitempty"`
	Salt     string          `json:"salt,omitempty"` // of the password; empty: none
	Metadata json.RawMessage `json:"metadata,omitempty"`
}

// Snapshot is a room at a revision.
type Snapshot struct {
	Revision uint64 `json:"revision"`
	Room     *Room  `json:"state,omitempty"` // nil: no such room
}
