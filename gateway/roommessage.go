package gateway

import (
	"slices"
	"time"

	"p2pconnector/proto"
)

// maxMissed bounds the members that one Not_Delivered lists.
const maxMissed = 100

// maxEarly bounds the messages that wait for the replica to catch up with the
// view of their senders.
const maxEarly = 256

// roomMessage is a finished frame for the members of a room that are here. Each
// member gets it from the gateway that held it at revision view, and so once,
// whoever moves at that moment. lost is its reply subject; "" says that the
// sender is here too.
type roomMessage struct {
	from  proto.PeerID
	view  uint64 // 0: none, for every member
	frame []byte
	lost  string
}

// receive delivers a message that came over NATS. One whose sender knows a newer
// state of the room waits until it is known here too.
func (r *replica) receive(m roomMessage) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m.view > r.rev && len(r.early) < maxEarly && !r.stopped {
		r.early = append(r.early, m)
		r.patienceLocked(m.view)
		return
	}
	r.deliverLocked(m)
}

// catchEarlyLocked delivers the messages whose view has been reached.
func (r *replica) catchEarlyLocked() {
	for len(r.early) > 0 && r.early[0].view <= r.rev {
		m := r.early[0]
		r.early = r.early[1:]
		r.deliverLocked(m)
	}
	if len(r.early) == 0 {
		r.early = nil
	}
}

// deliverLocked is for messages that came over NATS.
func (r *replica) deliverLocked(m roomMessage) {
	if missed, _ := r.spreadLocked(m); len(missed) > 0 {
		r.g.sayLost(m.lost, proto.Lost{Code: proto.NotDelivered, Peers: missed})
	}
}

// spreadLocked hands a message to every local member but its sender, and returns
// those it did not reach, and those that moved here and get what is sent here
// over NATS like everything else.
func (r *replica) spreadLocked(m roomMessage) (missed, bus []proto.PeerID) {
	for id, lm := range r.local {
		switch {
		case id == m.from || m.view != 0 && m.view < lm.since:
			continue // the sender, or one that its former gateway serves
		case m.lost == "" && lm.s.bus:
			bus = append(bus, id)
			continue
		}
		v := lm.s.deliverFrom(m.frame, m.lost, false)
		r.g.stats.relayed(v)
		if v == elsewhere {
			r.passOnLocked(lm.s.newHolder(), id, m)
		} else if v > pressed && len(missed) < maxMissed {
			missed = append(missed, id)
		}
	}
	if len(r.emptied) > 0 {
		now := time.Now()
		r.emptied = slices.DeleteFunc(r.emptied, func(x movedAway) bool { return now.After(x.until) })
		for _, x := range r.emptied {
			if x.peer != m.from && m.view < x.at {
				r.passOnLocked(x.to, x.peer, m)
			}
		}
	}
	return missed, bus
}

// passOnLocked sends a message after a member that was handed over.
func (r *replica) passOnLocked(to proto.GatewayID, peer proto.PeerID, m roomMessage) {
	s := sentTo{room: r.id, to: peer, gw: to, hop: m.lost}
	if m.lost == "" {
		s.from = m.from
	}
	r.g.hop(s, m.frame)
}

// audience returns the other gateways that hold members, and the revision that
// says so; ok is false when from is no member.
func (r *replica) audience(from proto.PeerID, into []proto.GatewayID) (gateways []proto.GatewayID, view uint64, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.index[from] == nil {
		return into, 0, false
	}
	for gw := range r.holders {
		if gw != r.g.id {
			into = append(into, gw)
		}
	}
	return into, r.rev, true
}

// messageRoom relays a Message to every other member of a room. frame is finished.
func (c *conn) messageRoom(room proto.RoomID, frame []byte) *proto.Error {
	g, from := c.g, c.session.id
	refused := proto.Errorf(proto.Unauthorised, "You are not a member of room %s. Send Join_Room first.", proto.Quote(string(room)))
	if !room.Valid() {
		return refused
	}
	r := g.rooms.get(room)
	if r == nil {
		return refused
	}
	if g.eras.overtaken(from, c.era, g.coarse.Load()) {
		g.stats.late.Add(1)
		return roomNotReached(room)
	}
	var buf [8]proto.GatewayID
	gateways, view, ok := r.audience(from, buf[:0])
	if !ok {
		return refused
	}
	var failed *proto.Error
	for _, gw := range gateways {
		to := sentTo{from: from, room: room, view: view, gw: gw, began: c.began, era: c.era}
		if e := g.relayTo(to, frame); e != nil {
			failed = e
		}
	}
	r.mu.Lock()
	missed, bus := r.spreadLocked(roomMessage{from: from, view: view, frame: frame})
	r.mu.Unlock()
	g.stats.tookHere(c.began)
	for _, id := range bus {
		sent := toPeer(from, id)
		sent.era = c.era
		if e := g.relayTo(sent, frame); e != nil {
			failed = e
		}
	}
	if len(missed) > 0 {
		g.notify(sentTo{from: from, room: room, gw: g.id}, frame, proto.NotDelivered, missed)
	}
	return failed
}
