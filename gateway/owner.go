package gateway

import (
	"encoding/json"
	"slices"
	"time"

	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/metrics"
	"p2pconnector/gateway/internal/natsbus"
	"p2pconnector/gateway/internal/ownership"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// step applies an event to the ownership of a session and carries out the action that
// follows.
func (g *Gateway) step(s *session, e ownership.Event) {
	if e.Kind == ownership.Outdated && e.By == g.id {
		return // an attempt of this gateway won the epoch, and the answer was lost
	}
	s.mu.Lock()
	was, action := s.stepLocked(e)
	s.mu.Unlock()
	g.act(s, was, action)
}

func (s *session) stepLocked(e ownership.Event) (was ownership.Holding, action ownership.Action) {
	was = s.hold
	s.hold, action = was.Step(e)
	if e.Kind == ownership.Took {
		was.Epoch, was.Revision = e.Epoch, e.Revision // the directory's entry to end, if the session ends
	}
	if s.hold.Phase == was.Phase {
		return was, action
	}
	s.since = time.Now()
	switch s.hold.Phase {
	case ownership.Serving:
		s.phase = away
		s.conns, s.tokens, s.unsent = 0, 0, 0 // they start again in each epoch
	case ownership.Lent:
		s.phase, s.direct = lent, false
	case ownership.Moved:
		s.phase, s.direct = moved, false
	case ownership.None:
		s.phase, s.direct = over, false
	}
	return was, action
}

// act carries out the action of a step. was is the ownership before it.
func (g *Gateway) act(s *session, was ownership.Holding, action ownership.Action) {
	switch action {
	case ownership.Take:
		g.background(func() { g.takeBack(s) }, func() {})
	case ownership.Confirm:
		g.background(func() { g.confirm(s) }, func() {})
	case ownership.Attach:
		s.mu.Lock()
		s.lossy = s.lossy || s.hold.Lossy
		s.hold.Lossy = false
		epoch := s.hold.Epoch
		s.mu.Unlock()
		g.metrics.Sessions.Moves.Inc(metrics.MoveTakenBack)
		g.links.serve(s.id, epoch)
		g.followRooms(s)
	case ownership.Drop:
		g.metrics.Sessions.Moves.Inc(metrics.MoveOutdated)
		g.dropSession(s, was)
	case ownership.Forget:
		s.mu.Lock()
		s.kept.Take(g.buffers)
		s.keepUnconfirmedLocked(nil)
		s.setRoomsLocked(nil)
		s.places.Back()
		s.mu.Unlock()
		g.learnMoved(s)
	case ownership.End:
		g.endSession(s, was)
	case ownership.Nothing:
		if s.hasMoved() {
			g.learnMoved(s)
		}
	}
}

// learnMoved routes frames for a session to its present owner.
func (g *Gateway) learnMoved(s *session) {
	s.mu.Lock()
	to := link.Route{Owner: s.hold.Other, Epoch: s.hold.Epoch, Tentative: false}
	if s.hold.Phase == ownership.Lent {
		to.Epoch, to.Tentative = to.Epoch+1, true
	}
	s.mu.Unlock()
	g.links.learn(s.id, to)
}

// dropSession gives up a session that another gateway has taken over without a copy. The
// new owner does not have the frames that wait here, so their senders get an error.
func (g *Gateway) dropSession(s *session, was ownership.Holding) {
	s.mu.Lock()
	for s.conn != nil {
		old := s.conn
		s.mu.Unlock()
		s.displace(old, proto.CloseGoingAway)
		s.mu.Lock()
	}
	frames := append(s.unconfirmedLocked(), s.kept.Take(g.buffers)...)
	rooms := s.rooms
	s.setRoomsLocked(nil)
	s.places.Back()
	s.mu.Unlock()
	g.log.Debug("session belongs to another gateway", "peer", string(s.id), "epoch", was.Epoch, "frames", len(frames))
	g.learnMoved(s)
	g.reportKept(s.id, frames)
	for _, r := range rooms {
		g.rooms.Depart(r, s.id, was.Epoch, g.grace())
	}
}

// endSession ends s for good: the peer leaves its rooms, and the senders of frames that
// the client has not confirmed get an error.
func (g *Gateway) endSession(s *session, was ownership.Holding) {
	s.mu.Lock()
	c, rooms := s.conn, s.rooms
	s.conn, s.rooms = nil, nil
	s.places.End()
	frames := append(s.unconfirmedLocked(), s.kept.Take(g.buffers)...)
	s.mu.Unlock()
	g.sessions.drop(s)
	g.reportKept(s.id, frames)
	if s.translator != nil {
		s.translator.End()
	}
	if c != nil {
		c.ws.Close(proto.CloseGoingAway, proto.CloseGoingAway.Reason(), true)
	}
	for _, r := range rooms {
		g.rooms.Depart(r, s.id, was.Epoch, 0)
	}
	if was.Revision != 0 {
		g.background(func() { g.directory.End(s.id, was) }, func() {})
	}
}

// sessionMessage handles a message of another gateway about a session. It does not
// block, because the reader of the inbox calls it.
func (g *Gateway) sessionMessage(id proto.PeerID, m natsbus.Message) {
	var t bus.SessionMessage
	if json.Unmarshal(m.Data, &t) != nil || t.Peer != id || !t.Gateway.Valid() || t.Gateway == g.id {
		return
	}
	s := g.sessions.get(id)
	switch {
	case t.Seated:
		if s != nil {
			g.step(s, ownership.Event{Kind: ownership.Outdated, By: t.Gateway, Epoch: t.Epoch, Seated: true, Root: t.Root})
		}
	case t.Room != "":
		if s != nil && s.Live() {
			g.background(func() { g.takeRoom(s, t.Room, s.epoch()) }, func() {})
		}
	case t.Confirm:
		g.answer(m, id, s.location())
	default:
		if old := s.stillRead(&t); old != nil {
			g.background(func() { g.askAgain(old, m) }, func() {})
			return
		}
		g.answer(m, id, g.handOff(s, &t))
	}
}

// stillRead returns the connection of a session that is to be lent, if frames that
// the client has sent on it may still be unread; otherwise nil.
func (s *session) stillRead(t *bus.SessionMessage) *conn {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	c, accepts := s.conn, s.acceptsLocked(t.Token, t.Received)
	s.mu.Unlock()
	if c == nil || !accepts || c.ws.AllRead() {
		return nil
	}
	return c
}

// askAgain puts a request for a session back into the inbox when the session's old
// connection has been read to the end. The reader of the inbox lends sessions and must
// not wait.
func (g *Gateway) askAgain(old *conn, m natsbus.Message) {
	old.ws.AwaitRead()
	g.bus.Inbox.Put(m, g.alive.Done())
}

// answer answers another gateway's request about a session.
func (g *Gateway) answer(m natsbus.Message, id proto.PeerID, h *bus.Handoff) {
	if m.Reply == "" {
		return
	}
	h.From = g.id
	if err := g.bus.Publish(m.Reply, marshal(h)); err != nil {
		g.log.Warn("handoff: answer not sent", "peer", string(id), "err", err)
	}
}

// location returns the answer to the question whether the session is here and, if not,
// which gateway owns it.
func (s *session) location() *bus.Handoff {
	if s == nil {
		return &bus.Handoff{Absent: true}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.phase {
	case arriving:
		return &bus.Handoff{Busy: true}
	case attached, away, lent:
		return &bus.Handoff{Owner: s.g.id, Epoch: s.hold.Epoch, Root: s.root}
	case moved:
		return &bus.Handoff{Owner: s.hold.Other, Epoch: s.hold.Epoch}
	}
	return &bus.Handoff{Absent: true}
}

// learnToken applies what a client's token proves: the gateway that issued it served the
// session in the token's epoch. The notice of that gateway may arrive later.
func (g *Gateway) learnToken(s *session, t bus.TokenRef) {
	if t.Owner != g.id {
		g.step(s, ownership.Event{Kind: ownership.Outdated, By: t.Owner, Epoch: t.Epoch, Seated: true, Root: t.Root()})
	}
}

// handOff answers another gateway's request to take a session over.
func (g *Gateway) handOff(s *session, t *bus.SessionMessage) *bus.Handoff {
	if s == nil {
		return &bus.Handoff{Absent: true}
	}
	g.learnToken(s, t.Token)
	s.mu.Lock()
	for s.conn != nil && s.acceptsLocked(t.Token, t.Received) { // the client may resume here again while the lock is released
		old := s.conn
		s.mu.Unlock()
		s.displace(old, proto.CloseTakenOver)
		s.mu.Lock()
	}
	h, action := s.lendLocked(t)
	frames := len(h.Frames)
	s.mu.Unlock()
	if action == ownership.Lend {
		g.metrics.Sessions.Moves.Inc(metrics.MoveLent)
		g.learnMoved(s)
		g.log.Debug("session lent", "peer", string(s.id), "to", string(t.Gateway), "frames", frames, "recovered", h.Recovered)
	}
	return h
}

func (s *session) lendLocked(t *bus.SessionMessage) (*bus.Handoff, ownership.Action) {
	switch s.phase {
	case arriving:
		return &bus.Handoff{Busy: true}, ownership.Nothing
	case attached, away, lent:
		if !s.acceptsLocked(t.Token, t.Received) {
			return &bus.Handoff{Error: sessionReplaced()}, ownership.Nothing
		}
	}
	was, action := s.stepLocked(ownership.Event{Kind: ownership.Asked, By: t.Gateway})
	switch action {
	case ownership.Lend:
		if was.Phase == ownership.Serving {
			s.copyLocked(t)
		}
		return &bus.Handoff{
			Lent: true, Epoch: s.hold.Epoch, Revision: s.hold.Revision, Root: s.root,
			Recovered: !s.lossy && !s.hold.Lossy && !s.g.suspicion.Raised(), User: s.user, AcceptFrom: s.acceptFrom,
			Rooms:  slices.Clone(s.rooms), // the handoff is encoded without the lock, while rooms may be removed
			Frames: s.kept.Frames(), Fence: s.fence.Epochs(),
		}, action
	case ownership.Redirect:
		return &bus.Handoff{Owner: s.hold.Other, Epoch: s.hold.Epoch}, action
	}
	return &bus.Handoff{Absent: true}, action
}

// copyLocked puts the frames of the copy that is lent into the replay buffer: first those
// that the client missed on its last connection, then those that wait.
func (s *session) copyLocked(t *bus.SessionMessage) {
	newer := s.kept.Take(s.g.buffers)
	missed, recovered := s.replayLocked(t.Token, t.Received)
	s.lossy = s.lossy || !recovered
	for _, frames := range [][][]byte{missed, newer} {
		for _, f := range s.kept.AddAll(s.g.buffers, frames) {
			s.dropLocked(f)
		}
	}
	s.sent, s.known, s.announced = 0, 0, false
}

// takeBack competes for the next epoch of a session that was lent, for its client or
// to end it.
func (g *Gateway) takeBack(s *session) {
	s.mu.Lock()
	epoch, revision := s.hold.Epoch+1, s.hold.Revision
	s.mu.Unlock()
	a := g.directory.Take(s.id, epoch, revision)
	switch a.Kind {
	case ownership.Won:
		g.step(s, ownership.Event{Kind: ownership.Took, Epoch: epoch, Revision: a.Revision})
	case ownership.Lost:
		g.step(s, ownership.Event{Kind: ownership.Outdated, By: a.Owner, Epoch: a.Epoch})
	case ownership.Ended:
		g.step(s, ownership.Event{Kind: ownership.Gone})
	}
	// Without an answer, the gateway tries again at the end of the grace.
}

// confirm asks the gateway that the directory names as the owner of a lent session whether
// it has the session. If that gateway took the epoch and then failed, confirm has this
// gateway take the session back, as it does when that gateway knows only an earlier owner.
func (g *Gateway) confirm(s *session) {
	s.mu.Lock()
	was := s.hold
	s.mu.Unlock()
	other := was.Other
	h, err := g.bus.AskGateway(other, bus.SessionMessage{Peer: s.id, Gateway: g.id, Confirm: true})
	switch {
	case err == nil && h.Busy, err != nil && g.liveness.Alive(other):
		return // asked again at the end of the grace
	case err == nil && h.Owner == other:
		g.step(s, ownership.Event{Kind: ownership.Outdated, By: other, Epoch: h.Epoch, Seated: true, Root: h.Root})
		return
	case err == nil && h.Owner != "" && h.Epoch > was.Epoch:
		g.step(s, ownership.Event{Kind: ownership.Outdated, By: h.Owner, Epoch: h.Epoch})
		return
	}
	if a := g.directory.Look(s.id); a.Kind == ownership.Entry && a.Owner == other {
		g.step(s, ownership.Event{Kind: ownership.NotSeated, By: other, Epoch: a.Epoch, Revision: a.Revision, Was: was, Dead: err != nil})
	}
}
