package session

import (
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/directory"
	"p2pconnector/gateway/internal/ownership"
	"p2pconnector/proto/bus"
)

// Suspect records that other gateways may have considered this gateway dead, and taken over its
// sessions. Run then compares them with the directory.
func (tab *Table) Suspect() { tab.suspicion.Raise() }

// Run compares this gateway's sessions with the directory, on suspicion and now and then,
// until done is closed.
func (tab *Table) Run(done <-chan struct{}) {
	clock.Repeat(done, tab.suspicion.Soon(), directory.CompareInterval, tab.compare)
}

// compare compares this gateway's sessions with the directory, and returns the time until
// the next comparison.
func (tab *Table) compare() time.Duration {
	began, suspect := clock.Now(), tab.suspicion.Raised()
	var page []bus.Owned
	flush := func() error {
		if len(page) == 0 {
			return nil
		}
		rows, err := tab.cfg.Directory.Compare(page)
		if err != nil {
			return err
		}
		page = page[:0]
		for i := range rows {
			tab.compared(&rows[i])
		}
		return nil
	}
	for _, s := range tab.List(nil) {
		s.mu.Lock()
		mine := suspect && (s.phase <= away || s.phase == lent)
		wanted, x := mine || s.phase == moved && s.id.Home() == tab.cfg.Own, bus.Owned{Peer: s.id, Epoch: s.hold.Epoch}
		s.mu.Unlock()
		if !wanted {
			continue
		}
		page = append(page, x)
		if len(page) == bus.MaxSyncSessions {
			if err := flush(); err != nil {
				tab.cfg.Logger.Warn("sessions: not compared with the directory", "err", err)
				return directory.CompareRetry
			}
		}
	}
	if err := flush(); err != nil {
		tab.cfg.Logger.Warn("sessions: not compared with the directory", "err", err)
		return directory.CompareRetry
	}
	return tab.suspicion.Compared(began)
}

// compared applies the directory's row of a session that this gateway does not own, or
// owns in another epoch than it knows.
func (tab *Table) compared(row *bus.SessionRow) {
	s := tab.Get(row.Peer)
	switch {
	case s == nil:
	case row.Ended:
		tab.gone(s)
	case row.Revision > 0 && row.Owner != tab.cfg.Own:
		tab.step(s, ownership.Event{Kind: ownership.Outdated, By: row.Owner, Epoch: row.Epoch})
	case row.Revision > 0:
		// This gateway took the epoch, and the answer was lost: the next take or resume
		// finds it.
	default:
		tab.noEntry(s)
	}
}

// gone forgets a session that has ended.
func (tab *Table) gone(s *Session) {
	tab.step(s, ownership.Event{Kind: ownership.Gone})
	tab.drop(s)
}

// noEntry handles a session in a later epoch than the first that has no entry in the
// directory. It ended long ago, or the directory has lost its data.
func (tab *Table) noEntry(s *Session) {
	s.mu.Lock()
	forget := s.phase == moved
	s.mu.Unlock()
	if forget {
		tab.gone(s)
	}
}
