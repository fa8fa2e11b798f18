package gateway

import (
	"sync"
	"time"

	"p2pconnector/proto"
)

// maxSessions bounds the table: when it is full, a peer whose connection breaks
// is not waited for.
const maxSessions = 1 << 19

// movedMemory is how long a gateway that did not issue a peer remembers that it
// has handed it on; one that did remembers as long as the peer lives.
const movedMemory = 60 * time.Second

// sessions is the table of peers this gateway holds, waits for, or has handed
// on. Safe for concurrent use.
type sessions struct {
	mu  sync.RWMutex
	all map[proto.PeerID]*session
}

func newSessions() *sessions { return &sessions{all: make(map[proto.PeerID]*session)} }

// get returns the session of id, or nil. It does not allocate for a id that
// points into a subject.
func (t *sessions) get(id proto.PeerID) *session {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.all[id]
}

func (t *sessions) put(s *session) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all[s.id] = s
}

// drop removes s, unless another session has its place.
func (t *sessions) drop(s *session) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all[s.id] == s {
		delete(t.all, s.id)
	}
}

func (t *sessions) len() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.all)
}

func (t *sessions) mayWait() bool { return t.len() < maxSessions }

func (t *sessions) list(into []*session) []*session {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, s := range t.all {
		into = append(into, s)
	}
	return into
}

// sweepSessions ends the sessions whose grace is over and forgets those that
// were handed on.
func (g *Gateway) sweepSessions(now time.Time, scratch []*session) []*session {
	scratch = g.sessions.list(scratch[:0])
	for _, s := range scratch {
		s.mu.Lock()
		phase, idle := s.phase, now.Sub(s.since)
		unclaimed := phase == moved && s.parting != nil && idle > g.cfg.SessionGrace
		forget := phase == moved && idle > movedMemory && (s.id.Home() != g.id || g.leases.gone(s.movedTo, now))
		s.mu.Unlock()
		switch {
		case phase == away && idle > g.cfg.SessionGrace:
			g.endSession(s)
		case unclaimed:
			g.reclaim(s)
		case forget:
			g.forget(s)
		}
	}
	clear(scratch)
	return scratch
}

// endSession ends s for good: it leaves its rooms, and what waited is dropped.
func (g *Gateway) endSession(s *session) {
	s.mu.Lock()
	if s.phase >= moved {
		s.mu.Unlock()
		return
	}
	c, rooms, unsub, leave := s.conn, s.rooms, s.unsub, s.leave
	s.phase, s.conn, s.rooms, s.unsub, s.leave, s.arrivals = over, nil, nil, nil, nil, nil
	kept := s.kept.take(g)
	s.keepTailLocked(nil)
	s.mu.Unlock()
	g.sessions.drop(s)
	for _, f := range kept {
		g.bounce(s.id, f)
	}
	for _, f := range unsub {
		f()
	}
	g.farewells.add(s.id, leave)
	if c != nil {
		c.close(proto.CloseGoingAway, proto.CloseGoingAway.Reason(), true)
	}
	for _, r := range rooms {
		g.rooms.depart(r, s.id)
	}
	g.tellEnded(s)
}

// tellEnded says that a session has ended to those who remember that this gateway holds
// it, and whom rooms may still name: the one that issued the peer, and the one before.
func (g *Gateway) tellEnded(s *session) {
	s.mu.Lock()
	home, from := s.id.Home(), s.from
	s.mu.Unlock()
	word := proto.Takeover{Peer: s.id, Gateway: g.id, Ended: true}
	if home != g.id {
		g.tell(home, word)
	}
	if from != "" && from != home && from != g.id {
		g.tell(from, word)
	}
}

// forget drops what is remembered of a session that was handed on. Rooms that its
// new holder could not take over name this gateway still: the peer leaves those.
func (g *Gateway) forget(s *session) {
	g.sessions.drop(s)
	for _, r := range g.rooms.list() {
		if r.keeps(s) {
			g.rooms.depart(r.id, s.id)
		}
	}
}

// keeps reports whether s is still the session of a local member.
func (r *replica) keeps(s *session) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	lm := r.local[s.id]
	return lm != nil && lm.s == s
}

// reclaim ends a session that was handed over to a gateway which never said that
// it holds it.
func (g *Gateway) reclaim(s *session) {
	s.mu.Lock()
	h := s.parting
	if h == nil { // it says so at this moment
		s.mu.Unlock()
		return
	}
	s.parting, s.phase = nil, over
	s.mu.Unlock()
	g.sessions.drop(s)
	for _, f := range h.Frames {
		g.bounce(s.id, f)
	}
	for _, r := range h.Rooms {
		g.rooms.depart(r, s.id)
	}
	g.tellEnded(s)
}
