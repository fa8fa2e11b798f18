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
	if json.Unmarshal(m.Data, &t) != nil || t.Peer != id || !t.Gateway.Valid() || t.Gateway == g.id {
		return
	}
	s := g.sessions.get(id)
	switch {
	case t.Room != "":
		if s != nil && s.live() {
			g.background(func() { g.takeRoom(s, t.Room) }, func() {})
		}
	case t.Ended:
		if s != nil && s.newHolder() == t.Gateway {
			g.forget(s)
		}
	case t.Holds:
		g.answer(m, id, g.heldBy(id, s, &t))
	default:
		h := new(proto.Handover)
		if !t.Fence {
			h = g.handOver(s, &t)
		}
		g.answer(m, id, h)
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
	switch {
	case s.phase == moved && t.Count >= s.count:
		s.movedTo, s.count, s.parting = t.Gateway, t.Count, nil
	case s.phase == moved && t.Gateway != s.movedTo: // an old word, repeated, or one that came second
		h.MovedTo, h.Count = s.movedTo, s.count
	case s.phase < moved && !newer:
		h.MovedTo, h.Count = g.id, s.count
	}
	yields := s.phase < moved && newer
	s.mu.Unlock()
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
// told, since nobody will deliver it from here.
func (g *Gateway) giveUpTo(s *session, t *proto.Takeover) {
	if !s.live() {
		return
	}
	h := g.part(s, t, t.Count)
	for _, f := range h.Frames {
		g.bounce(s.id, f)
	}
}

// handOver answers a question for a session.
func (g *Gateway) handOver(s *session, t *proto.Takeover) *proto.Handover {
	if s == nil {
		return &proto.Handover{Error: sessionOver()}
	}
	g.yield(s, t.Count, t.Holder)
	s.mu.Lock()
	phase, movedTo, parting := s.phase, s.movedTo, s.parting
	accepts := s.acceptsLocked(t.Count, t.Received)
	s.mu.Unlock()
	switch {
	case phase == over:
		return &proto.Handover{Error: sessionOver()}
	case phase == arriving:
		return &proto.Handover{Error: proto.Errorf(proto.Unavailable, "This session is being resumed by another connection at this moment. Connect again in a moment.")}
	case phase == moved && parting != nil && parting.Count >= t.Count:
		return s.partAgain(t.Gateway)
	case phase == moved:
		return &proto.Handover{MovedTo: movedTo, Gone: !g.leases.mayLive(movedTo, time.Now())}
	case !accepts:
		return &proto.Handover{Error: sessionReplaced()}
	}
	h := g.part(s, t, 0)
	s.mu.Lock()
	s.parting = h
	s.mu.Unlock()
	g.stats.handedOver.Add(1)
	return h
}

// partAgain answers a second question before anybody has said that it holds the
// session: the answer to the first was lost, or, when another gateway asks, came
// too late. That one may hold the session all the same, so the tokens of the
// second run ahead.
func (s *session) partAgain(to proto.GatewayID) *proto.Handover {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.parting == nil {
		return &proto.Handover{MovedTo: s.movedTo}
	}
	if s.movedTo != to {
		again := *s.parting
		again.Count += orphanLead
		s.parting, s.movedTo, s.count = &again, to, again.Count
	}
	return s.parting
}

// part gives a session up to another gateway and returns what goes with it. From
// here on its frames are for that one.
func (g *Gateway) part(s *session, t *proto.Takeover, count uint64) *proto.Handover {
	s.mu.Lock()
	old := s.conn
	s.mu.Unlock()
	if old != nil {
		s.displace(old)
	}
	s.mu.Lock()
	unsub, leave := s.unsub, s.leave
	missed, recovered := s.replayLocked(t.Count, t.Received)
	h := &proto.Handover{
		Count: s.count, Rooms: s.rooms, User: s.user, Seen: g.seenNow(), Recovered: recovered,
		Frames: append(missed, s.kept.take(g)...),
	}
	if s.arrivals != nil {
		if !s.arrivals.settled {
			h.Frames = append(h.Frames, s.arrivals.settle(time.Now())...)
		}
		s.arrivals.addSeen(h.Seen)
	}
	s.phase, s.movedTo, s.since = moved, t.Gateway, time.Now()
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
