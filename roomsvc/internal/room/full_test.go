package room

import (
	"testing"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// TestApply_FullBucket_RefusesWhatGrows and nothing else.
func TestApply_FullBucket_RefusesWhatGrows(t *testing.T) {
	lim := Limits{Members: 10, Bytes: bus.MaxRoomStateBytes}
	a, b, c := proto.NewPeerID("aaaaaaaa"), proto.NewPeerID("aaaaaaaa"), proto.NewPeerID("aaaaaaaa")
	op := func(kind bus.Operation, r bus.Request) *Operation {
		r.Room = "r"
		return &Operation{Kind: kind, Request: &r}
	}
	name, longer := "name", "longer name"
	before := &Apply(&State{}, []*Operation{
		op(bus.OpCreate, bus.Request{Peer: a, Name: &longer}), op(bus.OpJoin, bus.Request{Peer: b}),
	}, testTime, lim).After
	moderated := &Apply(before, []*Operation{op(bus.OpRole, bus.Request{Peer: a, Client: b, Role: proto.RoleModerator})}, testTime, lim).After
	lim.Full = true
	for _, x := range []struct {
		before *State
		op     *Operation
		want   proto.ErrorCode
	}{
		{&State{}, op(bus.OpCreate, bus.Request{Peer: a}), proto.LimitExceeded},
		{&State{}, op(bus.OpJoin, bus.Request{Peer: a, Create: true}), proto.LimitExceeded},
		{before, op(bus.OpCreate, bus.Request{Peer: c}), proto.DuplicateRoom},
		{before, op(bus.OpJoin, bus.Request{Peer: c}), proto.LimitExceeded},
		{before, op(bus.OpUpdate, bus.Request{Peer: a, Metadata: []byte(`"more"`)}), proto.LimitExceeded},
		{before, op(bus.OpUpdate, bus.Request{Peer: a, Password: password("leaf")}), proto.LimitExceeded},
		{before, op(bus.OpUpdate, bus.Request{Peer: a, Name: &name}), ""},
		{before, op(bus.OpRole, bus.Request{Peer: a, Client: b, Role: proto.RoleModerator}), proto.LimitExceeded},
		{before, op(bus.OpRole, bus.Request{Peer: a, Client: b, Role: proto.RoleCreator}), proto.LimitExceeded},
		{before, op(bus.OpRole, bus.Request{Peer: a, Client: a, Role: proto.RoleCreator}), ""},
		{moderated, op(bus.OpRole, bus.Request{Peer: a, Client: b, Role: proto.RoleMember}), ""},
		{moderated, op(bus.OpRole, bus.Request{Peer: a, Client: b, Role: proto.RoleModerator}), ""},
		{moderated, op(bus.OpRole, bus.Request{Peer: a, Client: b, Role: proto.RoleCreator}), ""},
		{before, op(bus.OpLeave, bus.Request{Peer: a}), ""},
		{before, op(bus.OpRemove, bus.Request{Peer: a, Client: b}), ""},
		{before, op(bus.OpEnd, bus.Request{Peer: a}), ""},
		{before, op(bus.OpResume, bus.Request{Peer: a, Gateway: "bbbbbbbb", Epoch: 1}), ""},
	} {
		com := Apply(x.before, []*Operation{x.op}, testTime, lim)
		var got proto.ErrorCode
		if e := com.Outcomes[0].Err; e != nil {
			got = e.Code
		}
		if got != x.want {
			t.Errorf("%s: got %q, want %q", x.op.Kind, got, x.want)
		}
		if want := x.want == proto.LimitExceeded; com.Full > 0 != want || com.Dirty == (x.want != "") {
			t.Errorf("%s: got %d refused for want of space, dirty %v; want %v and %v", x.op.Kind, com.Full, com.Dirty, want, x.want == "")
		}
	}
}

// TestApply_RoomAtItsMostBytes_RefusesOneByteMore: a room's value, with all members, holds 4 MiB.
func TestApply_RoomAtItsMostBytes_RefusesOneByteMore(t *testing.T) {
	if bus.MaxRoomStateBytes != 4<<20 {
		t.Errorf("got %d bytes, want 4 MiB", bus.MaxRoomStateBytes)
	}
	a, b := proto.NewPeerID("aaaaaaaa"), proto.NewPeerID("aaaaaaaa")
	create := &Operation{Kind: bus.OpCreate, Request: &bus.Request{Room: "r", Peer: a, Gateway: "aaaaaaaa"}}
	join := &Operation{Kind: bus.OpJoin, Request: &bus.Request{Room: "r", Peer: b, Gateway: "aaaaaaaa"}}
	apply := func(bytes int) (refused int) {
		for _, o := range Apply(&State{}, []*Operation{create, join}, testTime, Limits{Members: 10, Bytes: bytes}).Outcomes {
			if o.Err != nil {
				refused++
			}
		}
		return refused
	}
	most := 0
	for apply(most) == 2 { // the least that holds the room with its creator
		most++
	}
	member := sizeOf(&bus.Member{ID: b, Gateway: "aaaaaaaa"})
	for apply(most) > 0 {
		most++
	}
	if got := apply(most - 1); got != 1 {
		t.Errorf("one byte less than both need: got %d refused, want the second", got)
	}
	if most < 2*member {
		t.Errorf("both members fit into %d bytes, want at least %d", most, 2*member)
	}
}
