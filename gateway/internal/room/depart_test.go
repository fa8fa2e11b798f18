package room

import (
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/gateway/internal/fairqueue"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// TestDepart_SessionMovedWhileItJoined_NotifiesTheOwner: the owner has the grace time to make
// the room name it; only then does the peer leave the room.
func TestDepart_SessionMovedWhileItJoined_NotifiesTheOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newTestGateway()
		m := g.member()
		r := g.rooms.pin("tea")
		r.adopt(&bus.Snapshot{Revision: 7, Room: &bus.Room{ID: "tea", Members: []bus.Member{{ID: m.id}}}})
		g.rooms.unpin(r)
		m.move("0a1b2c3d")
		g.rooms.Depart("tea", m.id, fairqueue.Key{}, 0, 0)
		time.Sleep(9 * time.Second) // of the bubble's clock
		synctest.Wait()
		if notified, left := len(g.notified), g.service.count(bus.OpLeave); notified < 2 || left != 0 {
			t.Errorf("within the grace: got %d messages to the owner and %d departures, want several and none", notified, left)
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if left := g.service.count(bus.OpLeave); left == 0 {
			t.Error("after the grace: got no departure, want one")
		}
		g.rooms.Stop()
	})
}

// TestReceive_MemberHasMoved_GivesTheMoveBack: a message for a revision of the room at which
// a member was here goes back for that member, and is delivered to the local members.
func TestReceive_MemberHasMoved_GivesTheMoveBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newTestGateway()
		stays, moves, from := g.member(), g.member(), proto.NewPeerID("0a1b2c3d")
		r := g.rooms.pin("tea")
		r.adopt(&bus.Snapshot{Revision: 7, Room: &bus.Room{ID: "tea", Members: []bus.Member{{ID: stays.id}, {ID: moves.id}, {ID: from}}}})
		r.apply(&bus.Change{Room: "tea", Before: 7, After: 8, Moved: []bus.Member{{ID: moves.id, Gateway: "0a1b2c3d", Epoch: 1}}})
		stays.sent()
		x, here, known := g.rooms.Receive(bus.RoomToken("tea"), &Message{From: from, View: 7, Frame: []byte("hello")})
		want := bus.Move{Peer: moves.id, Owner: "0a1b2c3d", Epoch: 1}
		if !here || !known || x.Code != "" || len(x.Moved) != 1 || x.Moved[0] != want {
			t.Errorf("got %+v, here %v, known %v; want the move %+v alone", x, here, known, want)
		}
		if got := stays.sent(); len(got) != 1 || string(got[0]) != "hello" {
			t.Errorf("at the member that stays: got %q, want the message", got)
		}
		if _, _, known := g.rooms.Receive(bus.RoomToken("tea"), &Message{From: from, View: 9}); known {
			t.Error("by a newer state: got known, want not")
		}
		g.rooms.Stop()
	})
}
