package auth

import (
	"testing"
	"time"

	"p2pconnector/proto"
)

func TestMissing_EachEventAndGrant_NamesWhatIsMissing(t *testing.T) {
	token := func(rooms []string, can ...Grant) *Access { return &Access{User: "ann", Rooms: rooms, Can: can} }
	for _, x := range []struct {
		name   string
		access *Access
		event  proto.Event
		room   proto.RoomID
		create bool
		want   Grant
	}{
		{"no tokens", nil, proto.RemoveClient, "other", false, ""},
		{"no limits", token(nil), proto.CreateRoom, "other", false, ""},
		{"join a room", token([]string{"o*"}, CanJoin), proto.JoinRoom, "other", false, ""},
		{"join a room that is not covered", token([]string{"x*"}, CanJoin), proto.JoinRoom, "other", false, CanJoin},
		{"join without the grant", token(nil, CanCreate), proto.JoinRoom, "other", false, CanJoin},
		{"join and make without create", token(nil, CanJoin), proto.JoinRoom, "other", true, CanCreate},
		{"join and make without join", token(nil, CanCreate), proto.JoinRoom, "other", true, CanJoin},
		{"join and make", token(nil, CanCreate, CanJoin), proto.JoinRoom, "other", true, ""},
		{"create without the grant", token(nil, CanJoin), proto.CreateRoom, "other", false, CanCreate},
		{"look at a room that is not covered", token([]string{"x*"}), proto.RoomInfo, "other", false, CanJoin},
		{"end a room that is not covered", token([]string{"x*"}), proto.EndRoom, "other", false, CanJoin},
		{"no room is covered", token([]string{}), proto.RoomInfo, "other", false, CanJoin},
		{"leave its room that is not covered", &Access{Rooms: []string{"x*"}, Can: []Grant{}}, proto.LeaveRoom, "mine", false, ""},
		{"look at its room that is not covered", &Access{Rooms: []string{"x*"}, Can: []Grant{}}, proto.RoomInfo, "mine", false, CanJoin},
		{"leave a room that is not covered", token([]string{"x*"}), proto.LeaveRoom, "other", false, CanJoin},
		{"remove without the grant", token(nil, CanJoin), proto.RemoveClient, "mine", false, CanRemove},
		{"remove from its room that is not covered", token([]string{"x*"}), proto.RemoveClient, "mine", false, CanJoin},
		{"end without the grant", token(nil, CanRemove, CanUpdate), proto.EndRoom, "mine", false, CanEnd},
		{"end another's room without the grant", token(nil, CanRemove, CanUpdate), proto.EndRoom, "other", false, CanEnd},
		{"end a room", token(nil, CanEnd), proto.EndRoom, "mine", false, ""},
		{"update without the grant", token(nil, CanRemove, CanEnd), proto.UpdateRoom, "mine", false, CanUpdate},
		{"update a member without the grant", token(nil, CanUpdate), proto.UpdateMember, "mine", false, CanMessage},
		{"update a member", token(nil, CanMessage), proto.UpdateMember, "mine", false, ""},
		{"update a room", token(nil, CanUpdate), proto.UpdateRoom, "mine", false, ""},
		{"end and update without a list", token(nil), proto.EndRoom, "mine", false, ""},
		{"remove from its room", token([]string{"m*"}, CanRemove), proto.RemoveClient, "mine", false, ""},
		{"create its room again without the grant", &Access{Can: []Grant{}}, proto.CreateRoom, "mine", false, CanCreate},
	} {
		if got := x.access.Missing(x.event, x.room, x.create, x.room == "mine"); got != x.want {
			t.Errorf("%s: got %q, want %q", x.name, got, x.want)
		}
	}
}

func TestExpired_BeforeAndAfter_IsMeasuredByTheTimeOfDay(t *testing.T) {
	a := &Access{Expires: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	for _, x := range []struct {
		access *Access
		after  time.Duration
		want   bool
	}{{a, -time.Second, false}, {a, time.Second, true}, {nil, time.Hour, false}} {
		if got := x.access.Expired(a.Expires.Add(x.after)); got != x.want {
			t.Errorf("%v, %v after it expires: got %v, want %v", x.access, x.after, got, x.want)
		}
	}
}
