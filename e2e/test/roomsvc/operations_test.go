package roomsvc_test

import (
	"testing"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc"
)

// A room's life, requested by two gateways and served by two room services.
func TestRoom_FromCreateToEnd_AnswersEachOperation(t *testing.T) {
	s := startNATS(t)
	startServices(t, s, 2, roomsvc.Config{})
	a, b := newRequester(t, s), newRequester(t, s)
	ann, ben := a.peer(), b.peer()

	made := a.must(bus.OpCreate, bus.Request{Room: "tea * > . room", Peer: ann})
	if made.State == nil || made.State.Room == nil || made.State.Room.Creator != ann || made.State.Revision != made.Revision {
		t.Fatalf("create: got %+v, want the room with its creator", made)
	}
	if c := <-a.changes; c.Before != 0 || c.After != made.Revision || len(c.Added) != 1 || c.Set == nil || c.By != ann {
		t.Errorf("change of create: got %+v, want the first one, with the settings", c)
	}
	joined := b.must(bus.OpJoin, bus.Request{Room: "tea * > . room", Peer: ben})
	for _, g := range []*requester{a, b} {
		if c := <-g.changes; c.Before != made.Revision || c.After != joined.Revision || len(c.Added) != 1 || c.Added[0].ID != ben {
			t.Errorf("change of join: got %+v, want ben added", c)
		}
	}
	if r := a.ask(bus.OpCreate, bus.Request{Room: "tea * > . room", Peer: ann}); code(r) != proto.DuplicateRoom {
		t.Errorf("create again: got %v, want Duplicate_Room", r.Error)
	}
	if r := a.ask(bus.OpJoin, bus.Request{Room: "coffee", Peer: ann}); code(r) != proto.NotFound {
		t.Errorf("join of a room that does not exist: got %v, want Not_Found", r.Error)
	}
	if keys := liveKeys(t, a.nc); len(keys) != 1 || keys[0] != bus.RoomToken("tea * > . room") {
		t.Errorf("got keys %q, want the room's only", keys)
	}
	left := a.must(bus.OpLeave, bus.Request{Room: "tea * > . room", Peer: ann})
	for _, g := range []*requester{a, b} {
		if c := <-g.changes; c.After != left.Revision || len(c.Removed) != 1 || c.Removed[0].ID != ann || c.Creator != ben {
			t.Errorf("change of leave: got %+v, want ann removed and ben as creator", c)
		}
	}
	b.must(bus.OpEnd, bus.Request{Room: "tea * > . room", Peer: ben})
	if c := <-b.changes; !c.Ended || c.By != ben {
		t.Errorf("change of end: got %+v, want the end, by ben", c)
	}
	if keys := liveKeys(t, a.nc); len(keys) != 0 {
		t.Errorf("at the end: got keys %q, want none", keys)
	}
	if r := a.ask(bus.OpGet, bus.Request{Room: "tea * > . room", Peer: ann}); code(r) != proto.NotFound {
		t.Errorf("get at the end: got %v, want %s", r.Error, proto.NotFound)
	}
}

func TestRequest_Malformed_IsRefused(t *testing.T) {
	s := startNATS(t)
	startServices(t, s, 1, roomsvc.Config{})
	a := newRequester(t, s)
	for _, body := range []string{``, `nonsense`, `[]`, `{"room":7}`, `{"room":"r","peer":"x"}`, `{"room":"r","capacity":"many"}`} {
		msg, err := a.nc.Request(bus.RoomsSubject(bus.OpCreate), []byte(body), patience)
		if err != nil {
			t.Fatal(err)
		}
		if got := msg.Header.Get("Nats-Service-Error-Code"); got != string(proto.InvalidMessage) {
			t.Errorf("%s: got code %q, %s, want %s", body, got, msg.Data, proto.InvalidMessage)
		}
	}
}
