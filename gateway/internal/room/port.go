package room

import (
	"log/slog"
	"time"

	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/metrics"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// Member is a peer whose session this gateway knows, as its rooms see it. Its methods are
// called with the lock of a room held, by anyone, and must not block. Two Members are equal
// when they are the same session.
type Member interface {
	ID() proto.PeerID
	// WantsDelta reports whether its client asked for changes in place of full lists.
	WantsDelta() bool
	// Live reports whether the peer may be a member of rooms through this gateway.
	Live() bool
	// OtherOwner returns the gateway that has the session now, or may have it; "" when it
	// is here or has ended.
	OtherOwner() proto.GatewayID

	// JoinRoom adds a room to those that the session is in; fresh is false when it was in
	// it before. ok is false when the peer may not be a member through this gateway.
	JoinRoom(id proto.RoomID) (fresh, ok bool)
	// LeaveRoom undoes JoinRoom.
	LeaveRoom(id proto.RoomID)
	// RenewToken sends the client a session token with its present rooms.
	RenewToken()

	// Send sends the peer a frame of the server's, wherever it is. It keeps no reference
	// to frame.
	Send(frame []byte)
	// Take hands the peer a frame that another gateway or a back end has sent here. A code
	// says that it was not delivered; otherwise a move, unless nil, says which gateway is
	// to have it.
	Take(f link.Frame) (proto.ErrorCode, *bus.Move)
	// Relay sends the peer a frame of another peer of this gateway. A code says that it
	// was not delivered.
	Relay(f link.Frame) proto.ErrorCode
}

// Relays carries frames to other gateways. Its methods are called with the lock of a room
// held, and must not block.
type Relays interface {
	// Send sends a frame to a peer wherever it is.
	Send(f link.Frame)
	// SendRoom sends a message of a member that is here to the other gateways that have
	// members of a room. It returns the members that it did not reach, at most MaxMissed;
	// reached is false when there are other gateways and nothing was sent to any.
	SendRoom(to *State, f link.Frame) (missed []proto.PeerID, reached bool)
	// RoomMoved takes in that members of a room have left gateways for others, and where
	// they and those that moved before are.
	RoomMoved(from map[proto.PeerID]proto.GatewayID, to map[proto.PeerID]link.Route)
}

// Requester sends requests to the room service, again and again until their deadline.
type Requester interface {
	// Ask waits for the reply. A reply that refuses is the error, as a *proto.Error. After
	// any other error the request may still take effect.
	Ask(op bus.Operation, req *bus.Request) (*bus.Reply, error)
	// AskUntil is Ask with a deadline. It gives up when answered is closed.
	AskUntil(answered <-chan struct{}, deadline time.Time, op bus.Operation, req *bus.Request) (*bus.Reply, error)
	// Send does not wait. done is called once, without a lock held.
	Send(deadline time.Time, op bus.Operation, req *bus.Request, done func(*bus.Reply, error)) uint64
}

// Config says how rooms reach the rest of their gateway. Every field is needed.
type Config struct {
	Own     proto.GatewayID
	Grace   time.Duration // for how long a session waits for its client
	Logger  *slog.Logger
	Metrics *metrics.Rooms

	Member   func(proto.PeerID) Member // by id; nil for none
	Relays   Relays
	Requests Requester
	Frame    EncodeFrame

	// Go runs f on a goroutine that the end of the gateway waits for, or refused when the
	// gateway is ending.
	Go    func(f, refused func())
	Ended <-chan struct{} // closed when nobody is to wait any longer

	// Advanced is called, with the lock of a room held, when the room may have reached
	// another revision: messages may have waited for it.
	Advanced func()
	// Contest is called, with the lock of a room held, when the room names other gateways
	// for members.
	Contest func(id proto.RoomID, members []bus.Member)
	// NotifyJoined tells the owner of a session that the room names this gateway for its
	// peer, because a join was pending when the session moved.
	NotifyJoined func(owner proto.GatewayID, peer proto.PeerID, id proto.RoomID)
}
