package room

import (
	"testing"

	"p2pconnector/gateway/internal/link"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// TestAdmits_EachPolicyAndSender_AsDocumented: only direct frames of peers are restricted.
func TestAdmits_EachPolicyAndSender_AsDocumented(t *testing.T) {
	g := newTestGateway()
	to, mate, stranger := proto.NewPeerID(ownGateway), proto.NewPeerID("0a1b2c3d"), proto.NewPeerID("0a1b2c3d")
	r := g.rooms.pin("tea")
	r.apply(&bus.Change{Room: "tea", After: 1, Set: &bus.Settings{}, Added: []bus.Member{{ID: mate}}})
	relay := func(event, from, rest string) []byte {
		return []byte(`{"event":"` + event + `","from":"` + from + `"` + rest + `}`)
	}
	offer := relay("Offer", string(stranger), `,"data":1`)
	type row struct{ anyone, rooms, nobody bool }
	for name, test := range map[string]struct {
		f    link.Frame
		want row
	}{
		"a member":           {link.Frame{From: mate, Data: relay("Offer", string(mate), "")}, row{true, true, false}},
		"a stranger":         {link.Frame{From: stranger, Data: offer}, row{true, false, false}},
		"the peer itself":    {link.Frame{From: to, Data: relay("Message", string(to), "")}, row{true, true, true}},
		"the server":         {link.Frame{Data: []byte(`{"type":"info","event":"Pong","data":{}}`)}, row{true, true, true}},
		"a back end":         {link.Frame{Reply: "_INBOX_lost.x", Data: []byte(`{"event":"Message"}`)}, row{true, true, true}},
		"a room message":     {link.Frame{From: stranger, Room: "x", Data: relay("Message", string(stranger), `,"room":"x"`)}, row{true, true, true}},
		"the same, relayed":  {link.Frame{From: stranger, Data: relay("Message", string(stranger), `,"r\u006fom":"x"`)}, row{true, true, true}},
		"a room that is not": {link.Frame{From: stranger, Data: relay("Message", string(stranger), `,"room":null,"data":{"room":"tea"}`)}, row{true, false, false}},
		"an offer with room": {link.Frame{From: stranger, Data: relay("Offer", string(stranger), `,"room":"tea"`)}, row{true, false, false}},
		"a Connect": {link.Frame{From: stranger, Data: []byte(`{"type":"info","event":"Offer","data":` +
			string(proto.ConnectData(stranger, []byte(`{"room":"tea"}`), []byte(`1`))) + `}`)}, row{true, false, false}},
	} {
		test.f.To = to
		in := []proto.RoomID{"coffee", "tea"}
		got := row{
			g.rooms.Admits(proto.AcceptAnyone, in, &test.f), g.rooms.Admits(proto.AcceptRooms, in, &test.f), g.rooms.Admits(proto.AcceptNobody, in, &test.f),
		}
		if got != test.want {
			t.Errorf("%s: got %+v, want %+v", name, got, test.want)
		}
	}
	if f := (link.Frame{From: mate, To: to, Data: offer}); g.rooms.Admits(proto.AcceptRooms, []proto.RoomID{"coffee"}, &f) {
		t.Error("a member of a room that the receiver is not in: got accepted, want refused")
	}
}

// TestAdmits_RoomChanges_FollowsTheReplica: a sender counts as a member from the change that
// adds it to the one that removes it, or to the end of the room, and nothing is left then.
func TestAdmits_RoomChanges_FollowsTheReplica(t *testing.T) {
	g := newTestGateway()
	to, other := g.member(), proto.NewPeerID("0a1b2c3d")
	f := link.Frame{From: other, To: to.id, Data: []byte(`{"event":"Offer"}`)}
	r := g.rooms.pin("tea")
	steps := []struct {
		name string
		do   func()
		want bool
	}{
		{"before", func() {}, false},
		{"made without the sender", func() {
			r.apply(&bus.Change{Room: "tea", After: 1, Set: &bus.Settings{}, Added: []bus.Member{{ID: to.id}}})
		}, false},
		{"joined", func() { r.apply(&bus.Change{Room: "tea", Before: 1, After: 2, Added: []bus.Member{{ID: other}}}) }, true},
		{"left", func() { r.apply(&bus.Change{Room: "tea", Before: 2, After: 3, Removed: []bus.Removal{{ID: other}}}) }, false},
		{"fetched with the sender", func() {
			r.adopt(&bus.Snapshot{Revision: 5, Room: &bus.Room{ID: "tea", Members: []bus.Member{{ID: to.id}, {ID: other}}}})
		}, true},
		{"ended", func() { r.apply(&bus.Change{Room: "tea", Before: 5, After: 6, Ended: true}) }, false},
		{"made again", func() {
			r.adopt(&bus.Snapshot{Revision: 9, Room: &bus.Room{ID: "tea", Members: []bus.Member{{ID: other}}}})
		}, true},
		{"not needed any more", func() { g.rooms.unpin(r) }, false},
	}
	for _, s := range steps {
		s.do()
		if got := g.rooms.Admits(proto.AcceptRooms, []proto.RoomID{"tea"}, &f); got != s.want {
			t.Errorf("%s: got accepted %v, want %v", s.name, got, s.want)
		}
	}
	if n := len(g.rooms.rosters.room); n != 0 {
		t.Errorf("after the last room: got %d rosters, want 0", n)
	}
}
