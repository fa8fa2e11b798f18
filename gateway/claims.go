package gateway

import (
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"p2pconnector/proto"
)

// maxClaims bounds the words about sessions that wait for a gateway. One that is
// not kept is made up for when the client presents its token there.
const maxClaims = 1 << 17

// claims holds the word that this gateway has taken a session over for every
// gateway that must hear it: the one that issued the peer, and those that may
// still take the session for theirs, since they were cut off. A word is repeated
// until it is answered or its gateway is gone for good. Safe for concurrent use.
type claims struct {
	g *Gateway

	mu   sync.Mutex
	n    int
	owed map[proto.GatewayID]*owed
}

// owed is what one gateway has to hear.
type owed struct {
	counts  map[proto.PeerID]uint64 // of the newest token
	fresh   map[proto.PeerID]bool   // of them, those not tried yet: each is once, although the gateway is away
	telling bool                    // somebody is at it
	tried   time.Time               // when it was last found to be away
}

func newClaims(g *Gateway) *claims {
	return &claims{g: g, owed: make(map[proto.GatewayID]*owed)}
}

// say has gateway to hear that this one holds peer by token number count. With the
// gateway that issued the peer, every other one hears it that holds the peer in its
// place: two may have taken it over since it was gone, and listen although it does not.
func (c *claims) say(to proto.GatewayID, peer proto.PeerID, count uint64) {
	if to == "" || to == c.g.id {
		return
	}
	c.mu.Lock()
	o := c.owed[to]
	if o == nil {
		if len(c.owed) >= maxGateways {
			c.mu.Unlock()
			return
		}
		o = &owed{counts: make(map[proto.PeerID]uint64), fresh: make(map[proto.PeerID]bool)}
		c.owed[to] = o
	}
	if _, known := o.counts[peer]; !known {
		if c.n >= maxClaims {
			c.mu.Unlock()
			return
		}
		c.n++
	}
	o.counts[peer] = max(o.counts[peer], count)
	o.fresh[peer] = true
	start := !o.telling
	o.telling = true
	c.mu.Unlock()
	if start {
		c.tell(to)
	}
}

// tick tries again with every gateway that has been heard since it was away, and
// forgets those that are gone.
func (c *claims) tick(now time.Time) {
	c.mu.Lock()
	var start []proto.GatewayID
	for to, o := range c.owed {
		switch {
		case o.telling:
		case c.g.leases.gone(to, now):
			c.dropLocked(to, o)
		case c.g.leases.heardSince(to, o.tried):
			o.tried = time.Time{}
			o.telling = true
			start = append(start, to)
		}
	}
	c.mu.Unlock()
	for _, to := range start {
		c.tell(to)
	}
}

func (c *claims) dropLocked(to proto.GatewayID, o *owed) {
	c.n -= len(o.counts)
	delete(c.owed, to)
}

// tell says everything that is owed to one gateway, from a goroutine of its own.
func (c *claims) tell(to proto.GatewayID) {
	c.g.background(func() {
		for peer, count, more := c.next(to); more; peer, count, more = c.next(to) {
			err := c.g.claimOnce(to, peer, count)
			c.told(to, peer, count, err == nil)
		}
		for fresh := c.unheard(to); len(fresh) > 0; fresh = c.unheard(to) {
			for peer, count := range fresh {
				c.g.claimAside(to, peer, count)
			}
		}
	}, func() {})
}

// next picks a word that is owed; more is false when none is, or the gateway is away.
func (c *claims) next(to proto.GatewayID) (peer proto.PeerID, count uint64, more bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.owed[to]
	if o.tried.IsZero() {
		for peer, count = range o.counts {
			delete(o.fresh, peer)
			return peer, count, true
		}
	}
	return "", 0, false
}

// unheard returns the words that a gateway which is away was never told; when there
// are none, the telling is over for now.
func (c *claims) unheard(to proto.GatewayID) map[proto.PeerID]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.owed[to]
	fresh := make(map[proto.PeerID]uint64, len(o.fresh))
	for peer := range o.fresh {
		fresh[peer] = o.counts[peer]
	}
	clear(o.fresh)
	if len(fresh) == 0 {
		o.telling = false
		if len(o.counts) == 0 {
			delete(c.owed, to)
		}
	}
	return fresh
}

// told notes that a word was heard, or that the gateway did not answer.
func (c *claims) told(to proto.GatewayID, peer proto.PeerID, count uint64, heard bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.owed[to]
	switch {
	case !heard:
		o.tried = time.Now()
	case o.counts[peer] == count:
		delete(o.counts, peer)
		delete(o.fresh, peer)
		c.n--
	}
}

