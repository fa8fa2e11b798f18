package client

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/metrics"
	"p2pconnector/gateway/internal/session"
	"p2pconnector/gateway/internal/socket/sockettest"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// accepted makes a connection of g with the fresh session that accept gives it, and
// returns the token of its Client_Details.
func accepted(g *gateway, raw *sockettest.Net) (c *Conn, token string) {
	c = testConn(g, raw)
	g.conns.add(c)
	newest := bus.TokenRef{Owner: g.ID, Conn: 1, Number: 1}
	return c, g.Keys.Sign(auth.SessionToken{Peer: c.Session.ID(), TokenRef: newest}, time.Now())
}

// serveFrames acts as the reader of a connection that gets one frame.
func serveFrames(c *Conn, raw *sockettest.Net, frame string) {
	defer c.tab.wg.Done()
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
		g := testGateway(t, config{})
		raw := sockettest.NewNet(false)
		c, token := accepted(g, raw)
		s := c.Session
		go serveFrames(c, raw, resumeFrame(token))
		synctest.Wait()
		var f struct {
			Event string
			Data  proto.Details
		}
		if err := json.Unmarshal([]byte(answerTo(raw)), &f); err != nil {
			t.Fatalf("got answer %q (%v), want JSON", answerTo(raw), err)
		}
		if f.Event != string(proto.ClientDetails) || f.Data.ID != s.ID() || !f.Data.Resumed || f.Data.Recovered == nil || !*f.Data.Recovered {
			t.Errorf("got %+v, want Client_Details of %s, resumed and recovered", f, s.ID())
		}
		if c.Session != s || !s.Has(&c.Conn) || !s.Live() {
			t.Errorf("got session moved: %v, live %v; want nothing changed", c.Session != s || !s.Has(&c.Conn), s.Live())
		}
		next, err := g.Keys.Verify(f.Data.Session, time.Now())
		if err != nil || next.Conn != 1 || next.Number != 2 {
			t.Errorf("got token %+v (%v), want number 2 of connection 1", next, err)
		}
		if got := g.Sessions.Get(s.ID()); got != s {
			t.Errorf("got %v in the table, want the session", got)
		}
		if v := s.Deliver([]byte(`{"event":"Message"}`)); v > session.FlushNeeded {
			t.Errorf("got result %d for a frame afterwards, want delivered", v)
		}
		if n := g.Metrics.Sessions.Resumes.Load(metrics.ResumedHere); n != 1 {
			t.Errorf("got %d resumes counted, want 1", n)
		}
		c.Socket.Abort()
		g.conns.wg.Wait()
	})
}

// TestResume_OwnSessionMoved_GivesUp: the token shows that another gateway owns the
// session of this very connection. The gateway closes it, so that the client reconnects.
func TestResume_OwnSessionMoved_GivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := testGateway(t, config{})
		raw := sockettest.NewNet(false)
		c, _ := accepted(g, raw)
		s, other := c.Session, proto.NewGatewayID()
		later := bus.TokenRef{Owner: other, Epoch: 1, Conn: 1, Number: 1}
		token := g.Keys.Sign(auth.SessionToken{Peer: s.ID(), TokenRef: later}, time.Now())
		go serveFrames(c, raw, resumeFrame(token))
		synctest.Wait()
		if s.OtherOwner() != other || s.Live() || s.Has(&c.Conn) {
			t.Errorf("got owner %q, live %v, with its connection: %v; want %s, moved and none", s.OtherOwner(), s.Live(), s.Has(&c.Conn), other)
		}
		if code := raw.CloseCode(); code != int(proto.CloseGoingAway) {
			t.Errorf("got close code %d, want %d", code, proto.CloseGoingAway)
		}
		c.Socket.Abort()
		g.conns.wg.Wait()
	})
}

// TestResume_EachOther_OneIsRefused: two connections resume each other's sessions at
// once. Neither hangs, no session is lost, and each error reaches its own connection.
func TestResume_EachOther_OneIsRefused(t *testing.T) {
	const pairs, atOnce = 3000, 500
	g := testGateway(t, config{})
	for range pairs / atOnce {
		var raws []*sockettest.Net
		var peers []proto.PeerID
		var ready, readers sync.WaitGroup
		start := make(chan struct{})
		for range atOnce {
			a, b := sockettest.NewNet(false), sockettest.NewNet(false)
			ca, ta := accepted(g, a)
			cb, tb := accepted(g, b)
			raws, peers = append(raws, a, b), append(peers, ca.Session.ID(), cb.Session.ID())
			for c, token := range map[*Conn]string{ca: tb, cb: ta} {
				ready.Add(1)
				readers.Go(func() {
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
		g.Sockets.Wait() // all is written
		for _, c := range g.conns.List(nil) {
			c.Socket.Abort()
			c.readEnded()
		}
		for i := 0; i < len(raws); i += 2 {
			pairEnded(t, g, raws[i:i+2], peers[i:i+2])
		}
	}
}

// pairEnded checks the outcome of two connections that resumed each other's sessions.
func pairEnded(t *testing.T, g *gateway, raws []*sockettest.Net, peers []proto.PeerID) {
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
		if s := g.Sessions.Get(id); s != nil && s.Live() {
			live++
		}
	}
	if resumed > 1 || live < 1 {
		t.Errorf("got %d of 2 resumed and %d sessions alive, want at most 1 and at least 1", resumed, live)
	}
}
