package gateway

import (
	"net"
	"slices"
	"sync"
	"testing"

	"p2pconnector/proto"
)

// staleSession is a session of a client that is away, with a frame that waits.
func staleSession(t *testing.T) (*Gateway, *session) {
	t.Helper()
	g := testGateway(t, Config{})
	g.out = newOutbound(g.id, nowhere{}, g.coarse.Load)
	s := &session{g: g, id: proto.NewPeerID(g.id), phase: away, count: 5}
	g.sessions.put(s)
	if v := s.deliver([]byte(`{"event":"Message","from":"` + string(proto.NewPeerID(g.id)) + `"}`)); v != handed {
		t.Fatalf("a frame for one that is away: verdict %d", v)
	}
	return g, s
}

// TestStaleSessionYields: a gateway that was cut off while another took its client
// over learns it from the token, and delivers nothing that the other has.
func TestStaleSessionYields(t *testing.T) {
	other := proto.NewGatewayID()
	for name, c := range map[string]struct {
		count  uint64
		holder proto.GatewayID
		yields bool
	}{
		"newer token of another":      {6 + orphanLead, other, true},
		"the session's own token":     {5, "", false},
		"older token of another":      {4, other, false},
		"newer number, no holder":     {6, "", false},
		"newer number, own as holder": {6, "own", false},
	} {
		t.Run(name, func(t *testing.T) {
			g, s := staleSession(t)
			if c.holder == "own" {
				c.holder = g.id
			}
			g.yield(s, c.count, c.holder)
			if s.handedOn() != c.yields {
				t.Fatalf("handed on: %v", s.handedOn())
			}
			if waits := len(s.kept.frames); (waits == 0) != c.yields {
				t.Errorf("%d frames wait", waits)
			}
			if c.yields && s.newHolder() != other {
				t.Errorf("handed on to %s", s.newHolder())
			}
		})
	}
}

// TestOldClaimIsIgnored: claims are repeated, so an old one may come after a new.
func TestOldClaimIsIgnored(t *testing.T) {
	g, s := staleSession(t)
	first, second := proto.NewGatewayID(), proto.NewGatewayID()
	g.heldBy(s.id, s, &proto.Takeover{Peer: s.id, Gateway: first, Count: 6, Holds: true})
	g.heldBy(s.id, s, &proto.Takeover{Peer: s.id, Gateway: second, Count: 9, Holds: true})
	g.heldBy(s.id, s, &proto.Takeover{Peer: s.id, Gateway: first, Count: 6, Holds: true})
	if s.newHolder() != second {
		t.Errorf("held by %s, not by the one with the newest token", s.newHolder())
	}
}

// TestRetiredConnKeepsWhatItCouldNotWrite: a write that failed and the resume that
// displaces the connection may come in either order.
func TestRetiredConnKeepsWhatItCouldNotWrite(t *testing.T) {
	g := testGateway(t, Config{})
	c := testConn(g, nil)
	c.writing, c.inflight = true, 10
	unsent := appendFrame(nil, opText, []byte(`{"n":1}`))
	c.mu.Lock()
	c.lost = slices.Clone(unsent)
	c.buf = appendFrame(nil, opText, []byte(`{"n":2}`))
	c.dead = true
	c.mu.Unlock()
	left := c.retire(proto.CloseTakenOver)
	if got := lastTexts(left.unsent, 9); len(got) != 2 || string(got[0]) != `{"n":1}` || string(got[1]) != `{"n":2}` {
		t.Errorf("left behind: %q", got)
	}
}

// TestEndedConnLeavesEverythingItself: a connection ends while its session is handed
// over. What it had not written goes to the session before that goes on.
func TestEndedConnLeavesEverythingItself(t *testing.T) {
	g := testGateway(t, Config{})
	c := testConn(g, nil)
	s := c.session
	s.phase, s.base = attached, 1
	c.dead, c.buf = true, appendFrame(nil, opText, []byte(`{"n":1}`))
	c.parting.Lock() // as the reader does when it has ended
	left := c.remains()
	displaced := make(chan struct{})
	go func() {
		defer close(displaced)
		s.displace(c, proto.CloseTakenOver)
	}()
	s.detach(c, false, left)
	c.parting.Unlock()
	<-displaced
	if got := joinText(s.kept.frames); got != `{"n":1}` {
		t.Errorf("the session was left %q", got)
	}
}

