package session

import (
	"net/netip"
	"sync"
	"sync/atomic"

	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/egress"
	"p2pconnector/gateway/internal/metrics"
	"p2pconnector/gateway/internal/socket"
	"p2pconnector/proto"
)

// Conn is a client's connection, as far as its session needs it.
type Conn struct {
	// Fixed.
	Socket     *socket.Conn
	Addr       netip.Addr     // that the connection counts for
	Delta      bool           // wants changes in place of full lists
	AcceptFrom *proto.Senders // whose frames the client accepts; nil: it does not say
	Client     Client

	Access atomic.Pointer[auth.Access] // what its token allows; nil: everything

	// Owned by the reader of the connection.
	Session *Session
	Budget  *egress.Client // of bytes: that of Session
	Epoch   uint64         // of Session, when this became its connection

	leaving sync.Mutex // held while the connection leaves its session
}

// Client is what a session asks of the other side of its connection.
type Client interface {
	// Enqueue queues a frame; from is the peer that has sent it to this peer alone, or "".
	// The session's lock is held.
	Enqueue(from proto.PeerID, frame []byte) Result
	// RefuseRooms refuses the frames that wait for room requests, and returns the refusals
	// as they go to the network.
	RefuseRooms() []byte
	// LeaveUncovered leaves the rooms that the access token does not cover.
	LeaveUncovered()
}

// Result is the outcome of a frame for one peer.
type Result int

// The outcomes of a frame. Up to FlushNeeded it was delivered.
const (
	Delivered   Result = iota // to the connection, or to the replay buffer
	FlushNeeded               // to the connection, which must be flushed before the next one
	QueueFull                 // the queue has no room
	NotFound                  // no such connection or session
	Redirected                // another gateway has the session
	NotAccepted               // the peer accepts no frames of the sender
	OverShare                 // the sender has used its share of what waits for the peer
	Declined                  // the connection takes no frames of others now; a session turns it into NotFound
)

// Count counts v, the result of a relayed frame for one of its receivers.
func (v Result) Count(r *metrics.Relays) {
	switch v {
	case Delivered, FlushNeeded:
		r.Delivered.Inc()
	case QueueFull:
		r.QueueFull.Inc()
	case NotFound:
		r.NotFound.Inc()
	case Redirected:
		r.Moved.Inc()
	case NotAccepted:
		r.NotAccepted.Inc()
	case OverShare:
		r.OverShare.Inc()
	}
}

// Code returns the error code for a frame that a session did not accept, or "".
func (v Result) Code() proto.ErrorCode {
	switch v {
	case QueueFull, OverShare:
		return proto.NotDelivered
	case NotFound:
		return proto.NotFound
	case NotAccepted:
		return proto.Unauthorised
	}
	return ""
}

// End takes the connection from its session, unless another connection or gateway has taken
// the session. left returns what the socket has left; clean is true when the client closed
// the connection to leave. The reader calls End when reading has ended.
func (c *Conn) End(clean bool, left func() socket.Remains) {
	c.leaving.Lock()
	defer c.leaving.Unlock()
	c.Session.detach(c, clean, left())
}

// moveTo makes c the connection of s and ends the session that c had. The reader of c
// calls it. attach runs under the lock of s. ok is false, and nothing has changed, when s
// is no longer in phase from, or c was displaced. Only one session is locked at a time:
// c.leaving keeps c with its old session until it has left that session.
func (c *Conn) moveTo(s *Session, from phase, attach func()) (ok bool) {
	c.leaving.Lock()
	defer c.leaving.Unlock()
	fresh := c.Session
	if !fresh.Has(c) {
		return false
	}
	s.mu.Lock()
	if ok = s.phase == from; ok {
		attach()
	}
	s.mu.Unlock()
	if ok {
		fresh.abandon()
	}
	return ok
}

// retire removes the frames that wait in a connection, and closes it.
func (c *Conn) retire(code proto.CloseCode) socket.Remains {
	left := c.Socket.CloseAndTake(code)
	left.Unsent = append(left.Unsent, c.Client.RefuseRooms())
	return left
}
