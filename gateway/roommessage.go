package gateway

import (
	"math"
	"slices"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/room"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// receive hands a message of another gateway to the members that are here, and returns
// whom it did not reach. known is false, and nothing was done, when its sender knows a newer
// state of the room than this gateway.
func (r *replica) receive(m *room.Message) (x bus.Refusal, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m.View > r.state.Revision {
		r.patienceLocked(m.View)
		return x, false
	}
	return r.spreadLocked(m), true
}

// refused reports a message that this gateway is answerable for, and sends it on to the
// members that have moved, when it is a back end's.
func (r *replica) refused(m *room.Message, x *bus.Refusal) {
	for _, move := range x.Moved {
		r.g.links.send(&link.Frame{To: move.Peer, Room: r.id, Reply: m.Reply, Data: m.Frame}, nil)
	}
	f := link.Frame{From: m.From, Room: r.id, Data: m.Frame}
	switch {
	case x.Code == "":
	case m.From == "" && m.Reply != "":
		r.g.answerBackEnd(m.Reply, marshal(bus.Outcome{Code: x.Code, Peers: x.Peers}))
	case m.From != "":
		r.g.metrics.Relays.Drops.Inc(x.Code)
		r.g.sendToPeer(m.From, r.g.undelivered(&f, x.Code, x.Peers))
	}
}

// spreadLocked hands a message to every local member but its sender.
func (r *replica) spreadLocked(m *room.Message) (x bus.Refusal) {
	f := link.Frame{From: m.From, Room: r.id, Epoch: m.Epoch, ToEpoch: math.MaxUint64, Data: m.Frame}
	missed := func(id proto.PeerID) {
		x.Code = proto.NotDelivered
		if len(x.Peers) < room.MaxMissed {
			x.Peers = append(x.Peers, id)
		}
	}
	for id, lm := range r.local {
		switch {
		case id == m.From, slices.Contains(m.Except, id):
			continue // the sender, or one that gets it by itself
		case m.View != 0 && m.View < lm.since:
			if lm.unsure != 0 && m.View > lm.unsure {
				missed(id) // its former gateway may have sent it on, or not
			}
			continue
		}
		f.To = id
		v, move := lm.s.take(&f)
		v.count(&r.g.metrics.Relays)
		switch {
		case move != nil:
			x.Moved = append(x.Moved, *move)
		case v != delivered:
			missed(id)
		}
	}
	for _, s := range r.joinedElsewhereLocked() {
		if f.To = s.id; s.id != m.From && !slices.Contains(m.Except, s.id) {
			if _, move := s.take(&f); move != nil {
				x.Moved = append(x.Moved, *move)
			}
		}
	}
	r.movedAway.Redirect(m, &x)
	return x
}

// joinedElsewhereLocked returns the sessions of members that the room says are here,
// and that had moved when their join took effect.
func (r *replica) joinedElsewhereLocked() (all []*session) {
	for id := range r.leaving {
		if m := r.state.Member(id); m == nil || m.Holder() != r.g.id {
			continue
		}
		if s := r.g.sessions.get(id); s != nil && s.otherOwner() != "" {
			all = append(all, s)
		}
	}
	return all
}

// relay sends a message of a member that is here to every other one, and returns those
// that it did not reach; member is false when its sender is none. With none, no other
// gateway could be reached, and no other member is here. It holds the lock throughout, so
// that no change of the room comes between the choice of the receivers and the sending.
func (r *replica) relay(f link.Frame) (missed []proto.PeerID, none, member bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state.Member(f.From) == nil {
		return nil, false, false
	}
	f.View = r.state.Revision
	missed, reached := r.g.links.sendRoom(&r.state, &f)
	if !reached && len(r.local) <= 1 {
		return nil, true, true
	}
	return append(missed, r.spreadHereLocked(f)...), false, true
}

// spreadHereLocked hands a message of a member that is here to every other one that is,
// and returns those that it did not reach.
func (r *replica) spreadHereLocked(f link.Frame) (missed []proto.PeerID) {
	for id, lm := range r.local {
		if id == f.From {
			continue
		}
		f.To = id
		v, ok := lm.s.takeDirect(&f)
		if !ok && r.g.links.send(&f, nil) != "" {
			v = queueFull
		}
		if ok {
			v.count(&r.g.metrics.Relays)
		}
		if (v == queueFull || v == notFound) && len(missed) < room.MaxMissed {
			missed = append(missed, id)
		}
	}
	for _, s := range r.joinedElsewhereLocked() {
		if f.To = s.id; s.id != f.From && r.g.links.send(&f, nil) != "" {
			missed = append(missed, s.id)
		}
	}
	return missed
}

// messageRoom relays a Message to every other member of a room. frame is finished;
// began is when it was read, if it is timed.
func (c *conn) messageRoom(id proto.RoomID, frame []byte, began clock.Instant) *proto.Error {
	g := c.g
	f := link.Frame{From: c.session.id, Room: id, Epoch: c.epoch, Began: int64(began), Data: frame}
	var missed []proto.PeerID
	var none, member bool
	if id.Valid() {
		if r := g.rooms.get(id); r != nil {
			f.Room = r.id // id may point into what was read
			missed, none, member = r.relay(f)
		}
	}
	switch {
	case !member:
		return proto.Errorf(proto.Unauthorised, "You are not a member of room %s. Send Join_Room first.", proto.Quote(string(id)))
	case none:
		return unavailable()
	}
	g.metrics.Relays.TookHere(began)
	if len(missed) > 0 {
		g.metrics.Relays.Drops.Inc(proto.NotDelivered)
		c.session.deliver(g.undelivered(&f, proto.NotDelivered, missed))
	}
	return nil
}
