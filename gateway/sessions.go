package gateway

import (
	"sync"
	"time"

	"p2pconnector/gateway/internal/ownership"
	"p2pconnector/proto"
)

// maxSessions bounds the table: when it is full, the session of a peer whose connection
// breaks ends at once.
const maxSessions = 1 << 19

// movedMemory is how long a gateway that did not issue a peer remembers where it has
// moved; the gateway that issued the peer remembers as long as the peer lives.
const movedMemory = 60 * time.Second

// sessions is the table of peers that this gateway serves, waits for, or knows to have
// moved. Safe for concurrent use.
type sessions struct {
	mu  sync.RWMutex
	all map[proto.PeerID]*session
}

func newSessions() *sessions { return &sessions{all: make(map[proto.PeerID]*session)} }

// get returns the session of id, or nil. It does not allocate for an id that
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

// sweepSessions ends the sessions whose grace is over and forgets those that have moved.
// The gateway that issued a peer does not forget it: other gateways ask it first, and it
// asks the directory whether the session has ended.
func (g *Gateway) sweepSessions(now time.Time, scratch []*session) []*session {
	scratch = g.sessions.list(scratch[:0])
	grace := g.grace()
	for _, s := range scratch {
		g.loops.bus.Turn() // many sessions may end at once, each with all frames that wait for it
		s.mu.Lock()
		phase, idle := s.phase, now.Sub(s.since)
		over := (phase == away || phase == lent) && idle > grace
		if over && phase == lent {
			s.since = now // tried again after another grace, if nothing is known then
		}
		s.mu.Unlock()
		switch {
		case over:
			g.step(s, ownership.Event{Kind: ownership.GraceOver})
		case phase == moved && idle > movedMemory && s.id.Home() != g.id:
			g.sessions.drop(s)
		}
	}
	clear(scratch)
	return scratch
}
