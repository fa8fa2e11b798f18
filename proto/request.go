package proto

import (
	"cmp"
	"encoding/json"
	"time"
)

// Request is what a gateway or a back end asks the room service; the subject
// says which operation. A retry carries the same Op and changes nothing twice.
type Request struct {
	Op       OpID            `json:"op,omitempty"`
	Retry    bool            `json:"retry,omitempty"` // Op was sent before: a refusal is remembered too, so that no copy of it on the way can still take effect
	Room     RoomID          `json:"room,omitempty"`
	Peer     PeerID          `json:"peer,omitempty"`    // who asks; empty: a back end, which may do all
	Gateway  GatewayID       `json:"gateway,omitempty"` // who holds Peer
	Epoch    uint64          `json:"epoch,omitempty"`   // of Peer's session at Gateway; see SessionEntry
	User     string          `json:"user,omitempty"`    // user name of Peer, from its token
	Client   PeerID          `json:"client,omitempty"`  // remove: whom
	Create   bool            `json:"create,omitempty"`  // join: make the room if it is not there
	Reason   Reason          `json:"reason,omitempty"`  // leave: left or disconnected
	Name     *string         `json:"name,omitempty"`    // create, update
	Capacity *int            `json:"capacity,omitempty"`
	Locked   *bool           `json:"locked,omitempty"`
	Metadata json.RawMessage `json:"metadata,omitempty"` // create, update: the room's; join: the member's

	Keys *KeySet `json:"keys,omitempty"` // keys: those that the gateway holds, to be restored when the bucket has lost them

	Have  uint64            `json:"have,omitempty"`  // revision of the asker's replica; 0: none
	Rooms map[RoomID]uint64 `json:"rooms,omitempty"` // sync: revisions the gateway holds
	After string            `json:"after,omitempty"` // list: cursor of the page before
	Limit int               `json:"limit,omitempty"` // list: rooms a page, at most MaxPage
}

// MaxPage bounds a page of the list operation; MaxSyncRooms bounds the rooms of
// one sync request.
const (
	MaxPage      = 1000
	MaxSyncRooms = 4096
)

// Reply is the room service's answer. Exactly one of Error and the rest is set.
type Reply struct {
	Error    *Error    `json:"error,omitempty"`
	Retry    bool      `json:"retry,omitempty"`    // the request's Retry: an asker that has sent a retry waits for its answer, unless an earlier one succeeded
	Revision uint64    `json:"revision,omitempty"` // at which the operation took effect
	State    *Snapshot `json:"state,omitempty"`    // get; also for an asker without a replica when the room is small
	First    uint64    `json:"first,omitempty"`    // lowest revision that the bucket of rooms can hold: a room with a lower one was lost with an earlier bucket
	Differ   []RoomID  `json:"differ,omitempty"`   // sync: rooms whose revision is another
	Keys     *KeySet   `json:"keys,omitempty"`
	Page     []RoomRow `json:"page,omitempty"` // list
	Next     string    `json:"next,omitempty"` // list: cursor; empty after the last page
}

// SmallRoom is the number of members up to which a reply carries the whole room
// to an asker without a replica. Larger rooms are fetched once per gateway.
const SmallRoom = 32

// RoomRow is a room in a list.
type RoomRow struct {
	Room     RoomID `json:"room"`
	Name     string `json:"name"`
	Creator  PeerID `json:"creator"`
	Members  int    `json:"members"`
	Capacity int    `json:"capacity,omitempty"`
	Locked   bool   `json:"locked,omitempty"`
	Revision uint64 `json:"revision"`
}

// KeySet holds the keys that sign session tokens. The first signs; all verify. A second
// that is newer than the first is the one that signs next.
type KeySet struct {
	Keys []Key `json:"keys"`
}

// Key is one signing key of 32 bytes.
type Key struct {
	ID     string    `json:"id"`
	Secret []byte    `json:"secret"`
	Made   time.Time `json:"made"`
}

// Lease is what a gateway publishes every LeaseInterval.
type Lease struct {
	Gateway  GatewayID `json:"gateway"`
	Peers    int       `json:"peers"`
	Rooms    int       `json:"rooms"`
	Draining bool      `json:"draining,omitempty"`
	Ended    bool      `json:"ended,omitempty"` // last words: it stops now and holds nobody
}

// Outcome is what a gateway answers on the reply subject of a back end's frame. On
// AnyPeerSubject there always is an answer; elsewhere only when the frame did not reach
// everybody.
type Outcome struct {
	Code  ErrorCode `json:"code,omitempty"`  // Not_Found, Not_Delivered or Unavailable; empty: delivered
	Peers []PeerID  `json:"peers,omitempty"` // room messages: whom it did not reach
}

// SessionMessage is what gateways say to each other about a session. Without Confirm,
// Seated and Room it asks the owner for the session, and is answered by a Handoff.
type SessionMessage struct {
	Peer     PeerID    `json:"peer"`
	Gateway  GatewayID `json:"gateway"`            // who speaks
	Token    TokenRef  `json:"token,omitzero"`     // that the client has presented
	Received *uint64   `json:"received,omitempty"` // text frames the client got on the token's connection
	Confirm  bool      `json:"confirm,omitempty"`  // asks only whether the session is there
	Seated   bool      `json:"seated,omitempty"`   // not a question: Gateway owns the session and serves it
	Epoch    uint64    `json:"epoch,omitempty"`    // with Seated: in which epoch
	Root     uint64    `json:"root,omitempty"`     // with Seated: Gateway has what all owners from this epoch on had
	Room     RoomID    `json:"room,omitempty"`     // not a question: the room names Gateway for the peer, by a join that was under way when the session moved
}

// TokenRef says when a session token was issued. Tokens of one session are ordered by
// epoch, connection and number.
type TokenRef struct {
	Owner  GatewayID `json:"g"` // who issued it
	Epoch  uint64    `json:"e,omitempty"`
	Conn   uint64    `json:"k"` // connection, counted from 1 in each epoch
	Number uint64    `json:"n"` // token, counted from 1 in each epoch
}

// Before reports whether t was issued before u.
func (t TokenRef) Before(u TokenRef) bool {
	return cmp.Or(cmp.Compare(t.Epoch, u.Epoch), cmp.Compare(t.Conn, u.Conn), cmp.Compare(t.Number, u.Number)) < 0
}

// Handoff answers a SessionMessage. At most one of Error, Absent, Busy, Owner and Lent is
// set, besides From.
type Handoff struct {
	From      GatewayID         `json:"from"`
	Error     *Error            `json:"error,omitempty"`  // the token is not the session's newest
	Absent    bool              `json:"absent,omitempty"` // no such session is here
	Busy      bool              `json:"busy,omitempty"`   // another connection resumes it here
	Owner     GatewayID         `json:"owner,omitempty"`  // another gateway owns it, in Epoch; with Confirm and From, it is here
	Lent      bool              `json:"lent,omitempty"`   // what follows is a copy of the session, good for the epoch above Epoch
	Epoch     uint64            `json:"epoch,omitempty"`
	Revision  uint64            `json:"revision,omitempty"` // of the session's entry in the directory
	Root      uint64            `json:"root,omitempty"`     // as in SessionMessage
	Recovered bool              `json:"recovered,omitempty"`
	Rooms     []RoomID          `json:"rooms,omitempty"`
	User      string            `json:"user,omitempty"`
	Frames    [][]byte          `json:"frames,omitempty"` // that wait for the client, oldest first
	Fence     map[PeerID]uint64 `json:"fence,omitempty"`  // newest epoch of each sender that has moved
}
