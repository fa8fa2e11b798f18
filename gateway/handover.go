package gateway

import (
	"encoding/json"
	"maps"
	"time"

	"github.com/nats-io/nats.go"

	"p2pconnector/proto"
)

// sessionMessage handles what another gateway says about a session. It does not
// block: it runs on a subscription's callback.
func (g *Gateway) sessionMessage(id proto.PeerID, m *nats.Msg) {
	var t proto.Takeover
	if json.Unmarshal(m.Data, &t) != nil {
		return
	}
	if t.Peer == "" { // no word of its own, but the answer to one
		g.claimAnswered(id, m.Data)
		return
	}
	if t.Peer != id || !t.Gateway.Valid() || t.Gateway == g.id {
		return
	}
	g.leases.saw(t.Gateway, false)
	s := g.sessions.get(id)
	switch {
	case t.Ended:
		// One that does not know the session may not have said that it holds it: then its
		// client may come back here.
		if s != nil && s.newHolder() == t.Gateway && (t.Room == "" || s.claimed()) {
			g.forget(s)
		}
	case t.Room != "":
		switch {
		case s == nil:
			g.tell(t.Gateway, proto.Takeover{Peer: id, Gateway: g.id, Room: t.Room, Ended: true})
		case s.live():
			g.background(func() { g.takeRoom(s, t.Room) }, func() {})
		}
	case t.Holds:
		g.answer(m, id, g.heldBy(id, s, &t))
	default:
		if t.Fence {
			g.answer(m, id, &proto.Handover{Newest: g.out.newest()})
			return
		}
		if old := s.stillRead(&t); old != nil {
			g.background(func() { g.askAgain(old, m) }, func() {})
			return
		}
		g.answer(m, id, g.handOver(s, &t))
	}
}

// stillRead returns the connection of a session that is to be handed over when what the
// client has sent on it may not have been read.
func (s *session) stillRead(t *proto.Takeover) *conn {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	c, accepts := s.conn, s.acceptsLocked(t.Count, t.Received)
	s.mu.Unlock()
	if c == nil || !accepts {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.allRead {
		return nil
	}
	return c
}

// askAgain puts a question for a session back into the inbox when its old connection
// has been read out. It is the inbox's reader that hands over, since what it has
// handled goes with the answer.
func (g *Gateway) askAgain(old *conn, m *nats.Msg) {
	old.readOut()
	select {
	case g.inbox <- m:
		g.inboxFilled()
	case <-g.alive.Done():
	}
}

// answer answers what another gateway asked or said about a session.
func (g *Gateway) answer(m *nats.Msg, id proto.PeerID, h *proto.Handover) {
	if m.Reply == "" {
		return
	}
	h.From = g.id
	if err := m.Respond(marshal(h)); err != nil {
		g.log.Warn("handover: answer not sent", "peer", string(id), "err", err)
	}
}

// newHolder returns the gateway that a session was handed to, or "".
func (s *session) newHolder() proto.GatewayID {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != moved {
		return ""
	}
	return s.movedTo
}

// wasHandedOn reports whether the session was handed to another gateway, also when it
// has ended since.
func (s *session) wasHandedOn() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.movedTo != ""
}

// claimed reports whether the gateway that the session was handed to has said that it
// holds it.
func (s *session) claimed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.parting == nil
}

// heldBy notes that another gateway holds a session. Of two that hold it at the
// same moment, since a holder had died or its answer was lost, the one with the
// newer token stays, and with equal ones the one with the greater id. The answer
// names the holder when that is not the one that claims it.
func (g *Gateway) heldBy(id proto.PeerID, s *session, t *proto.Takeover) *proto.Handover {
	h := new(proto.Handover)
	if s == nil {
		if id.Home() == g.id {
			g.sessions.put(&session{g: g, id: id, phase: moved, movedTo: t.Gateway, count: t.Count, since: time.Now()})
		}
		return h
	}
	s.mu.Lock()
	newer := t.Count > s.count || t.Count == s.count && t.Gateway > g.id
	var unheard [][]byte
	switch {
	case s.phase == moved && s.parting != nil && t.Instead == s.movedTo && t.Gateway != s.movedTo:
		s.movedTo, s.count, s.parting = t.Gateway, t.Count, nil // who was to have it has given it up
	case s.phase == moved && t.Count >= s.count:
		if s.parting != nil && eraOf(t.Count) > eraOf(s.parting.Count) {
			unheard = s.parting.Frames // what it was handed over with never arrived
		}
		s.movedTo, s.count, s.parting = t.Gateway, t.Count, nil
	case s.phase == moved && t.Gateway != s.movedTo: // an old word, repeated, or one that came second
		h.MovedTo, h.Count = s.movedTo, s.count
	case s.phase < moved && !newer:
		h.MovedTo, h.Count = g.id, s.count
	}
	yields := s.phase < moved && newer
	s.mu.Unlock()
	for _, f := range unheard {
		g.bounce(id, f)
	}
	if yields {
		g.giveUpTo(s, t)
	}
	return h
}

