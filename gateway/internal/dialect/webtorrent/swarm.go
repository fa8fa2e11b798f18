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
	silentFor    = 20 * time.Minute // a member that does not announce is removed
	sweepMembers = 8192             // members that one sweep looks at, because announces wait for it
)

// swarms is the table of the swarms whose home this gateway is. It only decides: others send.
// Safe for concurrent use.
type swarms struct {
	max, maxAll int // members of a swarm, and of all

	mu      sync.Mutex
	all     map[id]*swarm
	members []*member // of all swarms, in no order
	unswept int       // the sweep has yet to look at members below this index
}

// swarm is the members of a torrent.
type swarm struct {
	hash       id
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
	swarm    *swarm
	index    int // in swarm.members
	indexAll int // in swarms.members
	seen     clock.Instant
}

// counts are the counts of a swarm.
type counts struct{ complete, incomplete, downloaded int }

func newSwarms(most, mostAll int) *swarms {
	return &swarms{max: most, maxAll: mostAll, all: make(map[id]*swarm)}
}

// len returns the number of swarms and of their members.
func (t *swarms) len() (swarms, members int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.all), len(t.members)
}

// announce carries out the event of m, and draws the receivers of its offers. why says why it
// was refused.
func (t *swarms) announce(from proto.PeerID, m *message, now clock.Instant) (x counts, receivers []proto.PeerID, why string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.all[m.hash]
	if m.event == stopped || m.event == gone {
		if s != nil {
			t.removeLocked(s.at[from])
		}
		return s.counts(), nil, ""
	}
	if s == nil {
		s = &swarm{hash: m.hash, at: make(map[proto.PeerID]*member), byID: make(map[id][]*member)}
	}
	p := s.at[from]
	finished := p != nil && m.event == completed // in a new member's announce, left decides
	switch {
	case p != nil:
	case len(s.members) >= t.max:
		return s.counts(), nil, "the swarm is full"
	case len(t.members) >= t.maxAll:
		return s.counts(), nil, "the tracker is full"
	default:
		p = &member{peer: from, id: m.peer, swarm: s}
		t.addLocked(p)
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

// addLocked adds a member, and its swarm before the first.
func (t *swarms) addLocked(p *member) {
	s := p.swarm
	t.all[s.hash] = s
	p.index, p.indexAll = len(s.members), len(t.members)
	s.members, t.members = append(s.members, p), append(t.members, p)
	s.at[p.peer] = p
	s.addID(p)
}

// removeLocked removes a member, and its swarm after the last. p may be nil.
func (t *swarms) removeLocked(p *member) {
	if p == nil {
		return
	}
	s := p.swarm
	s.removeID(p)
	delete(s.at, p.peer)
	s.members[len(s.members)-1].index = p.index
	t.members[len(t.members)-1].indexAll = p.indexAll
	s.members, t.members = removeAt(s.members, p.index), removeAt(t.members, p.indexAll)
	if p.complete {
		s.complete--
	}
	if len(s.members) == 0 {
		delete(t.all, s.hash)
	}
}

// removeAt removes all[i], whose place the last takes.
func removeAt(all []*member, i int) []*member {
	last := len(all) - 1
	all[i], all[last] = all[last], nil
	return all[:last]
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

// sweep removes members that have been silent for long, or whose gateway is not alive. It looks
// at some members at a time, the last first: removal puts the last in the place of the member,
// so none is missed.
func (t *swarms) sweep(now clock.Instant, alive func(proto.GatewayID) bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	asked := make(map[proto.GatewayID]bool) // what alive returned
	for range min(sweepMembers, len(t.members)) {
		t.unswept = min(t.unswept, len(t.members)) // others may have left
		if t.unswept == 0 {
			t.unswept = len(t.members)
		}
		t.unswept--
		p := t.members[t.unswept]
		g := p.peer.Home()
		if _, ok := asked[g]; !ok {
			asked[g] = alive(g)
		}
		if !asked[g] || now.Sub(p.seen) > silentFor {
			t.removeLocked(p)
		}
	}
}
