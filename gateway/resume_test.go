package gateway

import (
	"encoding/json"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/metrics"
	"p2pconnector/gateway/internal/socket/sockettest"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// accepted makes a connection of g with the fresh session that accept gives it, and
// returns the token of its Client_Details.
func accepted(g *Gateway, raw *sockettest.Net) (c *conn, token string) {
	c = testConn(g, raw)
	s := newSession(g, netip.Addr{}, "")
	c.session = s
	g.conns.add(c)
	g.sessions.put(s)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attachLocked(c, nil, nil, nil)
	newest := bus.TokenRef{Owner: g.id, Conn: s.conns, Number: s.tokens}
	return c, g.keys.Sign(auth.SessionToken{Peer: s.id, TokenRef: newest}, time.Now())
}

// serveFrames acts as the reader of a connection that gets one frame.
func serveFrames(c *conn, raw *sockettest.Net, frame string) {
	defer c.g.conns.wg.Done()
	c.Message([]byte(frame))
	<-raw.Done()
	c.readEnded()
}

func resumeFrame(token string) string {
	return `{"event":"Resume","data":{"session":"` + token + `"},"id":"mine"}`
}

// answerTo returns the frame with the correlation id "mine", or "".
func answerTo(raw *sockettest.Net) string {
	_, payloads := raw.Frames()
	for _, p := range payloads {
		if strings.Contains(p, `"id":"mine"`) {
			return p
		}
	}
	return ""
}

// TestResume_OwnSession_AnswersClientDetails: a connection that resumes its own session
// gets an answer, and nothing else changes.
func TestResume_OwnSession_AnswersClientDetails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := testGateway(t, Config{})
		raw := sockettest.NewNet(false)
		c, token := accepted(g, raw)
		s := c.session
		conns, tokens := s.conns, s.tokens
		go serveFrames(c, raw, resumeFrame(token))
		synctest.Wait()
		var f struct {
			Event string
			Data  proto.Details
		}
		if err := json.Unmarshal([]byte(answerTo(raw)), &f); err != nil {
			t.Fatalf("got answer %q (%v), want JSON", answerTo(raw), err)
		}
		if f.Event != string(proto.ClientDetails) || f.Data.ID != s.id || !f.Data.Resumed || f.Data.Recovered == nil || !*f.Data.Recovered {
			t.Errorf("got %+v, want Client_Details of %s, resumed and recovered", f, s.id)
		}
		if c.session != s || s.conn != c || s.phase != attached || s.conns != conns {
			t.Errorf("got session moved: %v, phase %d, connection %d; want nothing changed (connection %d)", c.session != s || s.conn != c, s.phase, s.conns, conns)
		}
		next, err := g.keys.Verify(f.Data.Session, time.Now())
		if err != nil || next.Number != tokens+1 {
			t.Errorf("got token %+v (%v), want number %d", next, err, tokens+1)
		}
		if got := g.sessions.get(s.id); got != s {
			t.Errorf("got %v in the table, want the session", got)
		}
		if v := s.deliver([]byte(`{"event":"Message"}`)); v > flushNeeded {
			t.Errorf("got result %d for a frame afterwards, want delivered", v)
		}
		if n := g.metrics.Sessions.Resumes.Load(metrics.ResumedHere); n != 1 {
			t.Errorf("got %d resumes counted, want 1", n)
		}
		c.ws.Abort()
		g.conns.wg.Wait()
	})
}

// TestResume_OwnSessionOvertaken_GivesUp: the token shows that another gateway owns the
// session of this very connection. The gateway closes it, so that the client reconnects.
func TestResume_OwnSessionOvertaken_GivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := testGateway(t, Config{})
		raw := sockettest.NewNet(false)
		c, _ := accepted(g, raw)
		s, other := c.session, proto.NewGatewayID()
		later := bus.TokenRef{Owner: other, Epoch: 1, Conn: 1, Number: 1}
		token := g.keys.Sign(auth.SessionToken{Peer: s.id, TokenRef: later}, time.Now())
		go serveFrames(c, raw, resumeFrame(token))
		synctest.Wait()
		if s.hold.Other != other || s.phase != moved || s.conn != nil {
			t.Errorf("got owner %q, phase %d, with a connection: %v; want %s, moved and none", s.hold.Other, s.phase, s.conn != nil, other)
		}
		if code := raw.CloseCode(); code != int(proto.CloseGoingAway) {
			t.Errorf("got close code %d, want %d", code, proto.CloseGoingAway)
		}
		c.ws.Abort()
		g.conns.wg.Wait()
	})
}

