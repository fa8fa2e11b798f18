package session

import (
	"encoding/json"
	"slices"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/frames"
	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/metrics"
	"p2pconnector/gateway/internal/natsbus"
	"p2pconnector/gateway/internal/ownership"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// step applies an event to the ownership of a session and carries out the action that
// follows.
func (tab *Table) step(s *Session, e ownership.Event) {
	if e.Kind == ownership.Outdated && e.By == tab.cfg.Own {
		return // an attempt of this gateway won the epoch, and the answer was lost
	}
	s.mu.Lock()
	was, action := s.stepLocked(e)
	s.mu.Unlock()
	tab.act(s, was, action)
}

func (s *Session) stepLocked(e ownership.Event) (was ownership.Holding, action ownership.Action) {
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
func (tab *Table) act(s *Session, was ownership.Holding, action ownership.Action) {
	switch action {
	case ownership.Take:
		tab.cfg.Go(func() { tab.takeBack(s) }, func() {})
	case ownership.Confirm:
		tab.cfg.Go(func() { tab.confirm(s) }, func() {})
	case ownership.Attach:
		s.mu.Lock()
		s.lossy = s.lossy || s.hold.Lossy
		s.hold.Lossy = false
		s.contested = clock.Now().Add(proto.RequestDeadline)
		epoch := s.hold.Epoch
		s.mu.Unlock()
		tab.cfg.Metrics.Sessions.Moves.Inc(metrics.MoveTakenBack)
		tab.relays.Serve(s.id, epoch)
		tab.followRooms(s)
	case ownership.Drop:
		tab.cfg.Metrics.Sessions.Moves.Inc(metrics.MoveOutdated)
		tab.dropSession(s, was)
	case ownership.Forget:
		s.mu.Lock()
		s.kept.Take(tab.cfg.Buffers)
		s.keepUnconfirmedLocked(nil)
		s.setRoomsLocked(nil)
		s.places.Back()
		s.mu.Unlock()
		tab.learnMoved(s)
	case ownership.End:
		tab.endSession(s, was)
	case ownership.Nothing:
		if s.hasMoved() {
			tab.learnMoved(s)
		}
	}
}

// learnMoved routes frames for a session to its present owner.
func (tab *Table) learnMoved(s *Session) {
	s.mu.Lock()
	to := link.Route{Owner: s.hold.Other, Epoch: s.hold.Epoch, Tentative: false}
	if s.hold.Phase == ownership.Lent {
		to.Epoch, to.Tentative = to.Epoch+1, true
	}
	s.mu.Unlock()
	tab.relays.Learn(s.id, to)
}

// dropSession gives up a session that another gateway has taken over without a copy. The
// new owner does not have the frames that wait here, so their senders get an error.
func (tab *Table) dropSession(s *Session, was ownership.Holding) {
	s.mu.Lock()
	for s.conn != nil {
		old := s.conn
		s.mu.Unlock()
		s.displace(old, proto.CloseGoingAway)
		s.mu.Lock()
	}
	frames := append(s.unconfirmedLocked(), s.kept.Take(tab.cfg.Buffers)...)
	rooms := s.rooms
	s.setRoomsLocked(nil)
	s.places.Back()
	s.mu.Unlock()
	tab.cfg.Logger.Debug("session belongs to another gateway", "peer", string(s.id), "epoch", was.Epoch, "frames", len(frames))
	tab.learnMoved(s)
	tab.relays.ReportUndelivered(s.id, frames)
	for _, r := range rooms {
		tab.rooms.Depart(r, s.id, s.TurnKey(), was.Epoch, tab.cfg.Grace())
	}
}

// endSession ends s for good: the peer leaves its rooms, and the senders of frames that
// the client has not confirmed get an error.
func (tab *Table) endSession(s *Session, was ownership.Holding) {
	s.mu.Lock()
	c, rooms := s.conn, s.rooms
	s.conn, s.rooms = nil, nil
	s.places.End()
	frames := append(s.unconfirmedLocked(), s.kept.Take(tab.cfg.Buffers)...)
	s.mu.Unlock()
	tab.drop(s)
	tab.relays.ReportUndelivered(s.id, frames)
	if s.translator != nil {
		s.translator.End()
	}
	if c != nil {
		c.Socket.Close(proto.CloseGoingAway, proto.CloseGoingAway.Reason(), true)
	}
	for _, r := range rooms {
		tab.rooms.Depart(r, s.id, s.TurnKey(), was.Epoch, 0)
	}
	if was.Revision != 0 {
		tab.cfg.Go(func() { tab.cfg.Directory.End(s.id, was) }, func() {})
	}
}

// Message handles a message of another gateway about a session. It does not
// block, because the reader of the inbox calls it.
func (tab *Table) Message(id proto.PeerID, m natsbus.Message) {
	var t bus.SessionMessage
	if json.Unmarshal(m.Data, &t) != nil || t.Peer != id || !t.Gateway.Valid() || t.Gateway == tab.cfg.Own {
		return
	}
	s := tab.Get(id)
	switch {
	case t.Seated:
		if s != nil {
			tab.step(s, ownership.Event{Kind: ownership.Outdated, By: t.Gateway, Epoch: t.Epoch, Seated: true, Root: t.Root})
		}
	case t.Room != "":
		if s != nil && s.Live() {
			tab.cfg.Go(func() { tab.takeRoom(s, t.Room, s.epoch()) }, func() {})
		}
	case t.Confirm:
		tab.answer(m, id, s.location())
	default:
		tab.asked(m, &t, s.stillRead(&t))
	}
}

// asked answers another gateway's request for a session when each connection that the session
// has had since then was read to its end, or has been waited for: old, if it is not nil, and
// those that replaced it. Other requests do not prolong the wait. asked does not block.
func (tab *Table) asked(m natsbus.Message, t *bus.SessionMessage, old *Conn) {
	lend := func() { tab.answer(m, t.Peer, tab.handOff(tab.Get(t.Peer), t)) }
	if old == nil {
		lend()
		return
	}
	tab.cfg.Go(func() {
		for waited := (*Conn)(nil); old != nil && old != waited; old = tab.Get(t.Peer).stillRead(t) {
			old.Socket.AwaitRead(t.Received == nil)
			waited = old
		}
		lend()
	}, func() {})
}

// stillRead returns the connection of a session that is to be lent, if frames that
// the client has sent on it may still be unread; otherwise nil.
func (s *Session) stillRead(t *bus.SessionMessage) *Conn {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	c, accepts := s.conn, s.acceptsLocked(t.Token, t.Received)
	s.mu.Unlock()
	if c == nil || !accepts || c.Socket.AllRead() {
		return nil
	}
	return c
}

// answer answers another gateway's request about a session.
func (tab *Table) answer(m natsbus.Message, id proto.PeerID, h *bus.Handoff) {
	if m.Reply == "" {
		return
	}
	h.From = tab.cfg.Own
	if err := tab.cfg.Bus.Publish(m.Reply, frames.Marshal(h)); err != nil {
		tab.cfg.Logger.Warn("handoff: answer not sent", "peer", string(id), "err", err)
	}
}

// location returns the answer to the question whether the session is here and, if not,
// which gateway owns it.
func (s *Session) location() *bus.Handoff {
	if s == nil {
		return &bus.Handoff{Absent: true}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.phase {
	case arriving:
		return &bus.Handoff{Busy: true}
	case attached, away, lent:
		return &bus.Handoff{Owner: s.tab.cfg.Own, Epoch: s.hold.Epoch, Root: s.root}
	case moved:
		return &bus.Handoff{Owner: s.hold.Other, Epoch: s.hold.Epoch}
	}
	return &bus.Handoff{Absent: true}
}

// learnToken applies what a client's token proves: the gateway that issued it served the
// session in the token's epoch. The notice of that gateway may arrive later.
func (tab *Table) learnToken(s *Session, t bus.TokenRef) {
	if t.Owner != tab.cfg.Own {
		tab.step(s, ownership.Event{Kind: ownership.Outdated, By: t.Owner, Epoch: t.Epoch, Seated: true, Root: t.Root()})
	}
}

// handOff answers another gateway's request to take a session over.
func (tab *Table) handOff(s *Session, t *bus.SessionMessage) *bus.Handoff {
	if s == nil {
		return &bus.Handoff{Absent: true}
	}
	tab.learnToken(s, t.Token)
	s.mu.Lock()
	for s.conn != nil && s.acceptsLocked(t.Token, t.Received) { // the client may resume here again while the lock is released
		old := s.conn
		s.mu.Unlock()
		s.displace(old, proto.CloseTakenOver)
		s.mu.Lock()
	}
	h, action := s.lendLocked(t)
	n := len(h.Frames)
	s.mu.Unlock()
	if action == ownership.Lend {
		tab.cfg.Metrics.Sessions.Moves.Inc(metrics.MoveLent)
		tab.learnMoved(s)
		tab.cfg.Logger.Debug("session lent", "peer", string(s.id), "to", string(t.Gateway), "frames", n, "recovered", h.Recovered)
	}
	return h
}

func (s *Session) lendLocked(t *bus.SessionMessage) (*bus.Handoff, ownership.Action) {
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
			Recovered: !s.lossy && !s.hold.Lossy && !s.contestedLocked(), User: s.user, AcceptFrom: s.acceptFrom,
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
func (s *Session) copyLocked(t *bus.SessionMessage) {
	newer := s.kept.Take(s.tab.cfg.Buffers)
	missed, recovered := s.replayLocked(t.Token, t.Received)
	s.lossy = s.lossy || !recovered
	for _, frames := range [][][]byte{missed, newer} {
		for _, f := range s.kept.AddAll(s.tab.cfg.Buffers, s.tab.cfg.Replay, frames) {
			s.dropLocked(f)
		}
	}
	s.sent, s.known, s.announced = 0, 0, false
}

// contestedLocked reports whether another gateway may have accepted frames for the peer that
// nobody delivers or reports when that gateway fails: it takes the session over, or it tries
// to and does not know yet that this gateway has taken the session back.
func (s *Session) contestedLocked() bool {
	return s.tab.suspicion.Raised() || clock.Now() < s.contested
}

// takeBack competes for the next epoch of a session that was lent, for its client or
// to end it. When another gateway has won the epoch, takeBack returns after that gateway was
// asked whether it has the session.
func (tab *Table) takeBack(s *Session) {
	s.mu.Lock()
	epoch, revision := s.hold.Epoch+1, s.hold.Revision
	s.mu.Unlock()
	a := tab.cfg.Directory.Take(s.id, epoch, revision, 0)
	switch a.Kind {
	case ownership.Won:
		tab.step(s, ownership.Event{Kind: ownership.Took, Epoch: epoch, Revision: a.Revision})
	case ownership.Lost:
		if a.Owner == tab.cfg.Own {
			return // an attempt of this gateway won the epoch, and the answer was lost
		}
		s.mu.Lock()
		was, action := s.stepLocked(ownership.Event{Kind: ownership.Outdated, By: a.Owner, Epoch: a.Epoch})
		s.mu.Unlock()
		if action == ownership.Confirm {
			tab.confirm(s)
			return
		}
		tab.act(s, was, action)
	case ownership.Ended:
		tab.step(s, ownership.Event{Kind: ownership.Gone})
	}
	// Without an answer, the gateway tries again at the end of the grace.
}

// confirm asks the owner of a lent session, according to the directory, whether it has the
// session. If that gateway took the epoch and then failed, confirm has this gateway take
// the session back, by the entry that the directory had before that gateway was asked.
func (tab *Table) confirm(s *Session) {
	entry := tab.cfg.Directory.Look(s.id)
	if entry.Kind != ownership.Entry || entry.Owner == tab.cfg.Own {
		return // asked again at the end of the grace
	}
	h, err := tab.cfg.Bus.AskGateway(entry.Owner, bus.SessionMessage{Peer: s.id, Gateway: tab.cfg.Own, Confirm: true})
	e := ownership.Event{Kind: ownership.NotSeated, By: entry.Owner, Epoch: entry.Epoch, Revision: entry.Revision, Dead: err != nil}
	switch {
	case err == nil && h.Busy, err != nil && tab.cfg.Liveness.Alive(entry.Owner):
		return // asked again at the end of the grace
	case err == nil && h.Owner == entry.Owner:
		e = ownership.Event{Kind: ownership.Outdated, By: h.Owner, Epoch: h.Epoch, Seated: true, Root: h.Root}
	case err == nil && h.Owner != "" && h.Epoch > entry.Epoch:
		e = ownership.Event{Kind: ownership.Outdated, By: h.Owner, Epoch: h.Epoch}
	}
	tab.step(s, e)
}
