package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"p2pconnector/proto"
)

// handoverTimeout bounds one question for a session; it is asked three times.
const handoverTimeout = time.Second

// takeOver makes c a peer that another gateway holds, or held. tomb is what this
// gateway remembers of having handed it on itself; nil for nothing.
func (g *Gateway) takeOver(c *conn, t *sessionToken, received *uint64, id []byte, tomb *session) *proto.Error {
	s := &session{g: g, id: t.Peer, bus: true, phase: arriving, arrivals: newArrivals(), user: t.User}
	g.sessions.put(s) // before anything can come for it, which would be refused
	if err := g.listen(s); err != nil {
		g.log.Error("takeover: cannot subscribe", "peer", string(s.id), "err", err)
		g.giveUp(s, tomb, unavailable())
		return unavailable()
	}
	h, e := g.askHolder(t, received, tomb)
	if e != nil {
		g.log.Debug("session not taken over", "peer", string(s.id), "holder", string(t.Holder), "err", e)
		g.giveUp(s, tomb, e)
		return e
	}
	seated := s.arrived(t, h)
	if seated {
		kept := g.takeRooms(s, h.Rooms)
		h.Recovered = h.Recovered && kept
		if !h.Gone {
			g.settle(s.id, h.From)
		}
		seated = g.seat(c, s, t, h, id)
	}
	if !seated {
		for _, f := range h.Frames {
			g.bounce(s.id, f)
		}
		return proto.Errorf(proto.Unavailable, "Another connection resumed this session at this moment. Go on with your fresh id, or connect again.")
	}
	g.log.Debug("session taken over", "peer", string(s.id), "from", string(h.From), "holder", string(t.Holder),
		"gone", h.Gone, "frames", len(h.Frames), "recovered", h.Recovered)
	g.stats.resumed("elsewhere")
	return nil
}

// arrived takes what the holder has told of the session; false when another gateway
// has claimed it meanwhile.
func (s *session) arrived(t *sessionToken, h *proto.Handover) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != arriving {
		return false
	}
	s.count, s.moves, s.shown, s.user = max(h.Count, t.Count), h.Moves, t.Count, h.User
	s.arrivals.orphan, s.arrivals.seen, s.arrivals.doubt = h.Gone, h.Seen, h.Doubt
	s.taken, s.from = s.count, h.From
	for _, id := range h.Rooms { // it may have joined others here while it arrived: by a request of before
		if !slices.Contains(s.rooms, id) {
			s.rooms = append(s.rooms, id)
		}
	}
	return true
}

// listen subscribes to the subjects of a peer that another gateway issued: the
// only subscriptions there are for single peers.
func (g *Gateway) listen(s *session) error {
	home := s.id.Home()
	if home == g.id {
		return nil
	}
	frames, err := proto.PeerSubject(s.id)
	if err != nil {
		return err
	}
	sub, err := g.listenTo(frames)
	if err != nil {
		return fmt.Errorf("gateway: subscribe for a moved peer: %w", err)
	}
	s.leave = func() { sub.Unsubscribe() }
	if err := g.nc.FlushTimeout(handoverTimeout); err != nil {
		sub.Unsubscribe()
		return fmt.Errorf("gateway: subscribe for a moved peer: %w", err)
	}
	g.farewells.endNow(s.id)
	return nil
}

// maxQuestions bounds how far a session that keeps moving is followed.
const maxQuestions = 4

