package gateway

import (
	"testing"
	"time"

	"p2pconnector/proto"
)

// TestAllowed: what a token lets a connection do with a room, by membership.
func TestAllowed(t *testing.T) {
	g := testGateway(t, Config{})
	c := testConn(g, newFakeNet(false))
	c.session.rooms = []proto.RoomID{"mine"}
	token := func(rooms, can []string) *access {
		return &access{user: "ann", expires: time.Now().Add(time.Hour), limited: rooms != nil, rooms: rooms, can: can}
	}
	for _, x := range []struct {
		name   string
		access *access
		event  proto.Event
		room   proto.RoomID
		create bool
		ok     bool
	}{
		{"no tokens", nil, proto.RemoveClient, "other", false, true},
		{"no limits", token(nil, nil), proto.CreateRoom, "other", false, true},
		{"join what it may", token([]string{"o*"}, []string{"join"}), proto.JoinRoom, "other", false, true},
		{"join what it may not", token([]string{"x*"}, []string{"join"}), proto.JoinRoom, "other", false, false},
		{"join without the grant", token(nil, []string{"create"}), proto.JoinRoom, "other", false, false},
		{"join and make without create", token(nil, []string{"join"}), proto.JoinRoom, "other", true, false},
		{"join and make without join", token(nil, []string{"create"}), proto.JoinRoom, "other", true, false},
		{"join and make", token(nil, []string{"create", "join"}), proto.JoinRoom, "other", true, true},
		{"create without the grant", token(nil, []string{"join"}), proto.CreateRoom, "other", false, false},
		{"look at what it may not", token([]string{"x*"}, nil), proto.RoomInfo, "other", false, false},
		{"end what it may not", token([]string{"x*"}, nil), proto.EndRoom, "other", false, false},
		{"leave its room although the token has changed", token([]string{"x*"}, []string{}), proto.LeaveRoom, "mine", false, true},
		{"look at its room although the token has changed", token([]string{"x*"}, []string{}), proto.RoomInfo, "mine", false, true},
		{"remove from its room without the grant", token(nil, []string{"join"}), proto.RemoveClient, "mine", false, false},
		{"remove from its room although it is not covered", token([]string{"x*"}, nil), proto.RemoveClient, "mine", false, false},
		{"remove from its room", token([]string{"m*"}, []string{"remove"}), proto.RemoveClient, "mine", false, true},
		{"create its room again without the grant", token(nil, []string{}), proto.CreateRoom, "mine", false, false},
	} {
		t.Run(x.name, func(t *testing.T) {
			c.access.Store(x.access)
			if e := c.allowed(x.event, x.room, x.create); (e == nil) != x.ok || e != nil && e.Code != proto.Unauthorised {
				t.Errorf("%v", e)
			}
		})
	}
}