func (c *claims) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// claimAside tells those who listen in place of a gateway that is away that this one
// holds a session. Their answers come like any word about it.
func (g *Gateway) claimAside(to proto.GatewayID, peer proto.PeerID, count uint64) {
	subject, err := proto.SessionSubject(to, peer)
	if err != nil {
		return
	}
	back, err := proto.SessionSubject(g.id, peer)
	if err == nil {
		err = g.nc.PublishRequest(subject, back, marshal(proto.Takeover{Peer: peer, Gateway: g.id, Count: count, Holds: true}))
	}
	if err != nil {
		g.log.Warn("claim: not sent", "peer", string(peer), "to", string(to), "err", err)
	}
}

// claimOnce tells a gateway that this one holds a session, and waits until it has
// heard.
func (g *Gateway) claimOnce(to proto.GatewayID, peer proto.PeerID, count uint64) error {
	answer, err := g.askClaim(to, proto.Takeover{Peer: peer, Gateway: g.id, Count: count, Holds: true})
	if err == nil {
		g.claimAnswered(peer, answer)
	}
	return err
}

// askClaim tells a gateway that this one holds a session, and returns its answer.
func (g *Gateway) askClaim(to proto.GatewayID, word proto.Takeover) ([]byte, error) {
	subject, err := proto.SessionSubject(to, word.Peer)
	if err != nil {
		return nil, err
	}
	m, err := g.nc.Request(subject, marshal(word), handoverTimeout)
	if err != nil {
		if !errors.Is(err, nats.ErrNoResponders) && g.nc.IsConnected() {
			g.log.Warn("claim: not answered", "peer", string(word.Peer), "to", string(to), "err", err)
		}
		return nil, err
	}
	return m.Data, nil
}

// contest is for peers that this gateway holds although a room says that others do:
// two took them over at once, or one took them over while the other was out of reach.
// It tells those, and the one with the newer token stays and has the room name it.
func (g *Gateway) contest(room proto.RoomID, members []proto.Member) {
	for _, m := range members {
		s := g.sessions.get(m.ID)
		if s == nil || !s.held() {
			continue
		}
		count := s.tokenCount()
		if err := g.claimOnce(m.Holder(), m.ID, count); err != nil {
			g.claims.say(m.Holder(), m.ID, count)
		}
		if s.held() {
			g.takeRoom(s, room)
		}
	}
}

// claimAnswered gives a session up when the answer names another holder, whose
// word goes before that of this gateway.
func (g *Gateway) claimAnswered(peer proto.PeerID, answer []byte) {
	var h proto.Handover
	s := g.sessions.get(peer)
	if s == nil || json.Unmarshal(answer, &h) != nil || !s.yieldsTo(&h) {
		return
	}
	if h.From == h.MovedTo {
		g.giveUpTo(s, &proto.Takeover{Gateway: h.MovedTo, Count: h.Count})
		return
	}
	g.background(func() { g.askNamed(s, &h) }, func() {})
}

// yieldsTo reports whether the session is for the holder that an answer to a claim names.
func (s *session) yieldsTo(h *proto.Handover) bool {
	if !h.MovedTo.Valid() || h.MovedTo == s.g.id {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase < moved && (h.Count > s.count || h.Count == s.count && h.MovedTo > s.g.id)
}

// askNamed asks the gateway that another has handed a session to, after it had handed it
// to this one, whether it holds it. It may have given up long before its question came,
// and then nobody would have the session when this one let go of it.
func (g *Gateway) askNamed(s *session, h *proto.Handover) {
	claim := proto.Takeover{Peer: s.id, Gateway: g.id, Count: s.tokenCount(), Holds: true}
	answer, err := g.askClaim(h.MovedTo, claim)
	var named proto.Handover
	switch {
	case errors.Is(err, nats.ErrNoResponders): // it has died
	case err != nil || json.Unmarshal(answer, &named) != nil:
		named = *h // as far as is known
	}
	switch {
	case s.yieldsTo(&named):
		g.giveUpTo(s, &proto.Takeover{Gateway: named.MovedTo, Count: named.Count})
	case s.live():
		claim.Instead, claim.Count = h.MovedTo, s.tokenCount()
		g.log.Debug("session kept", "peer", string(s.id), "named", string(h.MovedTo), "by", string(h.From))
		_, _ = g.askClaim(h.From, claim) // logged; unheard, that one ends what it remembers after the grace
	}
}
