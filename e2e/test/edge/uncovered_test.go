package edge_test

import (
	"fmt"
	"testing"

	"p2pconnector/gateway"
	"p2pconnector/proto"
)

// wantLeft checks that a peer is notified that it has left room, and the room's other
// member that the peer has.
func wantLeft(t *testing.T, peer, other *client, id proto.PeerID, room proto.RoomID) {
	t.Helper()
	left := peer.expect(string(proto.RoomLeft))
	if d := roomData(t, left); d.Room != room || d.Client != id || len(left.ID) > 0 {
		t.Errorf("the peer: got %s, want that it left %q", left.raw, room)
	}
	removed := other.expect(string(proto.ClientRemoved))
	if d := roomData(t, removed); d.Room != room || d.Client != id || d.Reason != proto.ReasonLeft {
		t.Errorf("the other member: got %s, want that %s left %q", removed.raw, id, room)
	}
}

func TestAuthenticate_NarrowerToken_LeavesWhatItDoesNotCover(t *testing.T) {
	s := signers(t)["HS256"]
	e := start(t, func(c *gateway.Config) { c.TokenKey = keyFile(t, s) })
	boss, ann := e.open(t, "/", bearer(s.token(t, nil))), e.open(t, "/", bearer(s.token(t, nil)))
	for _, room := range []string{"a-1", "b-1"} {
		boss.send(fmt.Sprintf(`{"event":"Create_Room","data":{"room":%q}}`, room))
		boss.expect(string(proto.RoomCreated))
		ann.send(fmt.Sprintf(`{"event":"Join_Room","data":{"room":%q}}`, room))
		ann.expect(string(proto.ClientAdded))
		boss.expect(string(proto.ClientAdded))
	}
	renew := func(rooms []string) {
		t.Helper()
		ann.send(fmt.Sprintf(`{"event":"Authenticate","data":{"token":%q},"id":1}`, s.token(t, grants(rooms, nil))))
		ann.expect(string(proto.Authenticated))
	}
	renew([]string{"a-*", "b-1"})
	ann.alive() // the token permits all rooms: no other frame arrives
	renew([]string{"a-*"})
	wantLeft(t, ann, boss, ann.details.ID, "b-1")
	ann.send(`{"event":"Message","room":"b-1"}`)
	ann.expect(string(proto.Unauthorised))
	ann.send(`{"event":"Message","room":"a-1"}`)
	boss.expect("Message")

	// A join that is pending when the token arrives does not outlive it.
	renew(nil)
	ann.send(`{"event":"Join_Room","data":{"room":"b-1"}}`)
	ann.send(fmt.Sprintf(`{"event":"Authenticate","data":{"token":%q}}`, s.token(t, grants([]string{"a-*"}, nil))))
	for authenticated, out := false, false; !authenticated || !out; { // in either order
		event := ann.next().Event
		authenticated = authenticated || event == string(proto.Authenticated)
		out = out || event == string(proto.RoomLeft) || event == string(proto.Unauthorised)
	}
	ann.send(`{"event":"Message","room":"b-1"}`)
	ann.expect(string(proto.Unauthorised))
}

func TestResume_NarrowerToken_LeavesWhatItDoesNotCover(t *testing.T) {
	s := signers(t)["HS256"]
	e := start(t, func(c *gateway.Config) { c.TokenKey = keyFile(t, s) })
	boss, ann := e.open(t, "/", bearer(s.token(t, nil))), e.open(t, "/", bearer(s.token(t, nil)))
	boss.send(`{"event":"Create_Room","data":{"room":"b-1"}}`)
	boss.expect(string(proto.RoomCreated))
	ann.send(`{"event":"Join_Room","data":{"room":"b-1"}}`)
	ann.expect(string(proto.ClientAdded))
	boss.expect(string(proto.ClientAdded))
	back := e.open(t, "/", bearer(s.token(t, grants([]string{"a-*"}, nil))))
	back.send(fmt.Sprintf(`{"event":"Resume","data":{"session":%q}}`, ann.session()))
	back.expect(string(proto.ClientDetails))
	wantLeft(t, back, boss, ann.details.ID, "b-1")
}
