package bus

import (
	"cmp"

	"p2pconnector/proto"
)

// SessionMessage is a gateway's message to another gateway about a session. Without
// Confirm, Seated and Room it asks the owner for the session, and is answered by a
// Handoff.
type SessionMessage struct {
	Peer     proto.PeerID    `json:"peer"`
	Gateway  proto.GatewayID `json:"gateway"`            // the sender
	Token    TokenRef        `json:"token,omitzero"`     // that the client has presented
	Received *uint64         `json:"received,omitempty"` // text frames the client got on the token's connection
	Confirm  bool            `json:"confirm,omitempty"`  // asks only whether the session is there
	Seated   bool            `json:"seated,omitempty"`   // not a question: Gateway owns the session and serves it
	Epoch    uint64          `json:"epoch,omitempty"`    // with Seated: in which epoch
	Root     uint64          `json:"root,omitempty"`     // with Seated: Gateway has what all owners from this epoch on had
	Room     proto.RoomID    `json:"room,omitempty"`     // not a question: the room names Gateway for the peer, by a join that was in progress when the session moved
}

// TokenRef tells when a session token was issued. Tokens of one session are ordered by
// epoch, connection and number.
type TokenRef struct {
	Owner  proto.GatewayID `json:"g"` // the gateway that issued it
	Epoch  uint64          `json:"e,omitempty"`
	Conn   uint64          `json:"k"` // connection, counted from 1 in each epoch
	Number uint64          `json:"n"` // token, counted from 1 in each epoch

	// Copied is the number of epochs before Epoch of which Owner had all that their owners
	// had. A gateway that lent the session in one of them can forget what it lent.
	Copied uint64 `json:"c,omitempty"`
}

// Root returns the first epoch of which the token's owner had everything.
func (t TokenRef) Root() uint64 { return t.Epoch - min(t.Copied, t.Epoch) }

// Before reports whether t was issued before u.
func (t TokenRef) Before(u TokenRef) bool {
	return cmp.Or(cmp.Compare(t.Epoch, u.Epoch), cmp.Compare(t.Conn, u.Conn), cmp.Compare(t.Number, u.Number)) < 0
}

// Handoff answers a SessionMessage. At most one of Error, Absent, Busy, Owner and Lent is
// set, besides From.
type Handoff struct {
	From       proto.GatewayID         `json:"from"`
	Error      *proto.Error            `json:"error,omitempty"`  // the token is not the session's newest
	Absent     bool                    `json:"absent,omitempty"` // no such session is here
	Busy       bool                    `json:"busy,omitempty"`   // another connection resumes it here
	Owner      proto.GatewayID         `json:"owner,omitempty"`  // another gateway owns it, in Epoch; with Confirm and From, it is here
	Lent       bool                    `json:"lent,omitempty"`   // what follows is a copy of the session, good for the epoch above Epoch
	Epoch      uint64                  `json:"epoch,omitempty"`
	Revision   uint64                  `json:"revision,omitempty"` // of the session's entry in the directory
	Root       uint64                  `json:"root,omitempty"`     // as in SessionMessage
	Recovered  bool                    `json:"recovered,omitempty"`
	Rooms      []proto.RoomID          `json:"rooms,omitempty"`
	User       string                  `json:"user,omitempty"`
	AcceptFrom proto.Senders           `json:"accept_from,omitzero"` // whose frames the peer accepts
	Frames     [][]byte                `json:"frames,omitempty"`     // that wait for the client, oldest first
	Fence      map[proto.PeerID]uint64 `json:"fence,omitempty"`      // newest epoch of each sender that has moved
}
