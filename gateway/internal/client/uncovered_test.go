package client

import (
	"testing"

	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/socket/sockettest"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// A join takes effect after the client has shown a token that does not cover the room: the
// peer leaves it again.
func TestJoinRoom_NewerTokenDoesNotCoverIt_LeavesAgain(t *testing.T) {
	g := testGateway(t, config{})
	asked := make(chan string, 16)
	g.Publish = func(subject, _ string, _ []byte) error {
		asked <- subject
		return nil
	}
	c := testConn(g, sockettest.NewNet(false))
	t.Cleanup(c.Socket.Abort)
	c.Access.Store(&auth.Access{Rooms: []string{"a-*"}})
	for id, leaves := range map[proto.RoomID]bool{"a-1": false, "b-1": true} {
		if fresh, ok := c.Session.JoinRoom(id); !fresh || !ok {
			t.Fatalf("joining %s: got fresh %v, ok %v, want both", id, fresh, ok)
		}
		if !leaves {
			continue
		}
		if got, want := <-asked, bus.RoomsSubject(bus.OpLeave); got != want {
			t.Errorf("request after joining %s: got %s, want %s", id, got, want)
		}
	}
	g.End() // what waits for an answer ends
	g.Wait()
	if n := len(asked); n > 0 {
		t.Errorf("further requests: got %d, want none", n)
	}
	if c.Socket.CloseCode() != 0 {
		t.Errorf("close code at the end of the gateway: got %d, want none", c.Socket.CloseCode())
	}
}
