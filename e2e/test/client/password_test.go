package client_test

import (
	"testing"

	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

func TestJoin_RoomWithPassword_TakesTheRightOne(t *testing.T) {
	host, peer := meeting(t, client.RoomOptions{Password: "leaf"})
	join := func(password string, want proto.ErrorCode) {
		t.Helper()
		d, err := peer.Join(t.Context(), room, client.JoinOptions{Password: password})
		if client.Code(err) != want || (err == nil) != (want == "") {
			t.Errorf("password %q: got %+v, %v, want code %q", password, d, err, want)
		}
	}
	join("", proto.WrongPassword)
	join("stem", proto.WrongPassword)
	join("leaf", "")
	change := func(u client.RoomUpdate, want bool) {
		t.Helper()
		if d, err := host.Update(t.Context(), room, u); err != nil || d.Password != want {
			t.Errorf("got %+v, %v, want password %v", d, err, want)
		}
		if _, err := peer.Leave(t.Context(), room); err != nil {
			t.Fatal(err)
		}
	}
	change(client.RoomUpdate{Password: new("stem")}, true)
	join("leaf", proto.WrongPassword)
	join("stem", "")
	change(client.RoomUpdate{Name: new("Tea")}, true) // which leaves the password as it is
	join("", proto.WrongPassword)
	join("stem", "")
	change(client.RoomUpdate{Password: new("")}, false)
	join("", "")
}
