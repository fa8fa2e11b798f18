package client

import (
	"sync"
	"time"

	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/frames"
	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/ratelimit"
	"p2pconnector/gateway/internal/room"
	"p2pconnector/gateway/internal/session"
	"p2pconnector/proto"
)

// scratch holds the buffers that relaying one frame needs. It is pooled, so that
// idle connections hold none.
type scratch struct {
	frame proto.Frame
	out   []byte
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// maxScratch is the largest buffer that goes back to the pool.
const maxScratch = 64 << 10

func giveScratch(sc *scratch) {
	sc.frame.Reset()
	if cap(sc.out) <= maxScratch {
		scratches.Put(sc)
	}
}

// relay relays a signal or a message to its peer or room.
func (c *Conn) relay(sc *scratch) *proto.Error {
	f := &sc.frame
	if f.Event == proto.Message && f.Room != nil {
		if f.To != nil {
			return proto.Invalid("room", "Give `to` or `room`, not both.")
		}
		sc.out = f.AppendRelay(sc.out[:0], c.Session.ID())
		return c.messageRoom(proto.RoomID(f.Room), sc.out, c.began)
	}
	if len(f.To) == 0 {
		if f.Event == proto.Message {
			return proto.Missing("to", "`to` or `room` is missing. Give the id of a peer, or of a room that you are in.")
		}
		return proto.Missing("to", "`to` is missing. Give the id of the peer this frame is for.")
	}
	sc.out = f.AppendRelay(sc.out[:0], c.Session.ID())
	return c.relayPeer(f, sc.out, "")
}

// connect relays a Connect as the Offer that its target gets.
func (c *Conn) connect(sc *scratch) *proto.Error {
	f := &sc.frame
	if len(f.To) == 0 {
		return proto.Missing("to", "`to` is missing. Give the id of the peer to connect to.")
	}
	var sdp, candidate []byte
	if f.Data != nil {
		proto.Members(f.Data, func(name string, value []byte) {
			switch name {
			case "sdp":
				sdp = value
			case "candidate":
				candidate = value
			}
		})
	}
	if sdp == nil || string(sdp) == "null" {
		return proto.Missing("data.sdp", "`data.sdp` is missing. Give your session description.")
	}
	if candidate == nil || string(candidate) == "null" {
		return proto.Missing("data.candidate", "`data.candidate` is missing. Give an ICE candidate.")
	}
	data := proto.ConnectData(c.Session.ID(), sdp, candidate)
	return c.relayPeer(f, c.tab.cfg.Frames.Server(proto.TypeInfo, string(proto.Offer), data, nil), string(f.ID))
}

// relayPeer sends a finished frame to the peer that f names. A peer of this gateway gets
// it in process, unless earlier frames wait for the peer; every other peer gets it through
// the router.
func (c *Conn) relayPeer(f *proto.Frame, frame []byte, connectID string) *proto.Error {
	tab := c.tab
	if short := c.Budget.Relay(len(frame)); short.Limit != "" {
		return short.Err()
	}
	x := link.Frame{From: c.Session.ID(), Epoch: c.Epoch, ID: connectID, Began: int64(c.began), Data: frame}
	if s := tab.cfg.Sessions.Get(proto.PeerID(view(f.To))); s != nil {
		x.To = s.ID()
		if v, ok := s.TakeDirect(&x); ok {
			return c.relayedHere(s, v)
		}
	} else {
		if string(c.lastTo) != string(f.To) { // most clients send to one peer for long: keep its id
			to := proto.PeerID(view(f.To))
			if !to.Valid() || to.Home() == tab.cfg.Own { // this gateway knows all the peers that it has issued
				tab.cfg.Metrics.Relays.NotFound.Inc()
				return proto.PeerNotFound(string(f.To))
			}
			c.lastTo = proto.PeerID(f.To)
		}
		x.To = c.lastTo
	}
	x.Shared, x.View = c.Session.Shared(x.To)
	if !tab.cfg.Relays.Connected() {
		return unavailable()
	}
	return c.refusedBy(tab.cfg.Relays.SendFor(x, c), x.To)
}

// relayedHere returns the sender's error for a frame to a peer of this gateway, and counts v.
func (c *Conn) relayedHere(s *session.Session, v session.Result) *proto.Error {
	v.Count(&c.tab.cfg.Metrics.Relays)
	switch v {
	case session.NotFound:
		return proto.PeerNotFound(string(s.ID()))
	case session.QueueFull, session.OverShare:
		return frames.NotDelivered(s.ID())
	case session.NotAccepted:
		return frames.NotAccepted(s.ID())
	}
	c.tab.cfg.Metrics.Relays.TookHere(c.began)
	return nil
}

// refusedBy returns the error that the sender of a frame gets for a code of the router.
func (c *Conn) refusedBy(code proto.ErrorCode, to proto.PeerID) *proto.Error {
	switch code {
	case "":
		return nil
	case proto.NotFound:
		return proto.PeerNotFound(string(to))
	case proto.RateLimited:
		e := proto.Errorf(proto.RateLimited, "Too many frames to clients that this server does not know: it looks for %d a second. Send only to clients that are there.", lookupsPerSecond)
		e.RetryAfterMS = time.Second.Milliseconds() / lookupsPerSecond
		return e
	case proto.Unavailable:
		return unavailable()
	case proto.Unauthorised:
		return frames.NotAccepted(to)
	}
	return frames.NotDelivered(to)
}

func unavailable() *proto.Error {
	return proto.Errorf(proto.Unavailable, "The server cannot pass this frame on now. Nothing was sent: send it again in a moment.")
}

// messageRoom relays a Message to every other member of a room. frame is ready to be
// sent; began is when the Message was read, if it is timed.
func (c *Conn) messageRoom(id proto.RoomID, frame []byte, began clock.Instant) *proto.Error {
	tab := c.tab
	f := link.Frame{From: c.Session.ID(), Room: id, Epoch: c.Epoch, Began: int64(began), Data: frame}
	if !c.Access.Load().Covers(id) {
		return denied(auth.CanMessage) // the peer is about to leave it
	}
	out := room.Relayed{NotMember: true}
	if id.Valid() {
		out = tab.cfg.Rooms.Relay(f, c.Budget)
	}
	switch {
	case out.NotMember:
		return proto.Errorf(proto.Unauthorised, "You are not a member of room %s. Send Join_Room first.", proto.Quote(string(id)))
	case out.Short.Limit != "":
		return out.Short.Err()
	case out.NoneReached:
		return unavailable()
	}
	tab.cfg.Metrics.Relays.TookHere(began)
	if len(out.Missed) > 0 {
		tab.cfg.Metrics.Relays.Drops.Inc(proto.NotDelivered)
		c.Session.Send(tab.cfg.Relays.Undelivered(&f, proto.NotDelivered, out.Missed))
	}
	return nil
}

// Limits of one connection on frames to peers that must be looked up in the directory.
const (
	lookupsPerSecond = 20
	lookupBurst      = 100
)

// MayLookUp implements relay.LookupLimiter. The reader calls it.
func (c *Conn) MayLookUp() bool {
	wait, _ := c.lookupRate.Take(c.tab.cfg.Clock.Load(), ratelimit.Limit{PerSecond: lookupsPerSecond, Burst: lookupBurst})
	return wait == 0
}