// yield gives a session up when a token shows that another gateway holds it since.
func (g *Gateway) yield(s *session, count uint64, holder proto.GatewayID) {
	s.mu.Lock()
	overtaken := s.phase < moved && s.overtakenLocked(count, holder)
	s.mu.Unlock()
	if overtaken {
		g.giveUpTo(s, &proto.Takeover{Gateway: holder, Count: count})
	}
}

// giveUpTo leaves a session to a gateway that took it over without asking this
// one. What was kept here may have reached that one too, or not: the senders are
// told, since nobody will deliver it from here. Rooms may name this gateway, when both
// took the session over at once: that one has them name it, or has no such session, and
// then the peer leaves them.
func (g *Gateway) giveUpTo(s *session, t *proto.Takeover) {
	if !s.live() {
		return
	}
	h := g.part(s, t, t.Count)
	if h == nil {
		return
	}
	for _, f := range h.Frames {
		g.bounce(s.id, f)
	}
	for _, r := range h.Rooms {
		g.rooms.stray(r, s.id)
	}
}

// handOver answers a question for a session.
func (g *Gateway) handOver(s *session, t *proto.Takeover) *proto.Handover {
	if s == nil {
		return &proto.Handover{Error: sessionOver()}
	}
	g.yield(s, t.Count, t.Holder)
	s.mu.Lock()
	phase, movedTo, parting, parted := s.phase, s.movedTo, s.parting, s.parted
	accepts := s.acceptsLocked(t.Count, t.Received)
	s.mu.Unlock()
	switch {
	case phase == over:
		return &proto.Handover{Error: sessionOver()}
	case phase == arriving:
		return &proto.Handover{Error: proto.Errorf(proto.Unavailable, "This session is being resumed by another connection at this moment. Connect again in a moment.")}
	case phase == moved && parting != nil && t.Count <= parted:
		return g.partAgain(s, t)
	case phase == moved:
		return &proto.Handover{MovedTo: movedTo, Gone: !g.mayLive(movedTo)}
	case !accepts:
		return &proto.Handover{Error: sessionReplaced()}
	}
	h := g.part(s, t, 0)
	if h == nil {
		return &proto.Handover{Error: sessionOver()}
	}
	s.mu.Lock()
	s.parting = h
	s.mu.Unlock()
	g.stats.handedOver.Add(1)
	return h
}

// partAgain answers a second question before anybody has said that it holds the
// session: the answer to the first was lost, or, when another gateway asks, came
// too late.
func (g *Gateway) partAgain(s *session, t *proto.Takeover) *proto.Handover {
	s.mu.Lock()
	h, seen := s.parting, [][]byte(nil)
	switch {
	case h == nil:
		h = &proto.Handover{MovedTo: s.movedTo}
	case s.movedTo != t.Gateway:
		h, seen = s.secondHandLocked(t.Count)
		s.parting, s.movedTo, s.count = h, t.Gateway, h.Count
	}
	s.mu.Unlock()
	for _, f := range seen {
		g.bounce(s.id, f)
	}
	return h
}

// part gives a session up to another gateway and returns what goes with it; nil when it
// has ended. From here on its frames are for that one.
func (g *Gateway) part(s *session, t *proto.Takeover, count uint64) *proto.Handover {
	s.mu.Lock()
	for s.conn != nil { // its client may resume here at this moment, again
		old := s.conn
		s.mu.Unlock()
		code := proto.CloseTakenOver
		if count > 0 && eraOf(count) == eraOf(s.tokenCount()) {
			code = proto.CloseGoingAway // both took it over at once, and the client may be the one that is here
		}
		s.displace(old, code)
		s.mu.Lock()
	}
	if s.phase >= moved { // its client has said good-bye meanwhile
		s.mu.Unlock()
		return nil
	}
	unsub, leave := s.unsub, s.leave
	missed, recovered := s.replayLocked(t.Count, t.Received)
	h := &proto.Handover{
		Count: s.count, Moves: s.moves + 1, Rooms: s.rooms, User: s.user, Seen: g.seenNow(), Recovered: recovered,
		Frames: append(missed, s.kept.take(g)...),
	}
	if s.arrivals != nil {
		if !s.arrivals.settled {
			h.Frames = append(h.Frames, s.arrivals.settle(time.Now())...)
		}
		s.arrivals.addSeen(h.Seen)
		h.Doubt = s.arrivals.doubt
	}
	s.phase, s.movedTo, s.since = moved, t.Gateway, time.Now()
	s.parted, s.partedBy, s.replayed = s.count, t.Count, len(missed)
	s.unsub, s.leave, s.arrivals, s.rooms = nil, nil, nil, nil
	s.count = max(s.count, count)
	s.mu.Unlock()
	for _, f := range unsub {
		f()
	}
	g.farewells.add(s.id, leave)
	g.log.Debug("session handed on", "peer", string(s.id), "to", string(t.Gateway), "frames", len(h.Frames), "recovered", recovered, "count", h.Count)
	return h
}

// seenNow copies what this gateway has handled of each other's relays.
func (g *Gateway) seenNow() map[proto.GatewayID]uint64 {
	g.seenMu.Lock()
	defer g.seenMu.Unlock()
	return maps.Clone(g.seen)
}
