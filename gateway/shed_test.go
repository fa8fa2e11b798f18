package gateway

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/gateway/internal/client"
	"p2pconnector/gateway/internal/config"
	"p2pconnector/gateway/internal/frames"
	"p2pconnector/gateway/internal/membudget"
	"p2pconnector/gateway/internal/natsbus"
	"p2pconnector/gateway/internal/session"
	"p2pconnector/gateway/internal/socket/sockettest"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// frameFrom is a frame of n bytes as a peer relayed it.
func frameFrom(from proto.PeerID, n int) []byte {
	head := fmt.Sprintf(`{"event":"Message","from":%q,"data":"`, from)
	return []byte(head + strings.Repeat("x", n-len(head)-2) + `"}`)
}

// TestRelieve_PeersAreAway_SendersGetOneErrorEach: when memory is short, the frames for a
// peer that is away and holds much are dropped, and each is reported once. The session stays
// and knows that frames are missing. Small buffers, and copies that another gateway has, stay.
func TestRelieve_PeersAreAway_SendersGetOneErrorEach(t *testing.T) {
	const sent = 3
	g := testGateway(t, Config{MaxBufferBytes: config.MinBufferBytes})
	sender, large, small, other := awaySession(g), awaySession(g), awaySession(g), awaySession(g)
	for range sent {
		for _, s := range []*session.Session{large, other} {
			if got := s.Deliver(frameFrom(sender.ID(), 10<<10)); got != session.Delivered {
				t.Fatalf("got result %d, want delivered", got)
			}
		}
	}
	small.Deliver(frameFrom(sender.ID(), 1<<10))
	g.sessions.Message(other.ID(), natsbus.Message{Data: frames.Marshal(bus.SessionMessage{ // another gateway gets a copy
		Peer: other.ID(), Gateway: "0a1b2c3d", Token: bus.TokenRef{Owner: g.cfg.ID, Conn: 1, Number: 1},
	})})
	g.buffers.Relieve(g.conns.Buffers, g.sessions.Buffers)
	if got := len(large.Waiting()); got != sent {
		t.Fatalf("within the budget: got %d frames left, want all %d", got, sent)
	}
	g.buffers.Take(membudget.Queue, config.MinBufferBytes/2)
	for range 2 { // the second time there is nothing left to shed
		g.buffers.Relieve(g.conns.Buffers, g.sessions.Buffers)
	}
	if got := len(large.Waiting()); got != 0 || !large.Live() {
		t.Errorf("large: got %d frames left, live %v; want none, true", got, large.Live())
	}
	if got := len(sender.Waiting()); got != sent {
		t.Errorf("errors for the sender: got %d, want %d", got, sent)
	}
	for _, f := range sender.Waiting() {
		if !strings.Contains(string(f), string(proto.NotDelivered)) || !strings.Contains(string(f), string(large.ID())) {
			t.Errorf("got %.200s, want Not_Delivered about %s", f, large.ID())
		}
	}
	if got := len(small.Waiting()); got != 1 {
		t.Errorf("small: got %d frames left, want 1", got)
	}
	if got := len(other.Waiting()); got != sent {
		t.Errorf("lent: got %d frames left, want %d", got, sent)
	}
	if got := g.buffers.Sheds(membudget.Replay); got != 1 {
		t.Errorf("shed: got %d buffers, want 1", got)
	}
}

// TestRelieve_ClientDoesNotRead_IsClosed: the connection of a client that does not read is
// shed once, and one that reads is not.
func TestRelieve_ClientDoesNotRead_IsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := testGateway(t, Config{MaxBufferBytes: config.MinBufferBytes})
		unread, reads := opened(t, g, sockettest.NewNet(true)), opened(t, g, sockettest.NewNet(false))
		for _, c := range []*client.Conn{unread, reads} {
			c.Socket.Send(make([]byte, 30<<10))
		}
		synctest.Wait() // the writers have begun
		g.coarse.Store(g.coarse.Load().Add(2 * time.Second))
		g.buffers.Take(membudget.Replay, config.MinBufferBytes/2)
		for range 2 {
			g.buffers.Relieve(g.conns.Buffers, g.sessions.Buffers)
		}
		if got := unread.Socket.CloseCode(); got != proto.CloseTryAgain {
			t.Errorf("a client that does not read: got close code %d, want %d", got, proto.CloseTryAgain)
		}
		if got := reads.Socket.CloseCode(); got != 0 {
			t.Errorf("a client that reads: got close code %d, want none", got)
		}
		if got := g.buffers.Sheds(membudget.Queue); got != 1 {
			t.Errorf("shed: got %d queues, want 1", got)
		}
		for _, c := range []*client.Conn{unread, reads} {
			c.Socket.Abort()
		}
	})
}
