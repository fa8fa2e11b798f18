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
	byID       map[id][]*member // in the order in which they took the id
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
		s.addID(p)
	}
	if p.id != m.peer {
		s.removeID(p)
		p.id = m.peer
		s.addID(p)
	}
	p.seen = now
	if !p.complete && (finished || m.done) {
		p.complete = true
		s.complete++
		if finished {
			s.downloaded++
		}
	}
	return s.counts(), s.draw(p, len(m.offers)), ""
}

// addID adds p to the index of peer ids.
func (s *swarm) addID(p *member) { s.byID[p.id] = append(s.byID[p.id], p) }

// removeID removes p from the index of peer ids.
func (s *swarm) removeID(p *member) {
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
	s.removeID(p)
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

// named returns the members of a swarm that get the answers for a peer id: the first and the
// last that took it, from left out. The last may be a client that has returned, whose former
// connection is not known to be dead. The first gets answers whoever uses its id after it.
// There are no more, because many connections with one id would multiply each answer.
func (t *swarms) named(hash, peer id, from proto.PeerID) (to []proto.PeerID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.all[hash]
	if s == nil {
		return nil
	}
	same := s.byID[peer]
	other := func(p *member) bool { return p.peer != from }
	first := slices.IndexFunc(same, other)
	if first < 0 {
		return nil
	}
	to = append(to, same[first].peer)
	last := len(same) - 1
	if !other(same[last]) {
		last--
	}
	if last > first {
		to = append(to, same[last].peer)
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
