package roomsvc

import (
	"testing"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// TestUsage_Full_AboveHalfOfTheLimit: what this instance has added counts until the stream
// is looked at again, and much of it asks for a look, once.
func TestUsage_Full_AboveHalfOfTheLimit(t *testing.T) {
	looks := 0
	u := usage{look: func() { looks++ }}
	check := func(when string, full bool) {
		t.Helper()
		if got := u.full(); got != full {
			t.Errorf("%s: got full %v, want %v", when, got, full)
		}
	}
	u.grew(1 << 40)
	check("no limit", false)
	u.looked(0, 3200)
	u.grew(-5)
	u.grew(200)
	if looks != 0 {
		t.Errorf("after a sixteenth: got %d looks, want 0", looks)
	}
	u.grew(1400)
	u.grew(0)
	check("at half", false)
	u.grew(1)
	check("above half", true)
	if looks != 1 {
		t.Errorf("after more than a sixteenth: got %d looks, want 1", looks)
	}
	u.looked(1600, 3200)
	check("at half, as the stream says", false)
	if news := u.exhaust(true); !news || u.exhaust(true) {
		t.Errorf("first write refused: got news %v, want true, and false for the second", news)
	}
	check("with a write refused", true)
	u.exhaust(false)
	check("with a write taken", false)
	u.looked(1<<50, -1)
	check("no limit granted", false)
}

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
