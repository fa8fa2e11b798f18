package roomsvc_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"p2pconnector/e2e/natsbox"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc"
)

// metadata is as much as a room may have.
var metadata = json.RawMessage(`"` + strings.Repeat("m", 8000) + `"`)

// fill creates rooms until the room service refuses one with code, and returns them.
func (a *requester) fill(p proto.PeerID, code proto.ErrorCode) (rooms []proto.RoomID) {
	a.t.Helper()
	for range 10_000 {
		id := proto.RoomID(a.op())
		switch reply := a.ask(bus.OpCreate, bus.Request{Room: id, Peer: p, Metadata: metadata}); {
		case reply.Error == nil:
			rooms = append(rooms, id)
		case reply.Error.Code == code:
			return rooms
		default:
			a.t.Fatalf("create room %d: got %v, want success or %s", len(rooms)+1, reply.Error, code)
		}
	}
	a.t.Fatalf("rooms created: got %d, want fewer", len(rooms))
	return nil
}

// untilCreated repeats a creation until it works.
func (a *requester) untilCreated(p proto.PeerID) {
	a.t.Helper()
	end := time.Now().Add(patience)
	for {
		reply := a.ask(bus.OpCreate, bus.Request{Room: proto.RoomID(a.op()), Peer: p})
		if reply.Error == nil {
			return
		}
		if reply.Error.Code != proto.LimitExceeded || time.Now().After(end) {
			a.t.Fatalf("create: got %v, want success soon", reply.Error)
		}
	}
}

// storedBytes returns what the bucket of rooms holds.
func storedBytes(t *testing.T, a *requester) uint64 {
	t.Helper()
	info, err := bucketStream(t, a.nc).Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return info.State.Bytes
}

// TestBucket_HalfFull_RefusesWhatGrowsUntilEmptied: joins and longer settings are refused
// like new rooms; everything that shrinks works, in every room, and then rooms can be created.
func TestBucket_HalfFull_RefusesWhatGrowsUntilEmptied(t *testing.T) {
	t.Run("one node", func(t *testing.T) { fillAndEmpty(t, startNATS(t), 1) })
	t.Run("three nodes", func(t *testing.T) {
		cfgs, err := natsbox.ClusterConfigs(3, nil)
		if err != nil {
			t.Fatal(err)
		}
		var nodes []*natsbox.Server
		for _, cfg := range cfgs {
			cfg.Sync = time.Second
			nodes = append(nodes, startNATSWith(t, cfg))
		}
		if err := natsbox.WaitCluster(t.Context(), nodes); err != nil {
			t.Fatal(err)
		}
		fillAndEmpty(t, nodes[0], 3)
	})
}

func fillAndEmpty(t *testing.T, s *natsbox.Server, replicas int) {
	const most = 4 << 20
	startServices(t, s, 1, roomsvc.Config{MaxBucketBytes: most, Replicas: replicas})
	a := newRequester(t, s)
	p, q := a.peer(), a.peer()
	a.must(bus.OpCreate, bus.Request{Room: "shared", Peer: p})
	a.must(bus.OpJoin, bus.Request{Room: "shared", Peer: q})
	rooms := a.fill(p, proto.LimitExceeded)
	for storedBytes(t, a) <= most/2 { // the room service had guessed too high
		rooms = append(rooms, a.fill(p, proto.LimitExceeded)...)
	}
	if got, low, high := len(rooms)*len(metadata), most/4, most*3/4; got < low || got > high {
		t.Errorf("metadata stored before the refusal: got %d bytes, want %d to %d", got, low, high)
	}
	for _, x := range []struct {
		op   bus.Operation
		req  bus.Request
		want proto.ErrorCode
	}{
		{bus.OpCreate, bus.Request{Room: rooms[0], Peer: q}, proto.DuplicateRoom},
		{bus.OpJoin, bus.Request{Room: rooms[0], Peer: q}, proto.LimitExceeded},
		{bus.OpJoin, bus.Request{Room: "new", Peer: q, Create: true}, proto.LimitExceeded},
		{bus.OpUpdate, bus.Request{Room: "shared", Peer: p, Metadata: metadata}, proto.LimitExceeded},
		{bus.OpUpdate, bus.Request{Room: rooms[0], Peer: p, Metadata: json.RawMessage("1")}, ""},
		{bus.OpLeave, bus.Request{Room: "shared", Peer: p}, ""},
		{bus.OpRemove, bus.Request{Room: "shared", Peer: q, Client: q}, ""},
	} {
		if got := code(a.ask(x.op, x.req)); got != x.want {
			t.Errorf("%s %s: got %q, want %q", x.op, x.req.Room, got, x.want)
		}
	}
	for i, id := range rooms {
		op := []bus.Operation{bus.OpLeave, bus.OpEnd}[i%2]
		a.must(op, bus.Request{Room: id, Peer: p})
	}
	a.untilCreated(p)
}

// TestJetStream_Full_RoomsCanStillEnd: another stream has used up the server's storage, so
// that not even a delete marker can be written.
func TestJetStream_Full_RoomsCanStillEnd(t *testing.T) {
	s := startNATSWith(t, natsbox.Config{Sync: time.Second, MaxStore: 9 << 20}) // the buckets reserve 8 MiB
	startServices(t, s, 1, roomsvc.Config{})
	a := newRequester(t, s)
	p := a.peer()
	var rooms []proto.RoomID
	for range 20 {
		id := proto.RoomID(a.op())
		a.must(bus.OpCreate, bus.Request{Room: id, Peer: p, Metadata: metadata})
		rooms = append(rooms, id)
	}
	filler := fillJetStream(t, a)
	if got := code(a.ask(bus.OpCreate, bus.Request{Room: "new", Peer: p})); got != proto.LimitExceeded {
		t.Errorf("create: got %q, want %q", got, proto.LimitExceeded)
	}
	for i, id := range rooms {
		op := []bus.Operation{bus.OpLeave, bus.OpEnd}[i%2]
		a.must(op, bus.Request{Room: id, Peer: p})
		if r := a.room(id); r != nil {
			t.Errorf("%s after %s: got members %s, want no room", id, op, ids(r))
		}
		fillStream(t, a, filler)
	}
	if err := filler.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.untilCreated(p)
}

// fillJetStream writes to a stream of another user until the server refuses that.
func fillJetStream(t *testing.T, a *requester) jetstream.Stream {
	t.Helper()
	js, err := jetstream.New(a.nc)
	if err != nil {
		t.Fatal(err)
	}
	filler, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "filler", Subjects: []string{"filler"}})
	if err != nil {
		t.Fatal(err)
	}
	fillStream(t, a, filler)
	return filler
}

func fillStream(t *testing.T, a *requester, filler jetstream.Stream) {
	t.Helper()
	js, err := jetstream.New(a.nc)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{100_000, 100} {
		for err = nil; err == nil; {
			_, err = js.Publish(t.Context(), filler.CachedInfo().Config.Subjects[0], make([]byte, size))
		}
		if _, ok := errors.AsType[*jetstream.APIError](err); !ok {
			t.Fatalf("publish: got %v, want an error of JetStream", err)
		}
	}
}
