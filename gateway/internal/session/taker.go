package session

import (
	"errors"
	"slices"
	"time"

	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/membudget"
	"p2pconnector/gateway/internal/metrics"
	"p2pconnector/gateway/internal/natsbus"
	"p2pconnector/gateway/internal/ownership"
	"p2pconnector/gateway/internal/quota"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// attempt is an attempt to take over a session whose client has connected to this gateway.
// The session's lock guards it.
type attempt struct {
	ownership.Taker
	known ownedBy // the owner that was known when the attempt began
	copy  *bus.Handoff
	taken []link.Frame // frames that came for the epoch that the attempt takes
	bytes int
}

// ownedBy is an owner of a session, with its epoch.
type ownedBy struct {
	gateway proto.GatewayID
	epoch   uint64
}

// take keeps a frame for the arriving peer when it was sent for the epoch that this
// gateway takes, and redirects others to the known owner. The session's lock is held.
func (a *attempt) take(s *Session, f *link.Frame) (Result, *bus.Move) {
	if f.ToEpoch <= a.known.epoch {
		return Redirected, &bus.Move{Peer: s.id, Owner: a.known.gateway, Epoch: a.known.epoch}
	}
	if !s.tab.cfg.Replay.Fits(len(a.taken), a.bytes, len(f.Data)) || !s.tab.cfg.Buffers.Reserve(membudget.Replay, a.bytes, len(f.Data)) {
		s.lossy = true
		s.tab.cfg.Metrics.Sessions.ReplayFull.Inc()
		return QueueFull, nil
	}
	x := *f
	x.From, x.To, x.Data = proto.PeerID([]byte(f.From)), s.id, slices.Clone(f.Data)
	a.taken = append(a.taken, x)
	a.bytes += len(f.Data)
	return Delivered, nil
}

// give returns the frames that the attempt has kept, and removes them from it.
func (a *attempt) give(tab *Table) []link.Frame {
	frames := a.taken
	tab.cfg.Buffers.Release(membudget.Replay, a.bytes)
	a.taken, a.bytes = nil, 0
	return frames
}

// takeOver takes over the session that t names from another gateway, and attaches c to it.
// known is what this gateway remembers of the session; nil for nothing.
func (tab *Table) takeOver(c *Conn, t *auth.SessionToken, received *uint64, id []byte, known *Session) *proto.Error {
	if known == nil && t.Epoch == 0 && t.Owner == tab.cfg.Own {
		return Over() // this gateway issued it, and would know where it has moved
	}
	owner := ownedBy{t.Owner, t.Epoch}
	if known != nil {
		known.mu.Lock()
		if known.hold.Phase == ownership.Moved && known.hold.Epoch > owner.epoch {
			owner = ownedBy{known.hold.Other, known.hold.Epoch}
		}
		known.mu.Unlock()
	}
	s := &Session{tab: tab, id: t.Peer, phase: arriving, user: t.User, acceptFrom: t.AcceptFrom, shown: t.TokenRef, places: tab.cfg.Quota.Open(c.Addr, t.User)}
	s.attempt = &attempt{Taker: ownership.NewTaker(tab.cfg.Own, tab.attempts.Add(1), t.Peer.Home(), owner.gateway, owner.epoch), known: owner}
	tab.put(s)
	e := tab.try(s, t, received)
	if e != nil {
		tab.cfg.Logger.Debug("session not taken over", "peer", string(s.id), "owner", string(owner.gateway), "err", e)
		tab.cfg.Metrics.Sessions.Moves.Inc(metrics.MoveFailed)
		tab.giveUp(s, known)
		return e
	}
	tab.seat(c, s, t, id)
	return nil
}

// try takes the session over, or returns the error that the client gets.
func (tab *Table) try(s *Session, t *auth.SessionToken, received *uint64) *proto.Error {
	var refused *proto.Error
	var over bool // the gateway that issued the peer has no such session
	for {
		s.mu.Lock()
		at := s.attempt.Taker
		s.mu.Unlock()
		var a ownership.Answer
		switch at.Stage {
		case ownership.Seated:
			return nil
		case ownership.Failed:
			switch {
			case refused != nil:
				return refused
			case at.Over:
				return Over()
			}
			return proto.Errorf(proto.Unavailable, "This session cannot be moved here at this moment. Connect again in a moment to resume, or go on with your fresh id.")
		case ownership.Asking:
			var h *bus.Handoff
			if h, a = tab.askOwner(at.Target, t, received); h != nil {
				refused = h.Error
				over = over || h.Absent && at.Target == s.id.Home()
			}
			s.mu.Lock()
			s.attempt.copy = h
			s.mu.Unlock()
		case ownership.Looking:
			a = tab.cfg.Directory.Look(s.id)
			if a.Kind == ownership.NoEntry && (over || !tab.issuerWasAlive(s.id)) {
				a.Kind = ownership.Ended
			}
		case ownership.Taking:
			a = tab.cfg.Directory.Take(s.id, at.Epoch, at.Revision, at.Number)
		}
		var report []link.Frame
		s.mu.Lock()
		s.attempt.Taker = at.Step(a)
		if a.Kind != ownership.Handoff && a.Kind != ownership.Won {
			report = s.attempt.give(tab) // the frames are for an epoch that another gateway has, or that nobody took
		}
		s.mu.Unlock()
		tab.relays.ReportTaken(report)
	}
}

// issuerWasAlive reports whether a session that never moved may be taken over without its
// owner's copy: the gateway that issued it may have been alive within the grace.
func (tab *Table) issuerWasAlive(p proto.PeerID) bool {
	home := p.Home()
	return home != tab.cfg.Own && tab.cfg.Liveness.AliveWithin(home, tab.cfg.Grace()+bus.LeaseTimeout)
}

// askOwner asks a gateway for the session. The handoff is nil when there was no answer.
func (tab *Table) askOwner(owner proto.GatewayID, t *auth.SessionToken, received *uint64) (*bus.Handoff, ownership.Answer) {
	h, err := tab.cfg.Bus.AskGateway(owner, bus.SessionMessage{Peer: t.Peer, Gateway: tab.cfg.Own, Token: t.TokenRef, Received: received})
	switch {
	case errors.Is(err, natsbus.ErrNoResponders), err != nil && !tab.cfg.Liveness.Alive(owner):
		return nil, ownership.Answer{Kind: ownership.Absent}
	case err != nil:
		tab.cfg.Logger.Warn("session: its owner does not answer", "peer", string(t.Peer), "owner", string(owner), "err", err)
		return nil, ownership.Answer{Kind: ownership.Silent}
	case h.Error != nil:
		return h, ownership.Answer{Kind: ownership.Refused}
	case h.Busy:
		return h, ownership.Answer{Kind: ownership.Silent}
	case h.Lent:
		return h, ownership.Answer{Kind: ownership.Handoff, Epoch: h.Epoch, Revision: h.Revision, Root: h.Root}
	case h.Owner.Valid():
		return h, ownership.Answer{Kind: ownership.Redirected, Owner: h.Owner, Epoch: h.Epoch}
	}
	return h, ownership.Answer{Kind: ownership.Absent}
}

// giveUp forgets an attempt that has failed.
func (tab *Table) giveUp(s, known *Session) {
	s.mu.Lock()
	frames := s.attempt.give(tab)
	kept := s.kept.Take(tab.cfg.Buffers)
	s.phase = over
	s.places.End()
	s.mu.Unlock()
	if known != nil {
		tab.put(known)
	} else {
		tab.drop(s)
	}
	tab.relays.ReportTaken(frames)
	tab.relays.ReportUndelivered(s.id, kept)
}

// seat makes this gateway the owner of the session that has arrived: its rooms follow,
// then c is attached, and the former owners are notified. When c is gone, the session waits
// for its client here.
func (tab *Table) seat(c *Conn, s *Session, t *auth.SessionToken, id []byte) {
	s.mu.Lock()
	at, h := s.attempt.Taker, s.attempt.copy
	if !at.Copy {
		h = &bus.Handoff{Rooms: t.Rooms, User: t.User, AcceptFrom: t.AcceptFrom}
	}
	s.user, s.acceptFrom = h.User, h.AcceptFrom
	for _, room := range h.Rooms { // the peer may have joined others here meanwhile, by an earlier request
		if !slices.Contains(s.rooms, room) {
			s.setRoomsLocked(append(s.rooms, room))
		}
	}
	s.mu.Unlock()
	recovered := tab.takeRooms(s, h.Rooms, at.Epoch) && h.Recovered
	var met quota.Limit
	if !c.moveTo(s, arriving, func() {
		frames := s.arriveLocked(h)
		ok := recovered && !s.lossy
		s.attachLocked(c, &ok, id, frames)
	}) {
		s.mu.Lock()
		for _, f := range s.kept.AddAll(tab.cfg.Buffers, tab.cfg.Replay, s.arriveLocked(h)) {
			s.dropLocked(f)
		}
		s.lossy = s.lossy || !recovered
		met = s.places.Away()
		s.mu.Unlock()
	}
	tab.relays.Serve(s.id, at.Epoch)
	tab.notifyOwners(s.id, &at, t.Owner)
	tab.cfg.Metrics.Sessions.Moves.Inc(metrics.MoveTaken)
	tab.cfg.Metrics.Sessions.Resumes.Inc(metrics.TakenOver)
	tab.cfg.Logger.Debug("session taken over", "peer", string(s.id), "from", string(h.From), "epoch", at.Epoch,
		"copy", at.Copy, "frames", len(h.Frames), "recovered", recovered)
	if met != quota.None {
		tab.cfg.Metrics.Sessions.NotAway.Inc(met)
		tab.step(s, ownership.Event{Kind: ownership.GraceOver})
	}
}

// arriveLocked makes this gateway the owner of the session, whose client is away, and
// returns the frames that wait for the client: those of the copy, then those that came
// meanwhile, as far as the peer accepts them. The copy may hold later frames of a sender that has moved; then earlier
// frames of that sender are refused.
func (s *Session) arriveLocked(h *bus.Handoff) (frames [][]byte) {
	at := s.attempt
	s.phase, s.since, s.root = away, time.Now(), at.Root
	s.hold = ownership.Holding{Phase: ownership.Serving, Epoch: at.Epoch, Revision: at.Revision}
	if !at.Copy { // the former owner may be taken for dead, and serve on
		s.contested = clock.Now().Add(proto.RequestDeadline)
	}
	s.fence.Merge(h.Fence)
	frames = append(h.Frames, s.kept.Take(s.tab.cfg.Buffers)...)
	var late []link.Frame
	for _, f := range at.give(s.tab) {
		switch {
		case f.ToEpoch != at.Epoch, !s.tab.rooms.Admits(s.acceptFrom, s.rooms, &f), f.From != "" && !s.fence.Pass(f.From, f.Epoch):
			late = append(late, f)
		default:
			frames = append(frames, f.Data)
		}
	}
	s.attempt = nil
	if len(late) > 0 {
		s.tab.cfg.Metrics.Relays.Outdated.Add(uint64(len(late)))
		s.tab.cfg.Go(func() { s.tab.relays.ReportTaken(late) }, func() {})
	}
	return frames
}

// notifyOwners notifies the gateways that may still consider themselves the owner, and the
// one that issued the peer. A lender that misses it asks at the end of the grace.
func (tab *Table) notifyOwners(p proto.PeerID, at *ownership.Taker, former proto.GatewayID) {
	seated := bus.SessionMessage{Peer: p, Gateway: tab.cfg.Own, Seated: true, Epoch: at.Epoch, Root: at.Root}
	notified := []proto.GatewayID{tab.cfg.Own}
	for _, to := range []proto.GatewayID{at.Target, former, p.Home()} {
		if to == "" || slices.Contains(notified, to) {
			continue
		}
		notified = append(notified, to)
		if err := tab.cfg.Bus.NotifyGateway(to, seated); err != nil {
			tab.cfg.Logger.Warn("session: former owner not notified", "peer", string(p), "gateway", string(to), "err", err)
		}
	}
}
