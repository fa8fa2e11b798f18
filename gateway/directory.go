package gateway

import (
	"sync"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/metrics"
	ownership "p2pconnector/gateway/internal/session"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// Bounds of looking for the owner of a peer.
const (
	lookTimeout  = 4 * time.Second // to find a peer for a frame
	absentMemory = 2 * time.Second // for which it is remembered that nobody has a peer
	maxAbsent    = 4096
)

// takeEpoch takes an epoch of a session for this gateway.
func (g *Gateway) takeEpoch(p proto.PeerID, epoch, revision uint64) ownership.Answer {
	r, err := g.requests.AskDirectory(bus.SessionTake, &bus.SessionRequest{Peer: p, Owner: g.id, Epoch: epoch, Revision: revision}, proto.RequestDeadline)
	switch {
	case err != nil:
		g.log.Warn("session: the directory does not answer", "peer", string(p), "epoch", epoch, "err", err)
		return ownership.Answer{Kind: ownership.Unknown}
	case r.Refused == bus.RefusedMoved:
		g.metrics.Sessions.Moves.Inc(metrics.MoveConflict)
		return ownership.Answer{Kind: ownership.Lost, Owner: r.Owner, Epoch: r.Epoch, Revision: r.Revision}
	case r.Refused != "":
		return ownership.Answer{Kind: ownership.Ended}
	}
	return ownership.Answer{Kind: ownership.Won, Owner: g.id, Epoch: r.Epoch, Revision: r.Revision}
}

// lookEntry reads a session's entry.
func (g *Gateway) lookEntry(p proto.PeerID) ownership.Answer {
	return g.lookEntryFor(p, proto.RequestDeadline)
}

func (g *Gateway) lookEntryFor(p proto.PeerID, patience time.Duration) ownership.Answer {
	r, err := g.requests.AskDirectory(bus.SessionGet, &bus.SessionRequest{Peer: p}, patience)
	switch {
	case err != nil:
		return ownership.Answer{Kind: ownership.Unknown}
	case r.Ended:
		return ownership.Answer{Kind: ownership.Ended}
	case r.Revision == 0:
		return ownership.Answer{Kind: ownership.NoEntry}
	}
	return ownership.Answer{Kind: ownership.Entry, Owner: r.Owner, Epoch: r.Epoch, Revision: r.Revision}
}

// endEntry records in the directory that a session has ended. When that fails, the room
// services end the entry once this gateway is gone.
func (g *Gateway) endEntry(p proto.PeerID, was ownership.Holding) {
	req := &bus.SessionRequest{Peer: p, Owner: g.id, Epoch: was.Epoch, Revision: was.Revision}
	if _, err := g.requests.AskDirectory(bus.SessionEnd, req, proto.RequestDeadline); err != nil {
		g.log.Warn("session: its end was not recorded", "peer", string(p), "err", err)
	}
}

// absent remembers for a moment whom nobody has, so that the directory is not asked for
// each frame. The zero value is ready. Safe for concurrent use.
type absent struct {
	mu  sync.Mutex
	all map[proto.PeerID]clock.Instant
}

func (a *absent) has(p proto.PeerID, now clock.Instant) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	at, ok := a.all[p]
	return ok && now.Sub(at) < absentMemory
}

func (a *absent) add(p proto.PeerID, now clock.Instant) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.all == nil || len(a.all) >= maxAbsent { // they are asked for again
		a.all = make(map[proto.PeerID]clock.Instant)
	}
	a.all[p] = now
}

// lookUp finds where a peer is, for frames that wait.
func (g *Gateway) lookUp(p proto.PeerID) {
	if g.absent.has(p, g.coarse.Load()) {
		g.links.resolved(p, link.Route{}, false, false)
		return
	}
	home := p.Home()
	g.liveness.Await(home, g.alive.Done())
	a := g.lookEntryFor(p, lookTimeout)
	switch {
	case a.Kind == ownership.Entry:
		g.links.resolved(p, link.Route{Owner: a.Owner, Epoch: a.Epoch}, true, false)
	case a.Kind == ownership.NoEntry && g.liveness.Alive(home):
		g.links.resolved(p, link.Route{Owner: home}, true, false)
	case a.Kind == ownership.Unknown:
		g.links.resolved(p, link.Route{}, false, true)
	default:
		g.absent.add(p, g.coarse.Load())
		g.links.resolved(p, link.Route{}, false, false)
	}
}

