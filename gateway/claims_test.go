package gateway

import (
	"testing"

	"p2pconnector/proto"
)

// TestClaimsAreTriedOnce: that a gateway did not answer one word is no reason to keep
// the next from those who listen in its place.
func TestClaimsAreTriedOnce(t *testing.T) {
	g := testGateway(t, Config{})
	to := proto.NewGatewayID()
	first, second := proto.NewPeerID(to), proto.NewPeerID(to)
	c := g.claims
	c.owed[to] = &owed{counts: make(map[proto.PeerID]uint64), fresh: make(map[proto.PeerID]bool), telling: true} // by this test
	c.say(to, first, 1)
	if peer, count, more := c.next(to); !more || peer != first || count != 1 {
		t.Errorf("the first word: %s %d, %v", peer, count, more)
	}
	c.say(to, second, 2)
	c.told(to, first, 1, false)
	if peer, _, more := c.next(to); more {
		t.Errorf("the gateway is away, and asked about %s", peer)
	}
	if fresh := c.unheard(to); len(fresh) != 1 || fresh[second] != 2 {
		t.Errorf("never told: %v", fresh)
	}
	c.say(to, first, 3)
	if fresh := c.unheard(to); len(fresh) != 1 || fresh[first] != 3 {
		t.Errorf("never told: %v", fresh)
	}
	if fresh := c.unheard(to); len(fresh) != 0 || c.owed[to].telling {
		t.Errorf("never told in the end: %v", fresh)
	}
	if n := c.len(); n != 2 {
		t.Errorf("%d words are owed", n)
	}
}

// TestSessionTakenTwice: two gateways took a session over with the same token. The one
// that the client has left sees that from the token that the other has issued.
func TestSessionTakenTwice(t *testing.T) {
	g := testGateway(t, Config{})
	other, former := proto.NewGatewayID(), proto.NewGatewayID()
	s := &session{g: g, id: proto.NewPeerID(former), bus: true, phase: away, shown: 5, taken: 5 + orphanLead, count: 9 + orphanLead}
	for _, c := range []struct {
		count     uint64
		holder    proto.GatewayID
		overtaken bool
	}{
		{5, former, false},              // the one it was taken over with
		{9 + orphanLead, g.id, false},   // its own
		{6 + orphanLead, other, true},   // the other's
		{20 + orphanLead, other, true},  //
		{5 + orphanLead, former, false}, // of the former holder, which had issued more than the client got
	} {
		if got := s.overtakenLocked(c.count, c.holder); got != c.overtaken {
			t.Errorf("token %d of %s: overtaken %v", c.count, c.holder, got)
		}
	}
}

// TestClaimedWhileArriving: another gateway claims a session while this one asks for
// it, and is left it: the takeover ends, whatever the answer.
func TestClaimedWhileArriving(t *testing.T) {
	for name, end := range map[string]func(*Gateway, *session){
		"answered": func(_ *Gateway, s *session) {
			if s.arrived(&sessionToken{Peer: s.id, Count: 5}, &proto.Handover{Count: 7}) {
				t.Error("it has arrived all the same")
			}
		},
		"refused": func(g *Gateway, s *session) { g.giveUp(s, nil, sessionOver()) },
	} {
		t.Run(name, func(t *testing.T) {
			g := testGateway(t, Config{})
			g.out = newOutbound(g.id, nowhere{}, g.coarse.Load)
			s := &session{g: g, id: proto.NewPeerID(g.id), bus: true, phase: arriving, arrivals: newArrivals()}
			g.sessions.put(s)
			s.deliverFrom([]byte(`{}`), lostOf(t, gwA, 1), false)
			other := proto.NewGatewayID()
			g.heldBy(s.id, s, &proto.Takeover{Peer: s.id, Gateway: other, Count: 6, Holds: true})
			end(g, s)
			if got := g.sessions.get(s.id); got == nil || got.newHolder() != other {
				t.Errorf("who holds it is forgotten: %+v", got)
			}
		})
	}
}
