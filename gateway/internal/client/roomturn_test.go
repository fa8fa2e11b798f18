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

	"p2pconnector/gateway/internal/session/sessiontest"
	"p2pconnector/gateway/internal/socket/sockettest"
	"p2pconnector/proto"
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
		g.Publish = func(subject, _ string, _ []byte) error {
			mu.Lock()
			defer mu.Unlock()
			sent[subject[strings.LastIndexByte(subject, '.')+1:]]++
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