// suspicion is set while another gateway may have taken over sessions that this gateway
// serves, because this gateway was cut off, frozen, or did not receive another's lease.
// It ends when the sessions have been compared with the directory after every take that
// began meanwhile must have ended. Safe for concurrent use.
type suspicion struct {
	now chan struct{} // compare soon

	mu    sync.Mutex
	until clock.Instant // takes of that time have ended then
	over  bool
}

func newSuspicion() *suspicion { return &suspicion{now: make(chan struct{}, 1), over: true} }

// suspectSessions has this gateway compare its sessions with the directory.
func (g *Gateway) suspectSessions() {
	x := g.suspicion
	x.mu.Lock()
	x.until, x.over = clock.Now().Add(proto.RequestDeadline), false
	x.mu.Unlock()
	select {
	case x.now <- struct{}{}:
	default:
	}
}

// suspect reports whether a client that resumes may miss what another gateway has taken
// in for it.
func (g *Gateway) suspect() bool {
	g.suspicion.mu.Lock()
	defer g.suspicion.mu.Unlock()
	return !g.suspicion.over
}

// movedSync is how often the directory is asked about the sessions that have moved from
// the gateway that issued them.
const movedSync = time.Minute

// sessionsLoop compares sessions with the directory: all on suspicion, and once in a
// while those that have moved.
func (g *Gateway) sessionsLoop(done <-chan struct{}) {
	repeat(done, g.suspicion.now, movedSync, g.syncSessions)
}

// syncSessions compares this gateway's sessions with the directory, and returns when to
// do that again.
func (g *Gateway) syncSessions() time.Duration {
	began, suspect := clock.Now(), g.suspect()
	var page []bus.Owned
	flush := func() error {
		if len(page) == 0 {
			return nil
		}
		r, err := g.requests.AskDirectory(bus.SessionSync, &bus.SessionRequest{Owner: g.id, Sessions: page}, proto.RequestDeadline)
		if err != nil {
			return err
		}
		page = page[:0]
		for i := range r.Sessions {
			g.compared(&r.Sessions[i])
		}
		return nil
	}
	for _, s := range g.sessions.list(nil) {
		s.mu.Lock()
		mine := suspect && (s.phase <= away || s.phase == lent)
		wanted, x := mine || s.phase == moved && s.id.Home() == g.id, bus.Owned{Peer: s.id, Epoch: s.hold.Epoch}
		s.mu.Unlock()
		if !wanted {
			continue
		}
		page = append(page, x)
		if len(page) == bus.MaxSyncSessions {
			if err := flush(); err != nil {
				g.log.Warn("sessions: not compared with the directory", "err", err)
				return syncRetry
			}
		}
	}
	if err := flush(); err != nil {
		g.log.Warn("sessions: not compared with the directory", "err", err)
		return syncRetry
	}
	return g.suspicion.compared(began)
}

// compared notes that all sessions were compared, beginning at a time. It returns when to
// do that again.
func (x *suspicion) compared(began clock.Instant) time.Duration {
	x.mu.Lock()
	defer x.mu.Unlock()
	if began >= x.until {
		x.over = true
	}
	if x.over {
		return movedSync
	}
	return max(x.until.Sub(began), syncRetry)
}

// compared takes in what the directory says of a session that this gateway does not own,
// or not in the epoch that it knows.
func (g *Gateway) compared(row *bus.SessionRow) {
	s := g.sessions.get(row.Peer)
	switch {
	case s == nil:
	case row.Ended:
		g.gone(s)
	case row.Revision > 0 && row.Owner != g.id:
		g.step(s, ownership.Event{Kind: ownership.Outdated, By: row.Owner, Epoch: row.Epoch})
	case row.Revision > 0:
		// An epoch that was taken for this gateway and whose answer was lost: the next
		// take or resume finds it.
	default:
		g.noEntry(s)
	}
}

// gone ends what is known of a session that has ended.
func (g *Gateway) gone(s *session) {
	g.step(s, ownership.Event{Kind: ownership.Gone})
	g.sessions.drop(s)
}

// noEntry is for a session in a later epoch than the first that has no entry: it has
// ended long ago, or the directory has lost its data.
func (g *Gateway) noEntry(s *session) {
	s.mu.Lock()
	forget := s.phase == moved
	s.mu.Unlock()
	if forget {
		g.gone(s)
	}
}