// TestResume_EachOther_OneIsRefused: two connections resume each other's sessions at
// once. Neither hangs, no session is lost, and each error reaches its own connection.
func TestResume_EachOther_OneIsRefused(t *testing.T) {
	const pairs, atOnce = 3000, 500
	g := testGateway(t, Config{MaxPerAddress: -1}) // as many may be away
	for range pairs / atOnce {
		var raws []*sockettest.Net
		var peers []proto.PeerID
		var ready, readers sync.WaitGroup
		start := make(chan struct{})
		for range atOnce {
			a, b := sockettest.NewNet(false), sockettest.NewNet(false)
			ca, ta := accepted(g, a)
			cb, tb := accepted(g, b)
			raws, peers = append(raws, a, b), append(peers, ca.session.id, cb.session.id)
			for c, token := range map[*conn]string{ca: tb, cb: ta} {
				ready.Add(1)
				readers.Go(func() {
					c.ws.AwaitRead() // from now on nobody waits for the connection to be read to the end
					ready.Done()
					<-start
					c.Message([]byte(resumeFrame(token)))
				})
			}
		}
		ready.Wait()
		close(start)
		ended := make(chan struct{})
		go func() { readers.Wait(); close(ended) }()
		late := time.NewTimer(30 * time.Second)
		select {
		case <-ended:
			late.Stop()
		case <-late.C:
			t.Fatal("got readers that hang, want each to be answered")
		}
		g.conns.wg.Add(-2 * atOnce) // the readers
		g.conns.wg.Wait()
		g.sockets.Wait() // all is written
		for _, c := range g.conns.list(nil) {
			c.ws.Abort()
			c.readEnded()
		}
		for i := 0; i < len(raws); i += 2 {
			pairEnded(t, g, raws[i:i+2], peers[i:i+2])
		}
	}
}

// pairEnded checks the outcome of two connections that resumed each other's sessions.
func pairEnded(t *testing.T, g *Gateway, raws []*sockettest.Net, peers []proto.PeerID) {
	t.Helper()
	resumed, live := 0, 0
	for _, raw := range raws {
		_, payloads := raw.Frames()
		if strings.Contains(answerTo(raw), string(proto.ClientDetails)) {
			resumed++
		}
		for _, p := range payloads {
			if n := strings.Count(p, `"type":"error"`); n > 0 && !strings.Contains(p, string(proto.Unavailable)) {
				t.Fatalf("got %s, want no error but %s", p, proto.Unavailable)
			}
		}
	}
	for _, id := range peers {
		if s := g.sessions.get(id); s != nil && s.owned() {
			live++
		}
	}
	if resumed > 1 || live < 1 {
		t.Errorf("got %d of 2 resumed and %d sessions alive, want at most 1 and at least 1", resumed, live)
	}
}

// TestDisplace_ConnectionThatMoved_IsLeftAlone: a connection moves to another session after
// displace was called for its old one. The other session loses nothing.
func TestDisplace_ConnectionThatMoved_IsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := testGateway(t, Config{})
		raw := sockettest.NewNet(false)
		c, _ := accepted(g, raw)
		old := c.session
		s := awaySession(g)
		if !c.moveTo(s, away, func() { s.attachLocked(c, nil, nil, nil) }) {
			t.Fatal("got no move, want one")
		}
		old.displace(c, proto.CloseTakenOver)
		synctest.Wait()
		if s.conn != c || raw.CloseCode() != sockettest.NoClose {
			t.Errorf("got connection gone: %v, close code %d; want it to stay", s.conn != c, raw.CloseCode())
		}
		if old.phase != over || g.sessions.get(old.id) != nil {
			t.Errorf("got phase %d of the session that it had, in the table: %v; want phase over and none in the table", old.phase, g.sessions.get(old.id) != nil)
		}
		c.ws.Abort()
	})
}

// TestMoveTo_ConnectionDisplaced_IsRefused: a connection that is resuming another session
// is displaced from its own, and so closed.
func TestMoveTo_ConnectionDisplaced_IsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := testGateway(t, Config{})
		c, _ := accepted(g, sockettest.NewNet(false))
		own := c.session
		own.displace(c, proto.CloseTakenOver)
		s := awaySession(g)
		if c.moveTo(s, away, func() { t.Error("got a session attached, want none") }) {
			t.Error("got a move of a connection that is closed, want none")
		}
		if own.phase != away || s.phase != away || c.session != own {
			t.Errorf("got phases %d and %d, want both away", own.phase, s.phase)
		}
		c.ws.Abort()
	})
}

// TestExclusive_TwoPeers_BothOrNone: when two callers lock the same peers, in any order,
// one of them gets both.
func TestExclusive_TwoPeers_BothOrNone(t *testing.T) {
	var x exclusive
	a, b := proto.NewPeerID("0a1b2c3d"), proto.NewPeerID("0a1b2c3d")
	unlock, ok := x.lock(a, b)
	if !ok {
		t.Fatal("got refused, want both")
	}
	if _, ok := x.lock(b, a); ok {
		t.Error("got both a second time, want refused")
	}
	unlock()
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if unlock, ok := x.lock(a, b); ok {
				unlock()
			}
		})
	}
	wg.Wait()
	if len(x.busy) != 0 {
		t.Errorf("got %d peers locked in the end, want 0", len(x.busy))
	}
}
