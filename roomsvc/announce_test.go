package roomsvc

import (
	"slices"
	"testing"
	"testing/synctest"

	"p2pconnector/proto"
)

// An instance that dies between its commit and the announcement is made good by
// the retry that another one answers.
func TestRetryAnnouncesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFakeBucket()
		dead, alive := newInstance(t, b), newInstance(t, b)
		dead.ask(proto.OpCreate, proto.Request{Op: "c", Peer: ann})
		dead.ask(proto.OpJoin, proto.Request{Op: "j", Peer: ben})

		if r := alive.ask(proto.OpJoin, proto.Request{Op: "j", Peer: ben, Retry: true}); code(r) != "" || r.Revision != 2 || !r.Retry {
			t.Fatalf("%+v", r)
		}
		c, to := alive.changes[0], alive.told[0]
		if c.Before != 2 || c.After != 2 || c.Room != "r" || !slices.Equal(to, []proto.GatewayID{gwA, gwB}) {
			t.Errorf("join: %+v to %v", c, to)
		}

		dead.ask(proto.OpRemove, proto.Request{Op: "r", Peer: ann, Client: ben})
		alive.ask(proto.OpRemove, proto.Request{Op: "r", Peer: ann, Client: ben, Retry: true})
		if to := alive.told[1]; !slices.Contains(to, gwB) {
			t.Errorf("the gateway of the removed peer is not told: %v", to)
		}

		dead.ask(proto.OpEnd, proto.Request{Op: "e", Peer: ann})
		alive.ask(proto.OpEnd, proto.Request{Op: "e", Peer: ann, Retry: true})
		if c, to := alive.changes[2], alive.told[2]; !c.Ended || c.By != ann || c.Before != 3 || c.After != 4 || c.Room != "r" || !slices.Equal(to, []proto.GatewayID{gwA}) {
			t.Errorf("end: %+v to %v", c, to)
		}
	})
}

// Replies carry a small room to those who have none, and of what a room remembers
// only who left and why.
func TestStateInReplies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newInstance(t, newFakeBucket())
		r := i.ask(proto.OpCreate, proto.Request{Op: "c", Peer: ann})
		if r.State == nil || r.State.Revision != r.Revision || r.State.Room.Creator != ann {
			t.Fatalf("create: %+v", r)
		}
		i.ask(proto.OpUpdate, proto.Request{Op: "u", Peer: ann, Name: ptr("x")})
		if r := i.ask(proto.OpJoin, proto.Request{Op: "j", Peer: ben, Have: 1}); r.State != nil || r.Revision != 3 {
			t.Errorf("join with a replica: %+v", r)
		}
		r = i.ask(proto.OpGet, proto.Request{Peer: ann, Have: 3})
		if r.State == nil || len(r.State.Room.Members) != 2 || r.State.Room.Recent != nil {
			t.Errorf("get: %+v", r.State)
		}
		for n := range proto.SmallRoom {
			i.ask(proto.OpJoin, proto.Request{Op: proto.NewOpID(gwA, uint64(n)), Peer: peer(gwA, 100+n)})
		}
		if r := i.ask(proto.OpJoin, proto.Request{Op: "k", Peer: cas}); r.State != nil {
			t.Error("a large room came with a reply to a join")
		}
		if r := i.ask(proto.OpGet, proto.Request{Peer: ann}); r.State == nil || len(r.State.Room.Members) != proto.SmallRoom+3 {
			t.Error("get of a large room")
		}
		if r := i.ask(proto.OpEnd, proto.Request{Op: "e", Peer: ann}); r.State == nil || r.State.Room != nil || r.State.Revision != r.Revision {
			t.Errorf("end: %+v", r)
		}
	})
}
