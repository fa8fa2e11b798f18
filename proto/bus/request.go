package bus

import (
	"encoding/json"

	"p2pconnector/proto"
)

// Request is a request of a gateway or a back end to the room service; the last token of
// the subject is its operation. A retry carries the same Op and changes nothing twice.
type Request struct {
	Op       OpID            `json:"op,omitempty"`
	Retry    bool            `json:"retry,omitempty"` // Op was sent before: a refusal is remembered too, so that no copy of it on the way can still take effect
	Room     proto.RoomID    `json:"room,omitempty"`
	Peer     proto.PeerID    `json:"peer,omitempty"`    // the requester; empty: a back end, which has all rights
	Gateway  proto.GatewayID `json:"gateway,omitempty"` // the gateway that serves Peer
	Epoch    uint64          `json:"epoch,omitempty"`   // of Peer's session at Gateway; see SessionEntry
	User     string          `json:"user,omitempty"`    // user name of Peer, from its token
	Client   proto.PeerID    `json:"client,omitempty"`  // remove, unban, role, admit: whom; member, from a back end: whose
	Ban      bool            `json:"ban,omitempty"`     // remove: for the life of the room
	Role     proto.Role      `json:"role,omitempty"`    // role: what Client is to be
	Create   bool            `json:"create,omitempty"`  // join: make the room if it is not there
	Ask      bool            `json:"ask,omitempty"`     // join: wait to be admitted if the room is locked; leave: only if Peer still waits
	Reason   proto.Reason    `json:"reason,omitempty"`  // leave: left or disconnected
	Name     *string         `json:"name,omitempty"`    // create, update
	Capacity *int            `json:"capacity,omitempty"`
	Locked   *bool           `json:"locked,omitempty"`
	Password *Password       `json:"password,omitempty"` // create, update, join that makes the room: the room's, without a salt none; join: by the room's salt
	Metadata json.RawMessage `json:"metadata,omitempty"` // create, update: the room's; join, member: the member's

	Keys *KeySet `json:"keys,omitempty"` // keys: those that the gateway holds, to be restored when the bucket has lost them

	Have  uint64                  `json:"have,omitempty"`  // revision of the requester's replica; 0: none
	Rooms map[proto.RoomID]uint64 `json:"rooms,omitempty"` // sync: revisions the gateway holds
	After string                  `json:"after,omitempty"` // list: cursor of the page before
	Limit int                     `json:"limit,omitempty"` // list: rooms a page, at most MaxPage
}

// MaxPage bounds a page of the list operation; MaxSyncRooms bounds the rooms of
// one sync request.
const (
	MaxPage      = 1000
	MaxSyncRooms = 4096
)

// Reply is the room service's answer. Exactly one of Error and the rest is set.
type Reply struct {
	Error    *proto.Error   `json:"error,omitempty"`
	Retry    bool           `json:"retry,omitempty"`    // the request's Retry: a requester that has sent a retry waits for its answer, unless an earlier one succeeded
	Revision uint64         `json:"revision,omitempty"` // at which the operation took effect
	State    *Snapshot      `json:"state,omitempty"`    // get; also for a requester without a replica when the room is small
	First    uint64         `json:"first,omitempty"`    // lowest revision that the bucket of rooms can hold: a room with a lower one was lost with an earlier bucket
	Differ   []proto.RoomID `json:"differ,omitempty"`   // sync: rooms whose revision is another
	Keys     *KeySet        `json:"keys,omitempty"`
	Page     []RoomRow      `json:"page,omitempty"` // list
	Next     string         `json:"next,omitempty"` // list: cursor; empty after the last page
}

// SmallRoom is the number of members up to which a reply carries the whole room
// to a requester without a replica. Larger rooms are fetched once per gateway.
const SmallRoom = 32

// RoomRow is a room in a list.
type RoomRow struct {
	Room     proto.RoomID `json:"room"`
	Name     string       `json:"name"`
	Creator  proto.PeerID `json:"creator"`
	Members  int          `json:"members"`
	Capacity int          `json:"capacity,omitempty"`
	Locked   bool         `json:"locked,omitempty"`
	Revision uint64       `json:"revision"`
}
