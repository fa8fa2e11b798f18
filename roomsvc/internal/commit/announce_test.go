package commit

import (
	"slices"
	"testing"
	"testing/synctest"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/kv/kvtest"
)

// When an instance dies between its commit and the announcement, another
// instance announces the change as it answers the retry.
func TestCommitter_Retry_AnnouncesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := kvtest.NewFake()
		dead, alive := newInstance(t, b), newInstance(t, b)
		dead.ask(bus.OpCreate, bus.Request{Op: "c", Peer: ann})
		dead.ask(bus.OpJoin, bus.Request{Op: "j", Peer: ben})

		if r := alive.ask(bus.OpJoin, bus.Request{Op: "j", Peer: ben, Retry: true}); code(r) != "" || r.Revision != 2 || !r.Retry {
			t.Fatalf("retry: got %+v, want success at revision 2", r)
		}
		c, to := alive.changes[0], alive.notified[0]
		if c.Before != 2 || c.After != 2 || c.Room != "r" || !slices.Equal(to, []proto.GatewayID{gwA, gwB}) {
			t.Errorf("join: got %+v to %v, want revision 2 announced again to both gateways", c, to)
		}

		dead.ask(bus.OpRemove, bus.Request{Op: "r", Peer: ann, Client: ben})
		alive.ask(bus.OpRemove, bus.Request{Op: "r", Peer: ann, Client: ben, Retry: true})
		if to := alive.notified[1]; !slices.Contains(to, gwB) {
			t.Errorf("remove: got an announcement to %v, want the removed peer's gateway in it", to)
		}

		dead.ask(bus.OpEnd, bus.Request{Op: "e", Peer: ann})
		alive.ask(bus.OpEnd, bus.Request{Op: "e", Peer: ann, Retry: true})
		if c, to := alive.changes[2], alive.notified[2]; !c.Ended || c.By != ann || c.Before != 3 || c.After != 4 || c.Room != "r" || !slices.Equal(to, []proto.GatewayID{gwA}) {
			t.Errorf("end: got %+v to %v, want the end by ann to her gateway", c, to)
		}
	})
}

// Replies carry a small room to requesters that have no replica. Of the
// idempotency records they carry only who left and why.
func TestReplies_SmallRoom_CarryItsState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newInstance(t, kvtest.NewFake())
		r := i.ask(bus.OpCreate, bus.Request{Op: "c", Peer: ann})
		if r.State == nil || r.State.Revision != r.Revision || r.State.Room.Creator != ann {
			t.Fatalf("create: got %+v, want the room with ann as creator", r)
		}
		i.ask(bus.OpUpdate, bus.Request{Op: "u", Peer: ann, Name: ptr("x")})
		if r := i.ask(bus.OpJoin, bus.Request{Op: "j", Peer: ben, Have: 1}); r.State != nil || r.Revision != 3 {
			t.Errorf("join with a replica: got %+v, want revision 3 without a state", r)
		}
		if r := i.ask(bus.OpGet, bus.Request{Peer: ann, Have: 3}); r.State != nil || r.Revision != 3 {
			t.Errorf("get with the present revision: got %+v, want revision 3 without a state", r)
		}
		b := i.cfg.Bucket.(*kvtest.Fake)
		reads, confirms := b.Reads, b.Confirms
		if r := i.ask(bus.OpGet, bus.Request{Peer: ann, Have: 3}); r.State != nil || r.Revision != 3 || b.Reads != reads || b.Confirms != confirms+1 {
			t.Errorf("the same again: got %+v, %d reads and %d confirms, want revision 3, none and 1", r, b.Reads-reads, b.Confirms-confirms)
		}
		r = i.ask(bus.OpGet, bus.Request{Peer: ann, Have: 2})
		if r.State == nil || len(r.State.Room.Members) != 2 || r.State.Room.Recent != nil {
			t.Errorf("get: got %+v, want two members and no records", r.State)
		}
		for n := range bus.SmallRoom {
			i.ask(bus.OpJoin, bus.Request{Op: bus.NewOpID(gwA, uint64(n)), Peer: peer(gwA, 100+n)})
		}
		if r := i.ask(bus.OpJoin, bus.Request{Op: "k", Peer: cas}); r.State != nil {
			t.Error("join of a large room: got a state, want none")
		}
		if r := i.ask(bus.OpGet, bus.Request{Peer: ann}); r.State == nil || len(r.State.Room.Members) != bus.SmallRoom+3 {
			t.Error("get of a large room: got another state, want all members")
		}
		if r := i.ask(bus.OpEnd, bus.Request{Op: "e", Peer: ann}); r.State == nil || r.State.Room != nil || r.State.Revision != r.Revision {
			t.Errorf("end: got %+v, want a state without a room", r)
		}
	})
}