// TestTokensAreNotKept: a token that a connection did not take would come behind
// the newer one of the next connection, and the client would present the old one.
func TestTokensAreNotKept(t *testing.T) {
	g := testGateway(t, Config{})
	c := testConn(g, nil)
	s := &session{g: g, id: proto.NewPeerID(g.id), phase: attached, conn: c, count: 3}
	c.dead = true
	g.renewToken(s)
	if len(s.kept.frames) != 0 {
		t.Errorf("kept for the next connection: %q", s.kept.frames)
	}
	if s.count != 4 || s.unsaid != 1 || !s.acceptsLocked(3, nil) {
		t.Errorf("count %d, %d of them never said", s.count, s.unsaid)
	}
}

// TestTwoHolders: when two gateways took a session over, since an answer came too
// late for the first, the second stays and the first is told who holds it.
func TestTwoHolders(t *testing.T) {
	g, s := staleSession(t)
	first, second := proto.NewGatewayID(), proto.NewGatewayID()
	ask := proto.Takeover{Peer: s.id, Gateway: first, Count: 5}
	one := g.handOver(s, &ask)
	if again := g.handOver(s, &ask); again.Count != one.Count || len(again.Frames) != 1 {
		t.Errorf("asked again, the same gateway gets %+v after %+v", again, one)
	}
	ask.Gateway = second
	two := g.handOver(s, &ask)
	if two.Count <= one.Count || len(two.Frames) != 1 || two.Recovered || s.newHolder() != second {
		t.Errorf("another gateway gets %+v after %+v", two, one)
	}
	claim := func(by proto.GatewayID, count uint64) *proto.Handover {
		return g.heldBy(s.id, s, &proto.Takeover{Peer: s.id, Gateway: by, Count: count, Holds: true})
	}
	if h := claim(first, one.Count+1); h.MovedTo != second || h.Count <= one.Count+1 {
		t.Errorf("the first to claim it is told %+v", h)
	}
	if h := claim(second, two.Count+1); h.MovedTo != "" || s.parting != nil {
		t.Errorf("the second to claim it is told %+v", h)
	}
}

// TestHandedOverInVain: the answer to a gateway that had given up asking reached
// nobody. When that one says that it has taken the session without it, those who
// sent what it held are told.
func TestHandedOverInVain(t *testing.T) {
	for name, c := range map[string]struct {
		claim uint64 // count of the token with which it was taken
		told  int
	}{"by the answer": {6, 0}, "without it": {5 + orphanLead + 1, 1}} {
		t.Run(name, func(t *testing.T) {
			g, s := staleSession(t)
			sender := &session{g: g, id: proto.NewPeerID(g.id), phase: away}
			g.sessions.put(sender)
			s.kept.take(g)
			s.deliver([]byte(`{"event":"Message","from":"` + string(sender.id) + `","id":7}`))
			other := proto.NewGatewayID()
			if h := g.handOver(s, &proto.Takeover{Peer: s.id, Gateway: other, Count: 5}); len(h.Frames) != 1 {
				t.Fatalf("handed over with %+v", h)
			}
			g.heldBy(s.id, s, &proto.Takeover{Peer: s.id, Gateway: other, Count: c.claim, Holds: true})
			if n := len(sender.kept.frames); n != c.told {
				t.Errorf("the sender was told %d times: %s", n, sender.kept.frames)
			}
		})
	}
}

// TestNotTakenBack: a client that was connected elsewhere since does not get what the
// session was handed over with, however often that was asked for: it has had it.
func TestNotTakenBack(t *testing.T) {
	g, s := staleSession(t)
	first, second := proto.NewGatewayID(), proto.NewGatewayID()
	ask := proto.Takeover{Peer: s.id, Count: 5}
	var last *proto.Handover
	for _, ask.Gateway = range []proto.GatewayID{first, second, first, second} { // questions that had waited
		last = g.handOver(s, &ask)
	}
	newer := last.Count - orphanLead + 1 // of the one before
	if back, _ := s.takeBack(newer); back != nil {
		t.Errorf("with token %d, after %d, it takes back %d frames", newer, last.Count, len(back.Frames))
	}
	ask.Count, ask.Gateway = newer, proto.NewGatewayID()
	if h := g.handOver(s, &ask); len(h.Frames) != 0 {
		t.Errorf("with token %d it hands over %d frames", newer, len(h.Frames))
	}
}

