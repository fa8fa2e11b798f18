package room

import (
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// TestChange_AsManyAheadAsMayWait_FetchesAtOnce: 63 changes wait for a missing one. With one
// more the room is fetched at once, and further changes are in what is fetched.
func TestChange_AsManyAheadAsMayWait_FetchesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newTestGateway()
		r := g.rooms.pin("tea")
		r.adopt(&bus.Snapshot{Revision: 1, Room: &bus.Room{ID: "tea", Members: []bus.Member{{ID: proto.NewPeerID("0a1b2c3d")}}}})
		for n := range uint64(65) {
			r.apply(&bus.Change{Room: "tea", Before: n + 2, After: n + 3})
			synctest.Wait()
			fetches, fetch := g.service.count(bus.OpGet), n+1 >= 64
			if waiting := min(int(n)+1, 64); (fetches > 0) != fetch || len(r.ahead) != waiting {
				t.Fatalf("%d changes ahead: got %d fetches, %d changes that wait, want a fetch: %v, and %d", n+1, fetches, len(r.ahead), fetch, waiting)
			}
		}
		r.stop()
	})
}

// TestWhileServed_RoomIsLostMeanwhile_CallsFirst: what a member does about its room comes before
// the loss of the room, or not at all.
func TestWhileServed_RoomIsLostMeanwhile_CallsFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newTestGateway()
		m, other := g.member(), proto.NewPeerID("0a1b2c3d")
		r := g.rooms.pin("tea")
		defer r.stop()
		served := func(id proto.PeerID, f func()) (called bool) {
			g.rooms.WhileServed(id, "tea", func() { called = true; f() })
			return called
		}
		if served(m.id, func() {}) {
			t.Error("unknown room: got a call, want none")
		}
		r.adopt(&bus.Snapshot{Revision: 1, Room: &bus.Room{ID: "tea", Members: []bus.Member{{ID: m.id}, {ID: other}}}})
		if !served(m.id, func() {
			if r.mu.TryLock() {
				r.mu.Unlock()
				t.Error("during the call: got the room's lock, want it held")
			}
		}) {
			t.Error("member: got no call, want one")
		}
		r.adopt(&bus.Snapshot{Revision: 2, Room: &bus.Room{ID: "tea", Members: []bus.Member{{ID: other}}}})
		if served(m.id, func() {}) || served(other, func() {}) {
			t.Error("no member, or one of another gateway: got a call, want none")
		}
	})
}

// TestChange_UnknownRoom_WaitsForTheFetch: a change of an unknown room waits until the room has been
// fetched, although its revision is the next. A replica that retried it in a loop held its
// lock and the inbox until the gateway was killed.
func TestChange_UnknownRoom_WaitsForTheFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTestGateway().rooms.pin("tea")
		r.state.Revision = 7 // it had ended with that
		r.apply(&bus.Change{Room: "tea", Before: 7, After: 8, Added: []bus.Member{{ID: proto.NewPeerID("0a1b2c3d")}}})
		if r.state.Revision != 7 || r.state.Room != nil || len(r.ahead) != 1 || r.holeTimer == nil {
			t.Fatalf("got revision %d, %d changes that wait; want the change to wait", r.state.Revision, len(r.ahead))
		}
		made := &bus.Change{Room: "tea", Before: 7, After: 8, Set: &bus.Settings{Name: "Tea"}, Added: []bus.Member{{ID: proto.NewPeerID("0a1b2c3d")}}}
		r.apply(made)
		if r.state.Revision != 8 || r.state.Room == nil || len(r.ahead) != 0 {
			t.Errorf("got revision %d, %d changes that wait; want 8 with the room, and none", r.state.Revision, len(r.ahead))
		}
		r.stop()
		time.Sleep(time.Second) // of the bubble's clock: no timer is left
	})
}