// askHolder finds who holds the session and asks for it: first the gateway in
// the token, then whoever that one handed it to; when it is gone, the one that
// issued the peer, on whose subject a later holder listens too.
func (g *Gateway) askHolder(t *sessionToken, received *uint64, tomb *session) (*proto.Handover, *proto.Error) {
	holder, home := t.Holder, t.Peer.Home()
	if tomb != nil {
		h, to := tomb.takeBack(t.Count)
		if h != nil {
			return h, nil
		}
		holder = to
	} else if holder == g.id || home == g.id {
		return nil, sessionOver()
	}
	ask := proto.Takeover{Peer: t.Peer, Gateway: g.id, Count: t.Count, Received: received, Holder: t.Holder}
	asked := make(map[proto.GatewayID]bool)
	for range maxQuestions {
		asked[holder] = true
		h, err := g.question(holder, ask)
		switch {
		case errors.Is(err, nats.ErrNoResponders):
			if !asked[home] && home != g.id {
				holder = home
				continue
			}
			return g.orphan(t, holder)
		case err != nil:
			g.log.Warn("takeover: no answer", "peer", string(t.Peer), "holder", string(holder), "err", err)
			return nil, proto.Errorf(proto.Unavailable, "The gateway that holds this session does not answer. Connect again in a moment to resume.")
		case h.Error != nil:
			return nil, h.Error
		case h.Gone || h.MovedTo == g.id || asked[h.MovedTo]:
			return g.orphan(t, h.MovedTo) // nobody has it any more
		case h.MovedTo == "":
			return h, nil
		}
		holder = h.MovedTo
	}
	return nil, sessionOver()
}

// settle waits for what the former holder still passes on: until it has handled
// all that it had when the rooms were told, and a moment more.
func (g *Gateway) settle(peer proto.PeerID, from proto.GatewayID) {
	if from != g.id {
		// Without an answer the numbers of the frames keep the order all the same.
		_, _ = g.question(from, proto.Takeover{Peer: peer, Gateway: g.id, Fence: true})
	}
	pause := time.NewTimer(settleTime)
	<-pause.C
}

// secondHandLocked is what a session is handed over with once more, to another gateway
// than the first, which has not said that it holds the session. That one may be at
// it still, so the tokens run ahead; or it has died with what had reached it, so
// something may be lost. The first may have asked for a token that was old already:
// with a newer one, the client has been on the last connection, and seen what was sent
// there, or some of it. That comes apart, for its senders to be told.
func (s *session) secondHandLocked(count uint64) (again *proto.Handover, seen [][]byte) {
	h := *s.parting
	h.Count += orphanLead
	h.Recovered = false
	if count > s.partedBy {
		seen, h.Frames = h.Frames[:s.replayed], h.Frames[s.replayed:]
		s.partedBy, s.replayed = count, 0
	}
	return &h, seen
}

// takeBack returns what a session was handed over with when nobody has held it
// since, as far as the count of the client's token tells, and otherwise who does.
func (s *session) takeBack(count uint64) (*proto.Handover, proto.GatewayID) {
	s.mu.Lock()
	h := s.parting
	if h == nil || count > s.parted {
		s.parting = nil
		defer s.mu.Unlock()
		return nil, s.movedTo // with a newer token, its new holder never got to say that it holds it
	}
	back, seen := s.secondHandLocked(count)
	s.parting = nil
	s.mu.Unlock()
	for _, f := range seen {
		s.g.bounce(s.id, f)
	}
	return back, s.newHolder()
}

// orphan is what is left of a session whose holder died: what its token says, as
// long as its rooms wait for it. What had left its senders by now may have been
// delivered by that one.
func (g *Gateway) orphan(t *sessionToken, holder proto.GatewayID) (*proto.Handover, *proto.Error) {
	if !g.leases.lostWithin(holder, time.Now(), g.cfg.SessionGrace+proto.LeaseTimeout) {
		return nil, sessionOver()
	}
	return &proto.Handover{Gone: true, Count: t.Count + orphanLead, Rooms: t.Rooms, User: t.User, Doubt: g.census.take(g)}, nil
}

// question asks one gateway; an answer that was lost is asked for again.
func (g *Gateway) question(holder proto.GatewayID, ask proto.Takeover) (*proto.Handover, error) {
	subject, err := proto.SessionSubject(holder, ask.Peer)
	if err != nil {
		return nil, err
	}
	data := marshal(ask)
	for range 3 {
		var m *nats.Msg
		m, err = g.nc.Request(subject, data, handoverTimeout)
		if errors.Is(err, nats.ErrNoResponders) {
			return nil, err
		}
		if err == nil {
			h := new(proto.Handover)
			if err = json.Unmarshal(m.Data, h); err == nil {
				return h, nil
			}
		}
	}
	return nil, fmt.Errorf("gateway: ask %s for a session: %w", holder, err)
}

