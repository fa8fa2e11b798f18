package room

import (
	"log/slog"
	"time"

	"p2pconnector/gateway/internal/fairqueue"
	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/metrics"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// Member is a peer whose session this gateway knows, as its rooms see it. Its methods are
// called with the lock of a room held, from any goroutine, and must not block. Two Members
// are equal when they are the same session.
type Member interface {
	ID() proto.PeerID
	// WantsDelta reports whether the peer's client asked for changes in place of full lists.
	WantsDelta() bool
	// Live reports whether the peer may be a member of rooms through this gateway.
	Live() bool
	// OtherOwner returns the other gateway that has the session now, or may have it; "" when
	// the session is here or has ended.
	OtherOwner() proto.GatewayID

	// JoinRoom adds a room to the rooms of the session; fresh is false when the session was
	// in the room before. ok is false when the peer may not be a member through this gateway.
	JoinRoom(id proto.RoomID) (fresh, ok bool)
	// LeaveRoom undoes JoinRoom.
	LeaveRoom(id proto.RoomID)
	// RenewToken sends the client a session token with its current rooms.
	RenewToken()

	// Send sends the peer a frame from the server, whichever gateway the peer is at. It
	// keeps no reference to frame.
	Send(frame []byte)
	// Take delivers a frame from another gateway or a back end to the peer. A code means
	// that the frame was not delivered. Otherwise a move that is not nil names the gateway
	// to which the frame must be redirected.
	Take(f link.Frame) (proto.ErrorCode, *bus.Move)
	// Relay sends the peer a frame of another peer of this gateway. A code means that the
	// frame was not delivered.
	Relay(f link.Frame) proto.ErrorCode
}

// Relays carries frames to other gateways. Its methods are called with the lock of a room
// held, and must not block.
type Relays interface {
	// Send sends a frame to a peer, whichever gateway the peer is at. A code means that it was
	// refused and nothing was sent.
	Send(f link.Frame) proto.ErrorCode
	// SendRoom sends a message of a local member to the other gateways that have members of
	// a room. It returns the members that it did not reach, at most MaxMissed. reached is
	// false when there are other gateways and nothing was sent to any of them.
	SendRoom(to *State, f link.Frame) (missed []proto.PeerID, reached bool)
	// RoomMoved records that members of a room have moved to other gateways, and the routes
	// of these and of members that moved before.
	RoomMoved(from map[proto.PeerID]proto.GatewayID, to map[proto.PeerID]link.Route)
}

// Requester sends requests to the room service, and repeats them until their deadline.
type Requester interface {
	// Ask waits for the reply. A refusal is returned as the error, a *proto.Error. After any
	// other error the request may still take effect, unless that has a method NotSent which
	// returns true.
	Ask(op bus.Operation, req *bus.Request) (*bus.Reply, error)
	// AskUntil is Ask with a deadline. It gives up when answered is closed.
	AskUntil(answered <-chan struct{}, deadline time.Time, op bus.Operation, req *bus.Request) (*bus.Reply, error)
	// Send does not wait. It calls done once, without a lock held.
	Send(deadline time.Time, op bus.Operation, req *bus.Request, done func(*bus.Reply, error)) uint64
	// Replies returns how many replies have come.
	Replies() uint64
}

// Config says how rooms reach the rest of their gateway. Every field is required.
type Config struct {
	Own     proto.GatewayID
	Grace   func() time.Duration // for how long a session waits for its client
	Logger  *slog.Logger
	Metrics *metrics.Rooms

	Member   func(proto.PeerID) Member // by id; it returns nil when there is none
	Relays   Relays
	Requests Requester
	Turns    *fairqueue.Queue // for departures at the room service
	Frame    EncodeFrame

	// Go runs f on a goroutine that the gateway joins when it ends, or calls refused when
	// the gateway is already ending.
	Go    func(f, refused func())
	Ended <-chan struct{} // closed when callers must not wait any longer

	// Advanced is called, with the lock of a room held, when the room may have reached
	// another revision: messages may have waited for it.
	Advanced func()
	// Contest is called, with the lock of a room held, when the room names other gateways
	// for members.
	Contest func(id proto.RoomID, members []bus.Member)
	// NotifyJoined notifies the owner of a session that the room names this gateway for the
	// session's peer, because a join was pending when the session moved.
	NotifyJoined func(owner proto.GatewayID, peer proto.PeerID, id proto.RoomID)
}
