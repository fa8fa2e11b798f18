package room

import (
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

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
