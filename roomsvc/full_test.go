package roomsvc

import (
	"testing"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// TestApply_FullBucket_RefusesWhatGrows and nothing else.
func TestApply_FullBucket_RefusesWhatGrows(t *testing.T) {
	lim := limits{members: 10, bytes: bus.MaxRoomStateBytes}
	a, b, c := proto.NewPeerID("aaaaaaaa"), proto.NewPeerID("aaaaaaaa"), proto.NewPeerID("aaaaaaaa")
	op := func(kind bus.Operation, r bus.Request) *operation {
		r.Room = "r"
		return &operation{kind: kind, req: &r}
	}
	name, longer := "name", "longer name"
	before := &apply(&held{}, []*operation{
		op(bus.OpCreate, bus.Request{Peer: a, Name: &longer}), op(bus.OpJoin, bus.Request{Peer: b}),
	}, testTime, lim).after
	lim.full = true
	for _, x := range []struct {
		before *held
		op     *operation
		want   proto.ErrorCode
	}{
		{&held{}, op(bus.OpCreate, bus.Request{Peer: a}), proto.LimitExceeded},
		{&held{}, op(bus.OpJoin, bus.Request{Peer: a, Create: true}), proto.LimitExceeded},
		{before, op(bus.OpCreate, bus.Request{Peer: c}), proto.DuplicateRoom},
		{before, op(bus.OpJoin, bus.Request{Peer: c}), proto.LimitExceeded},
		{before, op(bus.OpUpdate, bus.Request{Peer: a, Metadata: []byte(`"more"`)}), proto.LimitExceeded},
		{before, op(bus.OpUpdate, bus.Request{Peer: a, Name: &name}), ""},
		{before, op(bus.OpLeave, bus.Request{Peer: a}), ""},
		{before, op(bus.OpRemove, bus.Request{Peer: a, Client: b}), ""},
		{before, op(bus.OpEnd, bus.Request{Peer: a}), ""},
		{before, op(bus.OpResume, bus.Request{Peer: a, Gateway: "bbbbbbbb", Epoch: 1}), ""},
	} {
		com := apply(x.before, []*operation{x.op}, testTime, lim)
		var got proto.ErrorCode
		if e := com.out[0].err; e != nil {
			got = e.Code
		}
		if got != x.want {
			t.Errorf("%s: got %q, want %q", x.op.kind, got, x.want)
		}
		if want := x.want == proto.LimitExceeded; com.full > 0 != want || com.dirty == (x.want != "") {
			t.Errorf("%s: got %d refused for want of space, dirty %v; want %v and %v", x.op.kind, com.full, com.dirty, want, x.want == "")
		}
	}
}
