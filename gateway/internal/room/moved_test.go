package room

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// TestReceive_EveryShortHistoryOfMoves_ReachesTheMemberOnce: a member moves up to five times
// between this gateway and another. In each state of this gateway, a message by each earlier
// revision reaches the member here, or goes back for it, exactly once if the member was here
// at that revision, and not at all otherwise.
func TestReceive_EveryShortHistoryOfMoves_ReachesTheMemberOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const moves, first, other = 5, uint64(7), proto.GatewayID("0a1b2c3d")
		for history := range 1 << (moves + 1) { // bit i: the member is here after i moves
			here := func(i uint64) bool { return history>>i&1 == 1 }
			g := newTestGateway()
			stays, m, from := g.member(), g.member(), proto.NewPeerID(other)
			at := func(i uint64) bus.Member {
				if here(i) {
					return bus.Member{ID: m.id, Gateway: ownGateway, Epoch: i}
				}
				return bus.Member{ID: m.id, Gateway: other, Epoch: i}
			}
			r := g.rooms.pin("tea")
			r.adopt(&bus.Snapshot{Revision: first, Room: &bus.Room{ID: "tea", Members: []bus.Member{{ID: stays.id}, at(0), {ID: from}}}})
			for known := range uint64(moves + 1) {
				if known > 0 {
					r.apply(&bus.Change{Room: "tea", Before: first + known - 1, After: first + known, Moved: []bus.Member{at(known)}})
				}
				for view := range known + 1 {
					m.sent()
					x, _ := r.receive(&Message{From: from, View: first + view, Frame: []byte("hello")})
					want := 0
					if here(view) {
						want = 1
					}
					if got := countHello(m.sent()) + len(x.Moved); got != want || x.Code != "" {
						t.Fatalf("history %06b, view %d, known %d: got %d copies and code %q, want %d and none", history, view, known, got, x.Code, want)
					}
				}
			}
			g.rooms.Stop()
		}
	})
}

func countHello(frames [][]byte) int {
	return len(slices.DeleteFunc(frames, func(f []byte) bool { return string(f) != "hello" }))
}

// TestMoved_OneMoreThanARoomRemembers_ForgetsTheFirst: 256 members are remembered. A message
// that may have been for a forgotten one is refused.
func TestMoved_OneMoreThanARoomRemembers_ForgetsTheFirst(t *testing.T) {
	var d Moved
	for n := range uint64(257) {
		d.Add(&bus.Member{ID: proto.NewPeerID("0a1b2c3d"), Epoch: 1}, 0, n+2)
		var x bus.Refusal
		d.Redirect(&Message{View: 1}, &x)
		want, code := int(n)+1, proto.ErrorCode("")
		if n == 256 {
			want, code = 256, proto.NotDelivered
		}
		if len(x.Moved) != want || x.Code != code {
			t.Fatalf("%d have moved: got %d redirected, code %q, want %d, %q", n+1, len(x.Moved), x.Code, want, code)
		}
	}
}

// TestKeepMoved_AsManyAsAllRoomsRemember_ForgetsTheNext: rooms without a local member remember
// 16,384 together.
func TestKeepMoved_AsManyAsAllRoomsRemember_ForgetsTheNext(t *testing.T) {
	g := newTestGateway()
	keep := func(token string, members int) {
		r := &replica{rooms: g.rooms, token: token}
		for range members {
			r.moved.Add(&bus.Member{ID: proto.NewPeerID("0a1b2c3d")}, 0, 1)
		}
		g.rooms.keepMovedLocked(r)
	}
	for n := range 63 {
		keep(fmt.Sprint(n), 256)
	}
	keep("the last", 256)
	keep("one more", 1)
	if got := g.rooms.movedCount; got != 16_384 || len(g.rooms.moved) != 64 {
		t.Errorf("got %d remembered, of %d rooms, want 16,384 of 64", got, len(g.rooms.moved))
	}
	g.rooms.takeMovedLocked("0")
	keep("after one is taken", 256)
	if got := g.rooms.movedCount; got != 16_384 {
		t.Errorf("after one is taken: got %d remembered, want 16,384 again", got)
	}
}

// TestAt_MoreMembersThanAnErrorLists_ListsAHundred: one Not_Delivered names at most 100.
func TestAt_MoreMembersThanAnErrorLists_ListsAHundred(t *testing.T) {
	for members, want := range map[int]int{99: 99, 100: 100, 101: 100} {
		room := &bus.Room{ID: "tea"}
		for range members {
			room.Members = append(room.Members, bus.Member{ID: proto.NewPeerID("0a1b2c3d")})
		}
		var s State
		s.Replace(room, 1)
		if got := len(s.At([]proto.GatewayID{"0a1b2c3d"})); got != want {
			t.Errorf("%d members: got %d listed, want %d", members, got, want)
		}
	}
}

// TestCompare_SameOwnerLaterEpoch_IsAMove: the member moved away and back between two states,
// so frames for it wait for what may come back from its gateway.
func TestCompare_SameOwnerLaterEpoch_IsAMove(t *testing.T) {
	m := bus.Member{ID: proto.NewPeerID(ownGateway), Gateway: ownGateway}
	var s State
	s.Replace(&bus.Room{ID: "tea", Members: []bus.Member{m}}, 1)
	m.Epoch = 2
	d := s.Replace(&bus.Room{ID: "tea", Members: []bus.Member{m}}, 4)
	from, _ := d.Routes("0a1b2c3d")
	if len(d.Moved) != 1 || from[m.ID] != ownGateway {
		t.Errorf("got moves %+v from %v, want one from %s", d.Moved, from, ownGateway)
	}
}
