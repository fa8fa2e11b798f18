package bus

import "p2pconnector/proto"

// Ack acknowledges relays of another gateway, and refuses some of them.
type Ack struct {
	From    uint64    `json:"from,omitempty"`    // Refused is complete from this number on: a sender with a lower base must poll
	Next    uint64    `json:"next"`              // all lower numbers are acknowledged
	Hole    bool      `json:"hole,omitempty"`    // Next is missing although later numbers arrived
	Poll    uint64    `json:"poll,omitempty"`    // number of the newest poll that this answers; 0: none
	Refused []Refusal `json:"refused,omitempty"` // by number; all from From on
}

// Refusal reports that a frame was not delivered to all its receivers.
type Refusal struct {
	Seq   uint64          `json:"n"`
	Code  proto.ErrorCode `json:"code,omitempty"`  // empty: nothing but Moved
	Peers []proto.PeerID  `json:"peers,omitempty"` // of a room message: the members that it did not reach
	Moved []Move          `json:"moved,omitempty"` // peers to whom the sender redirects it
}

// Move names the gateway that has a peer's session.
type Move struct {
	Peer  proto.PeerID    `json:"peer"`
	Owner proto.GatewayID `json:"owner"`
	Epoch uint64          `json:"epoch"`
	// Tentative: Owner has asked for the session, and the directory may not know yet.
	Tentative bool `json:"tentative,omitempty"`
}

// Poll asks a gateway for an Ack.
type Poll struct {
	Number uint64 `json:"poll"` // grows with each poll of a link
	Base   uint64 `json:"base"`
	Head   uint64 `json:"head"`
}

// Headers of a relay.
const (
	// SentHeader holds the time at which the frame of a timed relay reached its sender's
	// gateway, in Unix nanoseconds.
	SentHeader = "P2p-Sent"
	// ExceptHeader lists the ids of the members that a room message is not for, separated
	// by commas: the message goes to each of them in a relay of its own.
	ExceptHeader = "P2p-Except"
	// SharedHeader holds the token of a room that the sender and the receiver of a relay are
	// both in, a space, and the revision of the room by which they are.
	SharedHeader = "P2p-Shared"
)

// Outcome is a gateway's answer on the reply subject of a back end's frame. On
// AnyPeerSubject there always is an answer; elsewhere only when the frame did not reach
// all its receivers.
type Outcome struct {
	Code  proto.ErrorCode `json:"code,omitempty"`  // Not_Found, Not_Delivered or Unavailable; empty: delivered
	Peers []proto.PeerID  `json:"peers,omitempty"` // room messages: the members that it did not reach
}