// TestHandedOverForAnOldToken: a question that had waited in a frozen gateway takes a
// session for a client that has been there since, and got frames on a connection that
// its old token says nothing of. Who asks with the newer one does not get them again.
func TestHandedOverForAnOldToken(t *testing.T) {
	g, s := staleSession(t)
	sender := &session{g: g, id: proto.NewPeerID(g.id), phase: away}
	g.sessions.put(sender)
	s.base, s.shown, s.sent = 5, 4, 1
	s.keepTailLocked(appendFrame(nil, opText, []byte(`{"event":"Message","from":"`+string(sender.id)+`"}`)))
	if h := g.handOver(s, &proto.Takeover{Peer: s.id, Gateway: proto.NewGatewayID(), Count: 4}); len(h.Frames) != 2 {
		t.Fatalf("for the old token: %+v", h)
	}
	h := g.handOver(s, &proto.Takeover{Peer: s.id, Gateway: proto.NewGatewayID(), Count: 5})
	if len(h.Frames) != 1 || h.Recovered || h.Count <= orphanLead {
		t.Errorf("for the newer one: %+v", h)
	}
	if n := len(sender.kept.frames); n != 1 {
		t.Errorf("the sender of the other was told %d times", n)
	}
	if back, _ := s.takeBack(5); back == nil || len(back.Frames) != 1 {
		t.Errorf("taken back: %+v", back)
	}
}

// TestTakenBack: a gateway that takes a session back goes before the one that it
// had handed it to, whose takeover may not have ended.
func TestTakenBack(t *testing.T) {
	g, s := staleSession(t)
	h := g.handOver(s, &proto.Takeover{Peer: s.id, Gateway: proto.NewGatewayID(), Count: 5})
	back, _ := s.takeBack(5)
	if back == nil || back.Count <= h.Count || len(back.Frames) != 1 || back.Recovered {
		t.Fatalf("taken back: %+v after %+v", back, h)
	}
	mine := &session{g: g, id: s.id, phase: attached, count: back.Count + 1}
	if got := g.heldBy(s.id, mine, &proto.Takeover{Peer: s.id, Gateway: "ffffffff", Count: h.Count + 1, Holds: true}); got.MovedTo != g.id {
		t.Errorf("who claims it later is told %+v", got)
	}
}

// TestErasGrow: whoever holds a session sends in a later era than all who held it
// before, whether it was handed over or taken without the holder's word.
func TestErasGrow(t *testing.T) {
	g, s := staleSession(t)
	last := s.eraLocked()
	arrive := func(h *proto.Handover, count uint64) *session {
		t.Helper()
		next := &session{g: g, id: s.id, bus: true, phase: arriving, arrivals: newArrivals()}
		if !next.arrived(&sessionToken{Peer: s.id, Count: count}, h) {
			t.Fatal("it does not arrive")
		}
		if era := next.eraLocked(); era <= last {
			t.Errorf("era %d after %d", era, last)
		} else {
			last = era
		}
		next.phase, next.arrivals = away, nil
		return next
	}
	ask := func() *proto.Takeover {
		return &proto.Takeover{Peer: s.id, Gateway: proto.NewGatewayID(), Count: s.count}
	}
	for range 3 {
		s = arrive(g.handOver(s, ask()), s.count)
	}
	h := g.handOver(s, ask()) // its answer is lost, and another gateway asks
	count := s.count
	arrive(h, count)
	s = arrive(g.handOver(s, ask()), count)
	s = arrive(&proto.Handover{Gone: true, Count: s.count + orphanLead}, s.count) // its holder has died
	arrive(g.handOver(s, ask()), s.count)
}

// TestHandedOverWhileItResumes: a question that had waited comes at the moment at which
// the client resumes here. Whichever is first, no connection stays with a session that
// has moved: its client would get nothing, and not know.
func TestHandedOverWhileItResumes(t *testing.T) {
	g := testGateway(t, Config{})
	g.out = newOutbound(g.id, nowhere{}, g.coarse.Load)
	for range 1000 {
		connect := func() *conn {
			raw, other := net.Pipe()
			other.Close() // nothing can be written
			c := testConn(g, raw)
			c.allRead = true
			return c
		}
		s := &session{g: g, id: proto.NewPeerID(g.id), count: 5, base: 5}
		old, next := connect(), connect()
		old.session, s.conn = s, old
		g.sessions.put(s)
		var both sync.WaitGroup
		both.Go(func() { g.part(s, &proto.Takeover{Peer: s.id, Gateway: proto.NewGatewayID(), Count: 5}, 0) })
		both.Go(func() { g.resumeHere(next, s, &sessionToken{Peer: s.id, Count: 5}, nil, nil) })
		both.Wait()
		g.conns.wg.Wait()
		if s.phase != moved || s.conn != nil {
			t.Fatalf("phase %d with a connection: %v", s.phase, s.conn != nil)
		}
	}
}
