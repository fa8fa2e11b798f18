package roomsvc_test

import (
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc"
)

// TestGet_GatewayHasTheLatest_RoomIsNotRead: who names the room's latest revision learns that
// it is the latest, and the room, which may be large, is not read. Whatever has happened to
// the room since is found, also when it left no trace.
func TestGet_GatewayHasTheLatest_RoomIsNotRead(t *testing.T) {
	s := startNATS(t)
	services := startServices(t, s, 2, roomsvc.Config{})
	a, b := newRequester(t, s), newRequester(t, s)
	ann, ben := a.peer(), b.peer()
	reads := func() (n uint64) {
		for _, svc := range services {
			n += svc.Stats().Reads
		}
		return n
	}
	made := a.must(bus.OpCreate, bus.Request{Room: "tea", Peer: ann})
	before := reads()
	for range 5 {
		if r := a.must(bus.OpGet, bus.Request{Room: "tea", Peer: ann, Have: made.Revision}); r.State != nil || r.Revision != made.Revision {
			t.Errorf("at the latest revision: got %+v, want %d without a state", r, made.Revision)
		}
	}
	if n := reads() - before; n != 0 {
		t.Errorf("the room was read %d times, want never", n)
	}
	for what, have := range map[string]uint64{"no revision": 0, "an earlier one": made.Revision - 1, "one that was never": made.Revision + 1} {
		if r := a.must(bus.OpGet, bus.Request{Room: "tea", Peer: ann, Have: have}); r.State == nil || r.Revision != made.Revision {
			t.Errorf("at %s: got %+v, want %d with the state", what, r, made.Revision)
		}
	}
	joined := b.must(bus.OpJoin, bus.Request{Room: "tea", Peer: ben})
	if r := a.must(bus.OpGet, bus.Request{Room: "tea", Peer: ann, Have: made.Revision}); r.State == nil || r.Revision != joined.Revision || len(r.State.Room.Members) != 2 {
		t.Errorf("after a join: got %+v, want %d with two members", r, joined.Revision)
	}
	js, err := jetstream.New(a.nc)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), bus.BucketStream(bus.RoomsBucket))
	if err != nil {
		t.Fatal(err)
	}
	subject := bus.BucketSubject(bus.RoomsBucket, bus.RoomToken("tea"))
	if err := stream.Purge(t.Context(), jetstream.WithPurgeSubject(subject)); err != nil { // as after a delete marker has expired
		t.Fatal(err)
	}
	if r := a.ask(bus.OpGet, bus.Request{Room: "tea", Peer: ann, Have: joined.Revision}); code(r) != proto.NotFound {
		t.Errorf("when nothing is left of the room: got %+v, want Not_Found", r)
	}
}
