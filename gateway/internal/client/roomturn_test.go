package client

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/fairqueue"
	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/session/sessiontest"
	"p2pconnector/gateway/internal/socket/sockettest"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// userConn starts a client with a user's name.
func userConn(t *testing.T, g *gateway, user string) (c *Conn, client net.Conn) {
	t.Helper()
	server, client := net.Pipe()
	c = testConn(g, server)
	g.StartAs(&c.Conn, netip.MustParseAddr("192.0.2.1"), user)
	if !g.conns.add(c) {
		t.Fatal("got a connection refused, want it accepted")
	}
	go c.serve()
	return c, client
}

// TestRoomRequests_OneUserWantsMuch_OthersTakeTurns: a user whose peers leave many rooms at
// once has a quarter of what the room service works on. Another user's request is sent at
// once. The first user's next request is refused when its turn does not come in time.
func TestRoomRequests_OneUserWantsMuch_OthersTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := testGateway(t, config{Options: sessiontest.Options{MaxRoomRequests: 8}})
		var mu sync.Mutex
		sent := make(map[string]int) // requests, by operation
		g.Publish = func(subject, reply string, _ []byte) error {
			mu.Lock()
			defer mu.Unlock()
			op := subject[strings.LastIndexByte(subject, '.')+1:]
			sent[op]++
			if op == "create" {
				go g.Answer(reply, &bus.Reply{Error: proto.Errorf(proto.LimitExceeded, "too many rooms")})
			}
			return nil
		}
		count := func(op string) int {
			mu.Lock()
			defer mu.Unlock()
			return sent[op]
		}
		mallory, fromMallory := userConn(t, g, "mallory")
		_, fromAnn := userConn(t, g, "ann")
		const rooms = 100
		for i := range rooms {
			g.Rooms.Depart(proto.RoomID(fmt.Sprint(i)), proto.NewPeerID(g.ID), mallory.Session.TurnKey(), 0, 0)
		}
		if got := count("leave"); got != 2 {
			t.Errorf("of %d departures of one user: got %d sent, want 2, a quarter of the limit", rooms, got)
		}
		if got := g.Turns.Waiting(); got != rooms-2 {
			t.Errorf("waiting: got %d, want %d", got, rooms-2)
		}
		create := sockettest.ClientFrame(0x81, []byte(`{"event":"Create_Room","data":{},"id":"c"}`))
		toAnn, annFrames := converse(fromAnn)
		toAnn <- create
		synctest.Wait()
		if got := count("create"); got != 1 {
			t.Errorf("the request of another user: got %d sent, want 1", got)
		}
		began := time.Now()
		toMallory, frames := converse(fromMallory)
		toMallory <- create
		time.Sleep(roomTurnWait / 2)
		toAnn <- create
		f := <-frames
		if took := time.Since(began); !strings.Contains(f, `"event":"Rate_Limited"`) || !strings.Contains(f, `"retry_after_ms":1000`) || took != roomTurnWait {
			t.Errorf("one more request of the first user: got %s after %v, want Rate_Limited after %v", f, took, roomTurnWait)
		}
		if got := g.Metrics.Rooms.RequestsRefused.Load(); got != 1 {
			t.Errorf("refused: got %d counted, want 1", got)
		}
		g.End()
		g.Requests.Close()
		fromMallory.Close()
		fromAnn.Close()
		for range frames {
		}
		for range annFrames {
		}
		synctest.Wait()
		if got := g.Turns.Waiting(); got != 0 {
			t.Errorf("at the end: got %d waiting, want none", got)
		}
		g.Rooms.Stop()
	})
}

// forwards records the frames that sessions forward to other gateways.
type forwards struct {
	sessiontest.Relays
	mu     sync.Mutex
	frames []string
}

func (x *forwards) Send(f link.Frame) proto.ErrorCode {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.frames = append(x.frames, string(f.Data))
	return ""
}

// takeTurn uses the only slot of the room service until leave is called.
func (q *queueTest) takeTurn() (leave func()) {
	q.g.Turns = fairqueue.New(1)
	q.g.conns.cfg.Turns = q.g.Turns
	leave, _ = q.g.Turns.Await(fairqueue.Key{}, 0, nil)
	return leave
}

