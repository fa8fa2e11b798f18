package roomsvc_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc"
)

// A repeated request takes effect once and gets the same answer from every
// instance; so do all repetitions of a storm.
func TestRetry_LostReply_GetsTheSameAnswer(t *testing.T) {
	s := startNATS(t)
	startServices(t, s, 3, roomsvc.Config{})
	a := newRequester(t, s)
	ann, ben := a.peer(), a.peer()
	many := func(op bus.Operation, r bus.Request) {
		t.Helper()
		r.Op = a.op()
		var replies []<-chan *bus.Reply
		for i := range 20 {
			r.Retry = i > 0
			replies = append(replies, a.send(op, r))
		}
		if got := collect(t, replies); got[""] != 20 {
			t.Errorf("%s: got answers %v, want 20 without an error", op, got)
		}
	}
	many(bus.OpCreate, bus.Request{Room: "r", Peer: ann})
	many(bus.OpJoin, bus.Request{Room: "r", Peer: ben})
	name := "x"
	many(bus.OpUpdate, bus.Request{Room: "r", Peer: ann, Name: &name})
	many(bus.OpRemove, bus.Request{Room: "r", Peer: ann, Client: ben})
	many(bus.OpJoin, bus.Request{Room: "r", Peer: ben})
	many(bus.OpLeave, bus.Request{Room: "r", Peer: ann})
	if room := a.room("r"); room == nil || len(room.Members) != 1 || room.Creator != ben {
		t.Errorf("got %s, want ben alone, as creator", ids(room))
	}
	many(bus.OpEnd, bus.Request{Room: "r", Peer: ben})
	if room := a.room("r"); room != nil {
		t.Errorf("got %s, want no room", ids(room))
	}
}

// JetStream stops under load and comes back: no request is answered as if there
// were no room, and every request is answered in the end.
func TestRetry_NATSRestarts_IsAnswered(t *testing.T) {
	s := startNATS(t)
	startServices(t, s, 2, roomsvc.Config{})
	a := newRequester(t, s)
	ann := a.peer()
	a.must(bus.OpCreate, bus.Request{Room: "r", Peer: ann})
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	ask := func(op bus.Operation, r bus.Request) *bus.Reply {
		for {
			// As a gateway does: the same operation until there is an answer.
			if a.nc.IsConnected() {
				if reply, err := await(a.send(op, r), 500*time.Millisecond); err == nil && code(reply) != proto.Unavailable {
					return reply
				}
			}
			r.Retry = true
		}
	}
	if r := ask(bus.OpJoin, bus.Request{Op: a.op(), Room: "r", Peer: a.peer()}); code(r) != "" {
		t.Errorf("join: got %v, want no error", r.Error)
	}
	if r := ask(bus.OpGet, bus.Request{Room: "r", Peer: ann}); code(r) != "" || len(r.State.Room.Members) != 2 {
		t.Errorf("get: got %+v, want two members", r)
	}
}

// A room service corrects a bucket that an operator made with other settings.
func TestBucket_Exists_IsUsedAndCorrected(t *testing.T) {
	s := startNATS(t)
	a := newRequester(t, s)
	js, err := jetstream.New(a.nc)
	if err != nil {
		t.Fatal(err)
	}
	kv, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: bus.RoomsBucket, History: 5})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.PutString(t.Context(), "other", "x"); err != nil {
		t.Fatal(err)
	}
	startServices(t, s, 1, roomsvc.Config{})
	a.must(bus.OpCreate, bus.Request{Room: "r", Peer: a.peer()})
	a.must(bus.OpEnd, bus.Request{Room: "r"})
	cfg := bucketStream(t, a.nc).CachedInfo().Config
	if cfg.AllowDirect || !cfg.AllowMsgTTL || cfg.MaxMsgsPerSubject != 1 {
		t.Errorf("got settings %+v, want those of a room service", cfg)
	}
}
