package webtorrent

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/proto"
)

// Bounds of the swarms whose home this gateway is.
const (
	maxMembers  = 1 << 19          // of all swarms together
	maxSameID   = 2                // members of a swarm with one peer id: a client and its connection that broke
	silentFor   = 20 * time.Minute // a member that does not announce is removed
	sweepSwarms = 1024             // swarms that one sweep looks at
)

// swarms is the table of the swarms whose home this gateway is. It only decides: others send.
// Safe for concurrent use.
type swarms struct {
	max int // members of a swarm

	mu    sync.Mutex
	all   map[id]*swarm
	total int // members
}

// swarm is the members of a torrent.
type swarm struct {
	members    []*member // in no order
	at         map[proto.PeerID]*member
	byID       map[id][]*member // the one that announced last is last
	complete   int
	downloaded int
}

// member is a connection in a swarm.
type member struct {
	peer     proto.PeerID
	id       id
	complete bool
	index    int // in swarm.members
	seen     clock.Instant
}

// counts are the counts of a swarm.
type counts struct{ complete, incomplete, downloaded int }

func newSwarms(most int) *swarms { return &swarms{max: most, all: make(map[id]*swarm)} }

// len returns the number of swarms and of their members.
func (t *swarms) len() (swarms, members int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.all), t.total
}

// announce carries out the event of m, and draws the receivers of its offers. why says why it
// was refused.
func (t *swarms) announce(from proto.PeerID, m *message, now clock.Instant) (x counts, receivers []proto.PeerID, why string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.all[m.hash]
	if m.event == stopped || m.event == gone {
		if s != nil {
			t.removeLocked(m.hash, s, s.at[from])
		}
		return s.counts(), nil, ""
	}
	if s == nil {
		s = &swarm{at: make(map[proto.PeerID]*member), byID: make(map[id][]*member)}
	}
	p := s.at[from]
	finished := p != nil && m.event == completed // in a new member's announce, left decides
	switch {
	case p != nil:
	case len(s.members) >= t.max:
		return s.counts(), nil, "the swarm is full"
	case t.total >= maxMembers:
		return s.counts(), nil, "the tracker is full"
	default:
		p = &member{peer: from, id: m.peer, index: len(s.members)}
		t.all[m.hash] = s
		t.total++
		s.members = append(s.members, p)
		s.at[from] = p
	}
	t.touchLocked(m, s, p, now)
	if !p.complete && (finished || m.done) {
		p.complete = true
		s.complete++
		if finished {
			s.downloaded++
		}
	}
	return s.counts(), s.draw(p, len(m.offers)), ""
}

// touchLocked notes when a member has announced, and its peer id.
func (t *swarms) touchLocked(m *message, s *swarm, p *member, now clock.Instant) {
	s.forgetID(p)
	p.id, p.seen = m.peer, now
	same := append(s.byID[p.id], p)
	s.byID[p.id] = same
	if len(same) > maxSameID {
		t.removeLocked(m.hash, s, same[0])
	}
}

// forgetID removes p from the index of peer ids.
func (s *swarm) forgetID(p *member) {
	same := slices.DeleteFunc(s.byID[p.id], func(x *member) bool { return x == p })
	if len(same) == 0 {
		delete(s.byID, p.id)
		return
	}
	s.byID[p.id] = same
}

// removeLocked removes a member, and the swarm after its last. p may be nil.
func (t *swarms) removeLocked(hash id, s *swarm, p *member) {
	if p == nil {
		return
	}
	s.forgetID(p)
	delete(s.at, p.peer)
	last := s.members[len(s.members)-1]
	s.members[p.index], last.index = last, p.index
	s.members[len(s.members)-1] = nil
	s.members = s.members[:len(s.members)-1]
	t.total--
	if p.complete {
		s.complete--
	}
	if len(s.members) == 0 {
		delete(t.all, hash)
	}
}

// draw draws at most n members other than p at random, each equally likely.
func (s *swarm) draw(p *member, n int) []proto.PeerID {
	others := len(s.members) - 1
	n = min(n, others)
	if n <= 0 {
		return nil
	}
	drawn := make([]proto.PeerID, 0, n)
	picked := make([]int, 0, maxOffers)
	for top := others - n; top < others; top++ { // Floyd's algorithm
		i := rand.IntN(top + 1)
		if slices.Contains(picked, i) {
			i = top
		}
		picked = append(picked, i)
		at := i
		if at >= p.index {
			at++ // p itself has no number
		}
		drawn = append(drawn, s.members[at].peer)
	}
	rand.Shuffle(n, func(i, j int) { drawn[i], drawn[j] = drawn[j], drawn[i] })
	return drawn
}

// named returns the members of a swarm that have a peer id, but not from.
func (t *swarms) named(hash, peer id, from proto.PeerID) (to []proto.PeerID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.all[hash]; s != nil {
		for _, p := range s.byID[peer] {
			if p.peer != from {
				to = append(to, p.peer)
			}
		}
	}
	return to
}

// counts returns the counts of a swarm, which may be nil.
func (s *swarm) counts() counts {
	if s == nil {
		return counts{}
	}
	// Who came complete counts as a download, as with the server of bittorrent-tracker.
	return counts{s.complete, len(s.members) - s.complete, max(s.downloaded, s.complete)}
}

// scrape returns the counts of swarms.
func (t *swarms) scrape(hashes []id) []counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]counts, len(hashes))
	for i, h := range hashes {
		all[i] = t.all[h].counts()
	}
	return all
}

// keep removes the members of gateways that are not alive.
func (t *swarms) keep(alive func(proto.GatewayID) bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	known := make(map[proto.GatewayID]bool)
	for hash, s := range t.all {
		for _, p := range slices.Clone(s.members) {
			g := p.peer.Home()
			if _, ok := known[g]; !ok {
				known[g] = alive(g)
			}
			if !known[g] {
				t.removeLocked(hash, s, p)
			}
		}
	}
}

// sweep removes members that have been silent for long, from some swarms at a time.
func (t *swarms) sweep(now clock.Instant) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for hash, s := range t.all { // begins anywhere
		for _, p := range slices.Clone(s.members) {
			if now.Sub(p.seen) > silentFor {
				t.removeLocked(hash, s, p)
			}
		}
		if n++; n == sweepSwarms {
			return
		}
	}
}