// giveUp forgets a takeover that was refused. What came for the peer meanwhile is
// passed on to the gateway that this one had handed it to, or its senders are
// told, unless a gateway that answered holds the peer, where it arrives too.
func (g *Gateway) giveUp(s, tomb *session, e *proto.Error) {
	s.mu.Lock()
	if s.phase != arriving {
		s.mu.Unlock()
		return // another gateway has claimed it meanwhile, and was left everything
	}
	unsub, waiting, rooms := s.unsub, s.arrivals.waiting, s.rooms
	if s.leave != nil {
		unsub = append(unsub, s.leave)
	}
	s.phase, s.arrivals, s.unsub, s.leave, s.rooms = over, nil, nil, nil, nil
	kept := s.kept.take(g)
	s.mu.Unlock()
	for _, f := range unsub {
		f()
	}
	if tomb != nil {
		g.sessions.put(tomb)
	} else {
		g.sessions.drop(s)
	}
	for _, f := range kept {
		g.bounce(s.id, f)
	}
	for _, r := range rooms {
		g.rooms.depart(r, s.id)
	}
	to := g.id
	if tomb != nil {
		to = tomb.newHolder()
	}
	for _, x := range waiting {
		switch {
		case x.hop:
		case to != g.id && to != "":
			g.hop(sentTo{to: s.id, gw: to, hop: x.lost}, x.frame)
		case e.Code == proto.NotFound:
			g.sayLost(x.lost, proto.Lost{Code: proto.NotFound})
		case e.Code == proto.Unavailable:
			g.sayLost(x.lost, proto.Lost{Code: proto.NotDelivered})
		}
	}
}

// seat attaches c to the session that has arrived; false when another gateway
// took it over at the same moment.
func (g *Gateway) seat(c *conn, s *session, t *sessionToken, h *proto.Handover, id []byte) bool {
	s.mu.Lock()
	if s.phase != arriving {
		s.mu.Unlock()
		return false
	}
	g.abandon(c)
	doubtful := s.arrivals.cutDoubtful()
	frames := slices.Concat(h.Frames, s.kept.take(g), s.arrivals.settle(time.Now()))
	recovered := h.Recovered && !s.lossy
	s.attachLocked(c, g.detailsLocked(s, &recovered, c, id), frames)
	count := s.count
	s.mu.Unlock()
	for _, x := range doubtful {
		g.sayLost(x.lost, proto.Lost{Code: proto.NotDelivered})
	}
	g.claim(s, h, t.Holder, count)
	return true
}

// claim says that this gateway holds the session now, to the gateway that issued
// the peer, to the one that handed it over and to the one that the token names,
// which may only have been out of reach, and listens for those who ask.
func (g *Gateway) claim(s *session, h *proto.Handover, former proto.GatewayID, count uint64) {
	home := s.id.Home()
	defer func() {
		g.claims.say(home, s.id, count)
		g.claims.say(h.From, s.id, count)
		g.claims.say(former, s.id, count)
	}()
	if home == g.id {
		return
	}
	subject, err := proto.SessionSubject(home, s.id)
	if err != nil {
		return
	}
	sub, err := g.listenTo(subject)
	if err != nil {
		g.log.Error("takeover: cannot subscribe", "peer", string(s.id), "err", err)
		return
	}
	s.mu.Lock()
	stale := s.phase >= moved
	if !stale {
		s.unsub = append(s.unsub, func() { sub.Unsubscribe() })
	}
	s.mu.Unlock()
	if stale {
		sub.Unsubscribe()
	}
}

// tell sends a gateway word about a session.
func (g *Gateway) tell(to proto.GatewayID, t proto.Takeover) {
	subject, err := proto.SessionSubject(to, t.Peer)
	if err == nil {
		err = g.nc.Publish(subject, marshal(t))
	}
	if err != nil {
		g.log.Warn("takeover: word not sent", "peer", string(t.Peer), "gateway", string(to), "err", err)
	}
}
