package session

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/socket/sockettest"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// TestDisplace_ConnectionThatMoved_IsLeftAlone: a connection moves to another session after
// displace was called for its old one. The other session loses nothing.
func TestDisplace_ConnectionThatMoved_IsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTestTable(t)
		raw := sockettest.NewNet(false)
		c := x.conn(raw)
		old := c.Session
		s := x.away()
		if !c.moveTo(s, away, func() { s.attachLocked(c, nil, nil, nil) }) {
			t.Fatal("got no move, want one")
		}
		old.displace(c, proto.CloseTakenOver)
		synctest.Wait()
		if s.conn != c || raw.CloseCode() != sockettest.NoClose {
			t.Errorf("got connection gone: %v, close code %d; want it to stay", s.conn != c, raw.CloseCode())
		}
		if old.phase != over || x.Get(old.id) != nil {
			t.Errorf("got phase %d of the session that it had, in the table: %v; want phase over and none in the table", old.phase, x.Get(old.id) != nil)
		}
		c.Socket.Abort()
	})
}

// TestMoveTo_ConnectionDisplaced_IsRefused: a connection that is resuming another session
// is displaced from its own, and so closed.
func TestMoveTo_ConnectionDisplaced_IsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTestTable(t)
		c := x.conn(sockettest.NewNet(false))
		own := c.Session
		own.displace(c, proto.CloseTakenOver)
		s := x.away()
		if c.moveTo(s, away, func() { t.Error("got a session attached, want none") }) {
			t.Error("got a move of a connection that is closed, want none")
		}
		if own.phase != away || s.phase != away || c.Session != own {
			t.Errorf("got phases %d and %d, want both away", own.phase, s.phase)
		}
		c.Socket.Abort()
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

// TestResume_LenderLosesTheEpoch_TakesTheSessionOver: the client of a session that was lent
// comes back, and the gateway that took it is dead. The client need not try again.
func TestResume_LenderLosesTheEpoch_TakesTheSessionOver(t *testing.T) {
	x := newTestTable(t)
	const taker = proto.GatewayID("0a1b2c3d")
	s := x.away()
	s.conns, s.tokens = 1, 1
	x.handOff(s, takeOf(s, taker, 0))
	x.ask = func(op bus.SessionOperation, r *bus.SessionRequest, _ time.Duration) (*bus.SessionReply, error) {
		switch taken := (bus.SessionEntry{Owner: taker, Epoch: 1}); {
		case op == bus.SessionGet:
			return &bus.SessionReply{SessionEntry: taken, Revision: 5}, nil
		case op == bus.SessionTake && r.Revision != 5:
			return &bus.SessionReply{SessionEntry: taken, Revision: 5, Refused: bus.RefusedMoved}, nil
		}
		return &bus.SessionReply{SessionEntry: bus.SessionEntry{Owner: r.Owner, Epoch: r.Epoch}, Revision: 6}, nil
	}
	c := x.conn(sockettest.NewNet(false))
	defer c.Socket.Abort()
	token := auth.SessionToken{Peer: s.id, TokenRef: bus.TokenRef{Owner: x.cfg.Own, Conn: 1, Number: 1}}
	if e := x.Resume(c, &token, nil, nil); e != nil {
		t.Fatalf("got %v, want the session", e)
	}
	if got := c.Session; got.id != s.id || got.hold.Epoch != 2 || !got.Has(c) {
		t.Errorf("got session %s in epoch %d, want %s in epoch 2", got.id, got.hold.Epoch, s.id)
	}
	x.wait()
}

// reader is a client's connection whose messages nobody handles.
type reader struct{}

func (reader) Message([]byte)       {}
func (reader) Panicked(any, []byte) {}

// TestResume_EarlierTokenOfAConnectionThatReads_IsRefused: a client has resumed its session.
// A Resume with the same token, which it gave up before, arrives later. It is refused when the
// client answers on the connection that it has, because the frames there have arrived.
func TestResume_EarlierTokenOfAConnectionThatReads_IsRefused(t *testing.T) {
	for _, answers := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			x := newTestTable(t)
			s := x.away()
			s.conns, s.tokens = 1, 1
			token := &auth.SessionToken{Peer: s.id, TokenRef: bus.TokenRef{Owner: x.cfg.Own, Conn: 1, Number: 1}}
			raw := sockettest.NewNet(false)
			first, second := x.conn(raw), x.conn(sockettest.NewNet(false))
			go first.Socket.Serve(reader{})
			if e := x.Resume(first, token, nil, nil); e != nil {
				t.Fatalf("first connection: got %v, want the session", e)
			}
			got := make(chan *proto.Error, 1)
			go func() { got <- x.Resume(second, token, nil, nil) }()
			synctest.Wait()
			if ops, payloads := raw.Frames(); answers && len(ops) > 0 {
				raw.Receive(sockettest.ClientFrame(0x8a, []byte(payloads[len(payloads)-1])))
			}
			e := <-got
			if refused := e != nil && e.Code == proto.Unauthorised; refused != answers || s.Has(first) != answers || s.Has(second) == answers {
				t.Errorf("client answers %v: got %v, first connection kept %v; want refused and kept: %v", answers, e, s.Has(first), answers)
			}
			if answers && first.Socket.AllRead() {
				t.Error("got the connection that goes on taken for read to its end, want not")
			}
			first.Socket.Abort()
			second.Socket.Abort()
			x.wait()
			synctest.Wait()
		})
	}
}
