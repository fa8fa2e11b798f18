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
	telling bool                    // somebody is at it
	tried   time.Time               // when it was last found to be away
}

func newClaims(g *Gateway) *claims {
	return &claims{g: g, owed: make(map[proto.GatewayID]*owed)}
}

// say has gateway to hear that this one holds peer by token number count.
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
		o = &owed{counts: make(map[proto.PeerID]uint64)}
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
	start := o.startLocked()
	c.mu.Unlock()
	if start {
		c.tell(to)
	}
}

// startLocked reports whether the caller is to start telling.
func (o *owed) startLocked() bool {
	if o.telling || !o.tried.IsZero() {
		return false
	}
	o.telling = true
	return true
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
		for {
			peer, count, more := c.next(to)
			if !more {
				return
			}
			err := c.g.claimOnce(to, peer, count)
			c.told(to, peer, count, err == nil)
			if err != nil {
				return
			}
		}
	}, func() {})
}

// next picks a word that is owed; more is false, and the telling over, when none is.
func (c *claims) next(to proto.GatewayID) (peer proto.PeerID, count uint64, more bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.owed[to]
	for peer, count = range o.counts {
		return peer, count, true
	}
	delete(c.owed, to)
	return "", 0, false
}

// told notes that a word was heard, or that the gateway did not answer.
func (c *claims) told(to proto.GatewayID, peer proto.PeerID, count uint64, heard bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.owed[to]
	switch {
	case !heard:
		o.telling, o.tried = false, time.Now()
	case o.counts[peer] == count:
		delete(o.counts, peer)
		c.n--
	}
}

func (c *claims) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// claimOnce tells a gateway that this one holds a session, and waits until it has
// heard.
func (g *Gateway) claimOnce(to proto.GatewayID, peer proto.PeerID, count uint64) error {
	subject, err := proto.SessionSubject(to, peer)
	if err != nil {
		return err
	}
	word := proto.Takeover{Peer: peer, Gateway: g.id, Count: count, Holds: true}
	m, err := g.nc.Request(subject, marshal(word), handoverTimeout)
	if err == nil {
		g.claimAnswered(peer, m.Data)
	} else if !errors.Is(err, nats.ErrNoResponders) && g.nc.IsConnected() {
		g.log.Warn("claim: not answered", "peer", string(peer), "to", string(to), "err", err)
	}
	return err
}

// claimAnswered gives a session up when the answer names another holder, whose
// word goes before that of this gateway.
func (g *Gateway) claimAnswered(peer proto.PeerID, answer []byte) {
	var h proto.Handover
	s := g.sessions.get(peer)
	if s == nil || json.Unmarshal(answer, &h) != nil || !h.MovedTo.Valid() || h.MovedTo == g.id {
		return
	}
	s.mu.Lock()
	yields := s.phase < moved && (h.Count > s.count || h.Count == s.count && h.MovedTo > g.id)
	s.mu.Unlock()
	if yields {
		g.giveUpTo(s, &proto.Takeover{Gateway: h.MovedTo, Count: h.Count})
	}
}
