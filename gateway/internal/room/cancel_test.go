package room

import (
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// TestUpdates_ChangesThatCancelOut_SendNothing: a member that joins and leaves, and
// settings that change and change back, are no news to members that saw neither.
func TestUpdates_ChangesThatCancelOut_SendNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPacedRoom(t, 1, 2, proto.FullListMembers+2)
		defer p.r.stop()
		watcher, toggler := p.peers[0], p.peers[1]
		join := func(x *pacedPeer) {
			p.commit(bus.Change{Added: []bus.Member{{ID: x.id, Gateway: ownGateway, Op: p.request(x, proto.JoinRoom, "")}}})
		}
		leave := func(x *pacedPeer) {
			p.commit(bus.Change{Removed: []bus.Removal{{ID: x.id, Reason: proto.ReasonLeft, Op: p.request(x, proto.LeaveRoom, "")}}})
		}
		lock := func(on bool) {
			p.commit(bus.Change{Set: &bus.Settings{Name: "Tea", Locked: on}})
		}
		next := func() {
			time.Sleep(bigUpdatePause)
			synctest.Wait()
			p.read()
		}
		join(watcher)
		next()
		lock(true) // an update, so that what follows has to wait
		before := watcher.updates
		for range 50 {
			join(toggler)
			leave(toggler)
			lock(false)
			lock(true)
		}
		next()
		if got := watcher.updates - before; got != 0 {
			t.Errorf("50 joins and leaves that cancel out: got %d updates, want none", got)
		}
		join(toggler)
		if got := watcher.updates - before; got != 1 {
			t.Errorf("a join 200 ms after the last update: got %d updates at once, want 1", got)
		}
		leave(toggler)
		next()
		if got := watcher.updates - before; got != 2 {
			t.Errorf("a leave just after that: got %d updates in all 200 ms later, want 2", got)
		}
		p.check()
	})
}