// TestRoomTurn_SessionMovedToAnotherGateway_IsNotSent: the client may have sent Leave_Room
// there. The refusal follows the session.
func TestRoomTurn_SessionMovedToAnotherGateway_IsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, relays := newQueueTest(t), new(forwards)
		q.g.Sessions.Connect(q.g.Rooms, relays)
		leave := q.takeTurn()
		q.send(roomFrameText("Join_Room", "tea", 1))
		s := q.c.Session
		q.g.Moved(s.ID(), proto.NewGatewayID())
		if s.Live() {
			t.Fatal("got the session here, want it moved")
		}
		leave()
		synctest.Wait()
		if len(q.asked) != 0 {
			t.Errorf("got requests %+v, want none", q.asked)
		}
		if got := relays.frames; len(got) != 1 || !strings.Contains(got[0], `"event":"Unavailable"`) || !strings.Contains(got[0], `"id":1`) {
			t.Errorf("got %q forwarded, want Unavailable for the join", got)
		}
		if n := q.g.Turns.Waiting(); n != 0 {
			t.Errorf("got %d that wait, want none", n)
		}
		if next, ok := q.g.Turns.Await(fairqueue.Key{}, 0, nil); !ok {
			t.Error("got no free turn afterwards, want one")
		} else {
			next()
		}
		q.end()
	})
}

// TestRoomTurn_SessionMovedToAnotherConnection_IsNotSent: the client may have sent Leave_Room
// on that connection, which has a queue of its own.
func TestRoomTurn_SessionMovedToAnotherConnection_IsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueueTest(t)
		leave := q.takeTurn()
		q.send(roomFrameText("Join_Room", "tea", 1))
		raw := sockettest.NewNet(false)
		next, _ := accepted(q.g, raw)
		token := auth.SessionToken{Peer: q.c.Session.ID(), TokenRef: bus.TokenRef{Owner: q.g.ID, Conn: 1, Number: 1}}
		next.Message([]byte(resumeFrame(q.g.Keys.Sign(token, time.Now()))))
		leave()
		synctest.Wait()
		if len(q.asked) != 0 {
			t.Errorf("got requests %+v, want none", q.asked)
		}
		_, got := raw.Frames()
		if len(got) != 2 || !strings.Contains(got[1], `"event":"Unavailable"`) || !strings.Contains(got[1], `"id":1`) {
			t.Errorf("got frames on the next connection %q, want its answer and Unavailable for the join", got)
		}
		next.Socket.Abort()
		next.readEnded()
		q.g.conns.wg.Done() // the test was its reader
		q.end()
	})
}

// TestRoomTurn_TokenReplacedMeanwhile_NewTokenCounts: a request that waited for its turn needs
// the grants of the newest access token.
func TestRoomTurn_TokenReplacedMeanwhile_NewTokenCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueueTest(t)
		leave := q.takeTurn()
		q.c.Access.Store(&auth.Access{})
		q.send(`{"event":"End_Room","data":{"room":"tea"},"id":1}`)
		q.c.Access.Store(&auth.Access{Can: []auth.Grant{auth.CanMessage}})
		leave()
		synctest.Wait()
		q.wantAnswers("Unauthorised 1")
		if len(q.asked) != 0 {
			t.Errorf("got requests %+v, want none", q.asked)
		}
		q.end()
	})
}

// TestRoomTurn_TokenForbidsTheRequest_IsRefusedAtOnce: it does not wait for a turn.
func TestRoomTurn_TokenForbidsTheRequest_IsRefusedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueueTest(t)
		leave := q.takeTurn()
		q.c.Access.Store(&auth.Access{Can: []auth.Grant{auth.CanMessage}})
		q.send(`{"event":"End_Room","data":{"room":"tea"},"id":1}`)
		q.wantAnswers("Unauthorised 1")
		if n := q.g.Turns.Waiting(); n != 0 {
			t.Errorf("got %d requests that wait, want none", n)
		}
		leave()
		q.end()
	})
}

// TestRoomTurn_RoomServiceDoesNotAnswer_IsUnavailable: the client did not send too much.
func TestRoomTurn_RoomServiceDoesNotAnswer_IsUnavailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueueTest(t)
		q.takeTurn()
		q.send(roomFrameText("Join_Room", "tea", 1))
		time.Sleep(roomTurnWait)
		synctest.Wait()
		q.wantAnswers("Unavailable 1")
		if n := q.g.Metrics.Rooms.RequestsRefused.Load(); n != 0 {
			t.Errorf("got %d counted as refused, want none", n)
		}
		q.end()
	})
}

// TestRoomTurn_GatewayEnds_IsNoOverload: a request whose turn has not come when the gateway
// ends is not counted as one that had too many before it.
func TestRoomTurn_GatewayEnds_IsNoOverload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueueTest(t)
		q.takeTurn()
		q.send(roomFrameText("Join_Room", "tea", 1))
		q.wantAnswers()
		q.end()
		q.wantAnswers("Unavailable 1")
		if n := q.g.Metrics.Rooms.RequestsRefused.Load(); n != 0 {
			t.Errorf("got %d counted as refused, want none", n)
		}
	})
}
