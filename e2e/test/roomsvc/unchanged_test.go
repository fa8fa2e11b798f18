package roomsvc_test

import (
	"testing"

	"github.com/nats-io/nats.go"
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
		t.Errorf("got %d reads of the room, want none", n)
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

// TestGet_GatewayHasAnEarlierRevision_RoomIsReadOnce: a newer revision shows that the gateway
// has not the latest, so that only the room service's own read of the room follows.
func TestGet_GatewayHasAnEarlierRevision_RoomIsReadOnce(t *testing.T) {
	s := startNATS(t)
	startServices(t, s, 1, roomsvc.Config{})
	a, b := newRequester(t, s), newRequester(t, s)
	ann := a.peer()
	made := a.must(bus.OpCreate, bus.Request{Room: "tea", Peer: ann})
	joined := b.must(bus.OpJoin, bus.Request{Room: "tea", Peer: b.peer()})
	seen := make(chan *nats.Msg, 64) // filled before the reply, which comes by the same connection
	if _, err := a.nc.ChanSubscribe("$JS.API.STREAM.MSG.GET."+bus.BucketStream(bus.RoomsBucket), seen); err != nil {
		t.Fatal(err)
	}
	if err := a.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	if r := a.must(bus.OpGet, bus.Request{Room: "tea", Peer: ann, Have: made.Revision}); r.State == nil || r.Revision != joined.Revision {
		t.Errorf("got %+v, want revision %d with the state", r, joined.Revision)
	}
	var calls []string
	for len(seen) > 0 {
		calls = append(calls, string((<-seen).Data))
	}
	if len(calls) != 2 {
		t.Errorf("got %d calls to JetStream %q, want 2: whether there is a newer revision, and the room", len(calls), calls)
	}
}
