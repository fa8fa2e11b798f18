package room

import (
	"testing"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// TestReplica_ChangeOfALostBucket_IsNotTaken: a late change from a bucket that was lost
// neither brings its room back nor answers a client with success.
func TestReplica_ChangeOfALostBucket_IsNotTaken(t *testing.T) {
	rooms := newTestGateway().rooms
	r := rooms.pin("tea")
	made := func(after uint64) *bus.Change {
		return &bus.Change{Room: "tea", After: after, Set: &bus.Settings{Name: "tea"}, Added: []bus.Member{{ID: proto.NewPeerID("0123abcd")}}}
	}
	rooms.Saw(1)
	r.apply(made(5))
	if !rooms.Saw(100) {
		t.Error("got no loss from a bucket that begins later, want one")
	}
	r.endLost()
	if r.state.Room != nil {
		t.Errorf("got %+v after the loss, want no room", r.state.Room)
	}
	r.apply(&bus.Change{Room: "tea", Before: 5, After: 6, Set: &bus.Settings{Name: "late"}})
	if r.state.Room != nil || r.state.Revision != 5 {
		t.Errorf("got %+v at %d after a late change, want no room at 5", r.state.Room, r.state.Revision)
	}
	rr := &Call{Request: Request{Event: proto.JoinRoom}, Answered: make(chan struct{})}
	if err := r.answerLate(rr, 6); err == nil || rr.answered {
		t.Error("got success for a change that was lost, want none")
	}
	r.apply(made(101))
	if r.state.Room == nil || r.state.Revision != 101 {
		t.Errorf("got %+v at %d, want the room of the new bucket at 101", r.state.Room, r.state.Revision)
	}
	rooms.Saw(50) // of an instance that has not looked yet
	r.endLost()
	if r.state.Room == nil {
		t.Error("got no room after an old reply, want the new one")
	}
}
