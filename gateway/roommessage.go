package gateway

import (
	"math"
	"slices"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/link"
	"p2pconnector/proto"
)

// maxMissed bounds the members that one Not_Delivered lists.
const maxMissed = 100

// backEndLate is how long after a member has moved away what a back end sends here for
// the room is passed on to it: back ends do not say which state of the room they know.
const backEndLate = 5 * time.Second

// roomMessage is a finished frame for the members of a room that are here. Each
// member gets it from the gateway that served it at revision view, and so once,
// whoever moves at that moment.
type roomMessage struct {
	from   proto.PeerID   // empty: a back end
	epoch  uint64         // of the sender's session
	view   uint64         // 0: none, for every member
	except []proto.PeerID // who gets it by itself, or has it already
	frame  []byte
	reply  string // of a back end, when it wants to know whom the frame did not reach
}

// receive hands a message of another gateway to the members that are here, and returns
// whom it did not reach. known is false, and nothing was done, when its sender knows a newer
// state of the room than this gateway.
func (r *replica) receive(m *roomMessage) (x proto.Refusal, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m.view > r.rev {
		r.patienceLocked(m.view)
		return x, false
	}
	return r.spreadLocked(m), true
}

// refused reports a message that this gateway is answerable for, and sends it on to the
// members that have moved, when it is a back end's.
func (r *replica) refused(m *roomMessage, x *proto.Refusal) {
	for _, move := range x.Moved {
		r.g.links.send(&link.Frame{To: move.Peer, Room: r.id, Reply: m.reply, Data: m.frame}, nil)
	}
	f := link.Frame{From: m.from, Room: r.id, Data: m.frame}
	switch {
	case x.Code == "":
	case m.from == "" && m.reply != "":
		r.g.answerBackEnd(m.reply, marshal(proto.Outcome{Code: x.Code, Peers: x.Peers}))
	case m.from != "":
		r.g.metrics.Relays.Drops.Inc(x.Code)
		r.g.sendToPeer(m.from, r.g.undelivered(&f, x.Code, x.Peers))
	}
}

// spreadLocked hands a message to every local member but its sender.
func (r *replica) spreadLocked(m *roomMessage) (x proto.Refusal) {
	f := link.Frame{From: m.from, Room: r.id, Epoch: m.epoch, ToEpoch: math.MaxUint64, Data: m.frame}
	missed := func(id proto.PeerID) {
		x.Code = proto.NotDelivered
		if len(x.Peers) < maxMissed {
			x.Peers = append(x.Peers, id)
		}
	}
	for id, lm := range r.local {
		switch {
		case id == m.from, slices.Contains(m.except, id):
			continue // the sender, or one that gets it by itself
		case m.view != 0 && m.view < lm.since:
			if lm.unsure != 0 && m.view > lm.unsure {
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
		if f.To = s.id; s.id != m.from && !slices.Contains(m.except, s.id) {
			if _, move := s.take(&f); move != nil {
				x.Moved = append(x.Moved, *move)
			}
		}
	}
	r.movedAway.redirect(m, &x)
	return x
}

// joinedElsewhereLocked returns the sessions of members that the room says are here,
// and that had moved when their join took effect.
func (r *replica) joinedElsewhereLocked() (all []*session) {
	for id := range r.leaving {
		if m := r.index[id]; m == nil || m.Holder() != r.g.id {
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
	if r.index[f.From] == nil {
		return nil, false, false
	}
	f.View = r.rev
	missed, reached := r.g.links.sendRoom(r, &f)
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
		if (v == queueFull || v == notFound) && len(missed) < maxMissed {
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

// apartLocked returns the members at other gateways to whom room messages go one by one,
// because the room message of their gateway and what is for them alone would take different
// ways. goesTo says which way the latter goes; edits counts its changes.
func (r *replica) apartLocked(edits uint64, goesTo func(proto.PeerID, proto.GatewayID) bool) []proto.PeerID {
	if r.apartRev == r.rev && r.apartEdits == edits {
		return r.apart
	}
	r.apart, r.apartRev, r.apartEdits = nil, r.rev, edits
	for id, m := range r.index {
		if at := m.Holder(); at != r.g.id && !goesTo(id, at) {
			r.apart = append(r.apart, id)
		}
	}
	return r.apart
}

// atLocked returns the members that one of some gateways serves, and that do not get
// room messages one by one.
func (r *replica) atLocked(gateways []proto.GatewayID) (members []proto.PeerID) {
	for id, m := range r.index {
		if len(members) < maxMissed && slices.Contains(gateways, m.Holder()) && !slices.Contains(r.apart, id) {
			members = append(members, id)
		}
	}
	return members
}

// messageRoom relays a Message to every other member of a room. frame is finished;
// began is when it was read, if it is timed.
func (c *conn) messageRoom(room proto.RoomID, frame []byte, began clock.Instant) *proto.Error {
	g := c.g
	f := link.Frame{From: c.session.id, Room: room, Epoch: c.epoch, Began: int64(began), Data: frame}
	var missed []proto.PeerID
	var none, member bool
	if room.Valid() {
		if r := g.rooms.get(room); r != nil {
			f.Room = r.id // room may point into what was read
			missed, none, member = r.relay(f)
		}
	}
	switch {
	case !member:
		return proto.Errorf(proto.Unauthorised, "You are not a member of room %s. Send Join_Room first.", proto.Quote(string(room)))
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
