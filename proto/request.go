package proto

import (
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
	User     string          `json:"user,omitempty"`    // user name of Peer, from its token
	Client   PeerID          `json:"client,omitempty"`  // remove: whom
	Create   bool            `json:"create,omitempty"`  // join: make the room if it is not there
	Reason   Reason          `json:"reason,omitempty"`  // leave: left or disconnected
	Name     *string         `json:"name,omitempty"`    // create, update
	Capacity *int            `json:"capacity,omitempty"`
	Locked   *bool           `json:"locked,omitempty"`
	Metadata json.RawMessage `json:"metadata,omitempty"` // create, update: the room's; join: the member's

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

// KeySet holds the keys that sign session tokens. The first signs; all verify.
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

// Lost is what a gateway answers on the reply subject of a relay that it could
// not hand to a connection.
type Lost struct {
	Code  ErrorCode `json:"code"`            // Not_Found or Not_Delivered
	Peers []PeerID  `json:"peers,omitempty"` // room messages: whom it did not reach
}

// Link is what a gateway tells another from time to time, so that the loss of the
// last relays of a series is noticed too. It stands behind the relays it counts.
type Link struct {
	Sent uint64 `json:"sent"`
}

// Gap names the relays that a gateway has missed, by their number on the link:
// those above After and below Before. With WithinMS it was cut off instead, and may
// have missed whatever it was told within so many milliseconds, or in those until
// EndedMS milliseconds ago: what became of its relays, and relays to Peers, which it
// holds in place of the gateway that issued them, and which no link counts. That is
// answered, with nothing in it, once it is handled.
type Gap struct {
	After    uint64   `json:"after"`
	Before   uint64   `json:"before"`
	Peers    []PeerID `json:"peers,omitempty"`
	WithinMS int64    `json:"within_ms,omitempty"`
	EndedMS  int64    `json:"ended_ms,omitempty"`
}

// Takeover is what gateways say to each other about a session. With neither
// Holds nor Ended it asks the holder to give the session up.
type Takeover struct {
	Peer     PeerID    `json:"peer"`
	Gateway  GatewayID `json:"gateway"`            // who speaks
	Count    uint64    `json:"count"`              // of the token that was presented; with Holds, of the newest one
	Received *uint64   `json:"received,omitempty"` // text frames the client got on the connection that broke
	Holder   GatewayID `json:"holder,omitempty"`   // that the token names, in a question
	Holds    bool      `json:"holds,omitempty"`    // not a question: Gateway holds the session now
	Ended    bool      `json:"ended,omitempty"`    // not a question: Gateway held the session, and it has ended
	Fence    bool      `json:"fence,omitempty"`    // only asks for an answer, behind everything that was there before
	Room     RoomID    `json:"room,omitempty"`     // not a question: the room names Gateway for the peer, which Gateway handed on; with Ended, the answer: Gateway knows no such session
	Instead  GatewayID `json:"instead,omitempty"`  // with Holds: the one that was named as the holder, and does not hold it
}

// Handover is the holder's answer to a Takeover.
type Handover struct {
	From      GatewayID            `json:"from,omitempty"` // who answers
	Error     *Error               `json:"error,omitempty"`
	Count     uint64               `json:"count,omitempty"` // of the newest token
	Rooms     []RoomID             `json:"rooms,omitempty"`
	User      string               `json:"user,omitempty"`
	Frames    [][]byte             `json:"frames,omitempty"` // that wait, oldest first
	Seen      map[GatewayID]uint64 `json:"seen,omitempty"`   // the last relay of each gateway that the holder had handled
	Doubt     map[GatewayID]uint64 `json:"doubt,omitempty"`  // the last relay of each gateway that a holder before, which died, may have handled
	Recovered bool                 `json:"recovered"`
	MovedTo   GatewayID            `json:"moved_to,omitempty"` // who holds it now: ask there
	Gone      bool                 `json:"gone,omitempty"`     // MovedTo held it, and is gone
	Moves     uint64               `json:"moves,omitempty"`    // how often the session has been handed on since it was taken over without its holder's word, this time included
	Newest    uint64               `json:"newest,omitempty"`   // to a fence: the number of the newest relay of who answers
}
