package session

import (
	"time"

	"p2pconnector/gateway/internal/membudget"
	"p2pconnector/gateway/internal/metrics"
	"p2pconnector/gateway/internal/ownership"
	"p2pconnector/proto"
)

// maxSessions bounds the table: when it is full, the session of a peer whose connection
// breaks ends at once.
const maxSessions = 1 << 19

// tombstoneLife is how long a gateway that did not issue a peer remembers where it has
// moved; the gateway that issued the peer remembers as long as the peer lives.
const tombstoneLife = 60 * time.Second

// Get returns the session of id, or nil. It does not allocate for an id that
// points into a subject.
func (tab *Table) Get(id proto.PeerID) *Session {
	tab.mu.RLock()
	defer tab.mu.RUnlock()
	return tab.all[id]
}

func (tab *Table) put(s *Session) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	tab.all[s.id] = s
}

// drop removes s, unless another session has its place.
func (tab *Table) drop(s *Session) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	if tab.all[s.id] == s {
		delete(tab.all, s.id)
	}
}

// Len returns the number of sessions.
func (tab *Table) Len() int {
	tab.mu.RLock()
	defer tab.mu.RUnlock()
	return len(tab.all)
}

func (tab *Table) mayWait() bool { return tab.Len() < maxSessions }

// List appends the sessions to into, in no order.
func (tab *Table) List(into []*Session) []*Session {
	tab.mu.RLock()
	defer tab.mu.RUnlock()
	for _, s := range tab.all {
		into = append(into, s)
	}
	return into
}

// Sweep ends the sessions whose grace is over and forgets those that have moved.
// The gateway that issued a peer does not forget it: other gateways ask it first, and it
// asks the directory whether the session has ended. Sweep reuses scratch and returns it.
func (tab *Table) Sweep(now time.Time, scratch []*Session) []*Session {
	scratch = tab.List(scratch[:0])
	grace := tab.cfg.Grace()
	for _, s := range scratch {
		tab.cfg.Turn() // many sessions may end at once, each with all frames that wait for it
		s.mu.Lock()
		phase, idle := s.phase, now.Sub(s.since)
		over := (phase == away || phase == lent) && idle > grace
		if over && phase == lent {
			s.since = now // tried again after another grace, if nothing is known then
		}
		s.mu.Unlock()
		switch {
		case over:
			tab.step(s, ownership.Event{Kind: ownership.GraceOver})
		case phase == moved && idle > tombstoneLife && s.id.Home() != tab.cfg.Own:
			tab.drop(s)
		}
	}
	clear(scratch)
	return scratch
}

// Close reports the frames that wait for clients to their senders, when the gateway ends.
// Sessions of clients of dialects end, so that what they have in directories is given back.
// Close is called when no client is connected any more.
func (tab *Table) Close() {
	for _, s := range tab.List(nil) {
		if s.translator != nil {
			s.EndAway()
			continue
		}
		s.mu.Lock()
		var kept [][]byte
		if s.phase <= away { // otherwise another gateway has the session
			kept = s.kept.Take(tab.cfg.Buffers)
		}
		s.mu.Unlock()
		tab.relays.ReportUndelivered(s.id, kept)
	}
}

// Moving counts the peers that have left their connection within a time, and that no other
// gateway owns yet. It reuses scratch and returns it.
func (tab *Table) Moving(within time.Duration, scratch []*Session) (n int, list []*Session) {
	now := time.Now()
	scratch = tab.List(scratch[:0])
	for _, s := range scratch {
		s.mu.Lock()
		if (s.phase == away || s.phase == lent) && now.Sub(s.since) < within {
			n++
		}
		s.mu.Unlock()
	}
	return n, scratch
}

// Any reports whether this gateway may own a session.
func (tab *Table) Any() bool {
	for _, s := range tab.List(nil) {
		s.mu.Lock()
		here := s.phase <= lent
		s.mu.Unlock()
		if here {
			return true
		}
	}
	return false
}

// Count adds the clients, by the phase of their sessions, and their places in rooms to a
// snapshot.
func (tab *Table) Count(now *metrics.Snapshot) {
	now.Memberships, _ = tab.cfg.Quota.Counts()
	n := &now.Clients
	for _, s := range tab.List(nil) {
		s.mu.Lock()
		phase := s.phase
		s.mu.Unlock()
		switch phase {
		case attached:
			n.Attached++
		case away:
			n.Away++
		case arriving:
			n.Arriving++
		case lent:
			n.Lent++
		case moved:
			n.Moved++
		}
	}
}

// Buffers appends what waits for clients that are away, so that it can be shed.
func (tab *Table) Buffers(into []membudget.Buffer) []membudget.Buffer {
	for _, s := range tab.List(nil) {
		if n := s.WaitingBytes(); n > 0 {
			into = append(into, membudget.Buffer{Kind: membudget.Replay, Bytes: n, Drop: func() {
				tab.cfg.Turn() // each may report hundreds of frames
				s.Shed()
			}})
		}
	}
	return into
}
