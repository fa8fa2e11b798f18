package gateway

import (
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/directory"
	"p2pconnector/gateway/internal/metrics"
	"p2pconnector/gateway/internal/ownership"
	"p2pconnector/proto/bus"
)

// directoryConfig returns the configuration of this gateway's directory client.
func (g *Gateway) directoryConfig() directory.Config {
	return directory.Config{
		Own: g.id, Liveness: g.liveness, Clock: &g.coarse, Ended: g.alive.Done(), Logger: g.log,
		Ask: func(op bus.SessionOperation, req *bus.SessionRequest, patience time.Duration) (*bus.SessionReply, error) {
			return g.requests.AskDirectory(op, req, patience)
		},
		Conflict: func() { g.metrics.Sessions.Moves.Inc(metrics.MoveConflict) },
	}
}

// sessionsLoop compares sessions with the directory: all of them on suspicion, and
// periodically those that have moved.
func (g *Gateway) sessionsLoop(done <-chan struct{}) {
	repeat(done, g.suspicion.Soon(), directory.CompareInterval, g.compareSessions)
}

// compareSessions compares this gateway's sessions with the directory, and returns the
// time until the next comparison.
func (g *Gateway) compareSessions() time.Duration {
	began, suspect := clock.Now(), g.suspicion.Raised()
	var page []bus.Owned
	flush := func() error {
		if len(page) == 0 {
			return nil
		}
		rows, err := g.directory.Compare(page)
		if err != nil {
			return err
		}
		page = page[:0]
		for i := range rows {
			g.compared(&rows[i])
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
				return directory.CompareRetry
			}
		}
	}
	if err := flush(); err != nil {
		g.log.Warn("sessions: not compared with the directory", "err", err)
		return directory.CompareRetry
	}
	if suspect && !g.verifyForeign() {
		g.log.Warn("names: not compared with the directory")
		return directory.CompareRetry
	}
	return g.suspicion.Compared(began)
}

// compared applies the directory's row of a session that this gateway does not own, or
// owns in another epoch than it knows.
func (g *Gateway) compared(row *bus.SessionRow) {
	s := g.sessions.get(row.Peer)
	switch {
	case s == nil:
	case row.Ended:
		g.gone(s)
	case row.Revision > 0 && row.Owner != g.id:
		g.step(s, ownership.Event{Kind: ownership.Outdated, By: row.Owner, Epoch: row.Epoch})
	case row.Revision > 0:
		// This gateway took the epoch, and the answer was lost: the next take or resume
		// finds it.
	default:
		g.noEntry(s)
	}
}

// gone forgets a session that has ended.
func (g *Gateway) gone(s *session) {
	g.step(s, ownership.Event{Kind: ownership.Gone})
	g.sessions.drop(s)
}

// noEntry handles a session in a later epoch than the first that has no entry in the
// directory. It ended long ago, or the directory has lost its data.
func (g *Gateway) noEntry(s *session) {
	s.mu.Lock()
	forget := s.phase == moved
	s.mu.Unlock()
	if forget {
		g.gone(s)
	}
}
