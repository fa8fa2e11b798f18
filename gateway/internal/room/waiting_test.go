package room

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/gateway/internal/fairqueue"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// waitingRoom returns a room at revision 7 with a member of another gateway, and in which a
// peer of this gateway waits, which has its answer.
func waitingRoom(t *testing.T, g *testGateway) (*replica, *testMember) {
	t.Helper()
	r, m := g.rooms.pin("tea"), g.member()
	r.adopt(&bus.Snapshot{Revision: 6, Room: &bus.Room{ID: "tea", Locked: true, Members: []bus.Member{{ID: proto.NewPeerID("0a1b2c3d")}}}})
	r.apply(&bus.Change{Room: "tea", Before: 6, After: 7, Waiting: []bus.Member{{ID: m.id, Op: "ask"}}})
	if got := events(m); got != "Join_Waiting" {
		t.Fatalf("a peer that begins to wait: got %q, want Join_Waiting", got)
	}
	return r, m
}

// events returns the events of the frames that a peer was sent since the last call.
func events(m *testMember) string {
	var list []string
	for _, f := range m.sent() {
		_, rest, _ := strings.Cut(string(f), `"event":"`)
		event, _, _ := strings.Cut(rest, `"`)
		list = append(list, event)
	}
	return strings.Join(list, " ")
}

// Nobody may keep a place of the 64 for ever: the gateway withdraws the peer, and tries until
// the room service has done it.
func TestWaiting_NobodyAdmits_IsRefusedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newTestGateway()
		r, m := waitingRoom(t, g)
		if got := g.rooms.Waiting(); got != 1 {
			t.Errorf("got %d peers waiting, want 1", got)
		}
		time.Sleep(proto.MaxWait - time.Second) // of the bubble's clock
		synctest.Wait()
		if got := g.service.count(bus.OpLeave); got != 0 {
			t.Errorf("before the time is over: got %d departures, want none", got)
		}
		time.Sleep(2 * leaveRetry)
		synctest.Wait()
		if got := g.service.count(bus.OpLeave); got < 2 {
			t.Errorf("without a reply: got %d departures, want more tries", got)
		}
		if got := g.service.sent; got.Peer != m.id || !got.Ask {
			t.Errorf("got %+v, want a departure of the peer if it still waits", got)
		}
		tries := g.service.count(bus.OpLeave)
		g.service.answer(&bus.Reply{Error: proto.Errorf(proto.Unavailable, "Try again.")})
		time.Sleep(3 * leaveRetry)
		synctest.Wait()
		if got := g.service.count(bus.OpLeave); got < tries+2 {
			t.Errorf("refused: got %d departures after %d, want more tries", got, tries)
		}
		r.apply(&bus.Change{Room: "tea", Before: 7, After: 8, Withdrawn: []bus.Removal{{ID: m.id, Reason: proto.ReasonLeft}}})
		if got := events(m); got != string(proto.Refused) || m.joined["tea"] {
			t.Errorf("withdrawn: got %q, in the room %t; want %s, and the session without the room", got, m.joined["tea"], proto.Refused)
		}
		g.rooms.unpin(r)
		if got := g.rooms.Len(); got != 0 {
			t.Errorf("got %d replicas afterwards, want none", got)
		}
	})
}

// The replica stays while a peer waits, so that its gateway learns of the answer.
func TestWaiting_Admitted_IsWelcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newTestGateway()
		r, m := waitingRoom(t, g)
		g.rooms.unpin(r)
		g.rooms.Changed(bus.RoomToken("tea"), &bus.Change{Room: "tea", Before: 7, After: 8, Added: []bus.Member{{ID: m.id, Op: "ask"}}})
		if got := events(m); got != "Client_Added" || len(r.waiters) != 0 || r.local[m.id] == nil {
			t.Errorf("got %q, %d that wait; want Client_Added, and a member", got, len(r.waiters))
		}
		g.rooms.Stop()
	})
}

func TestWaiting_FetchedRoom_ComparesWhoWaits(t *testing.T) {
	other := bus.Member{ID: proto.NewPeerID("0a1b2c3d")}
	for name, tc := range map[string]struct {
		room func(m bus.Member) *bus.Room
		want string
	}{
		"refused": {func(m bus.Member) *bus.Room {
			return &bus.Room{Recent: []bus.Done{{Peer: m.ID, Reason: proto.ReasonRemoved}}}
		}, "Refused"},
		"banned": {func(m bus.Member) *bus.Room {
			return &bus.Room{Recent: []bus.Done{{Peer: m.ID, Reason: proto.ReasonBanned}}}
		}, "Banned"},
		"admitted": {func(m bus.Member) *bus.Room { return &bus.Room{Members: []bus.Member{m}} }, "Client_Added"},
		"waits":    {func(m bus.Member) *bus.Room { return &bus.Room{Waiting: []bus.Member{m}} }, ""},
		"ended":    {func(bus.Member) *bus.Room { return nil }, "Not_Found"},
		"moved": {func(m bus.Member) *bus.Room {
			m.Gateway, m.Epoch = "0a1b2c3d", 1
			return &bus.Room{Waiting: []bus.Member{m}}
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newTestGateway()
				r, m := waitingRoom(t, g)
				room := tc.room(bus.Member{ID: m.id, Op: "ask"})
				if room != nil {
					room.ID, room.Members = "tea", append([]bus.Member{other}, room.Members...)
				}
				r.adopt(&bus.Snapshot{Revision: 9, Room: room})
				if got := events(m); got != tc.want {
					t.Errorf("got %q, want %q", got, tc.want)
				}
				if waits := r.waiters[m.id] != nil; waits != (name == "waits") {
					t.Errorf("got waits here: %t", waits)
				}
				g.rooms.Stop()
			})
		})
	}
}

// A Join_Room whose change is part of a fetched room is answered by what became of it. It
// never shows the room to a peer that was refused.
func TestAnswerLate_PeerAsked_GetsWhatBecameOfIt(t *testing.T) {
	for name, tc := range map[string]struct {
		room func(bus.Member) *bus.Room
		want string
		code proto.ErrorCode
	}{
		"waits":    {func(m bus.Member) *bus.Room { return &bus.Room{ID: "tea", Waiting: []bus.Member{m}} }, "Join_Waiting", ""},
		"admitted": {func(m bus.Member) *bus.Room { return &bus.Room{ID: "tea", Members: []bus.Member{m}} }, "Client_Added", ""},
		"refused":  {func(bus.Member) *bus.Room { return &bus.Room{ID: "tea"} }, "", proto.Refused},
		"banned": {func(m bus.Member) *bus.Room {
			return &bus.Room{ID: "tea", Recent: []bus.Done{{Peer: m.ID, Reason: proto.ReasonBanned}}}
		}, "", proto.Banned},
		"ended": {func(bus.Member) *bus.Room { return nil }, "", proto.NotFound},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := newTestGateway()
			r, m := g.rooms.pin("tea"), g.member()
			call := &Call{Request: Request{Event: proto.JoinRoom, By: m.id, Ask: true}, Member: m, Answered: make(chan struct{})}
			r.state.Replace(tc.room(bus.Member{ID: m.id}), 9)
			err := r.answerLate(call, 8)
			var code proto.ErrorCode
			if e, _ := proto.ErrorFrom(err); err != nil {
				code = e.Code
			}
			if got := events(m); got != tc.want || code != tc.code {
				t.Errorf("%s: got %q and error %v, want %q and %q", name, got, err, tc.want, tc.code)
			}
			g.rooms.Stop()
		})
	}
}

// A peer that withdraws gets Room_Left without the room, also when nobody has admitted it in
// time, and when the room was fetched in between.
func TestLeave_PeerWaits_NeverSeesTheRoom(t *testing.T) {
	for name, fetched := range map[string]bool{"a change": false, "a fetched room": true} {
		synctest.Test(t, func(t *testing.T) {
			g := newTestGateway()
			r, m := waitingRoom(t, g)
			r.waiters[m.id].expired = true
			call := &Call{Request: Request{Event: proto.LeaveRoom, By: m.id, ID: []byte("6")}, Member: m, Answered: make(chan struct{})}
			r.begin("leave", call)
			if fetched {
				delete(r.waiters, m.id)
				r.adopt(&bus.Snapshot{Revision: 8, Room: r.state.Room})
			} else {
				r.apply(&bus.Change{Room: "tea", Before: 7, After: 8, Withdrawn: []bus.Removal{{ID: m.id, Reason: proto.ReasonLeft, Op: "leave"}}})
			}
			if err := r.answerLate(call, 8); err != nil {
				t.Errorf("%s: got error %v, want none", name, err)
			}
			frames := m.sent()
			if len(frames) != 1 || !strings.Contains(string(frames[0]), `"Room_Left"`) || !strings.Contains(string(frames[0]), `"clients":[]`) || strings.Contains(string(frames[0]), `"locked"`) {
				t.Errorf("%s: got %s, want Room_Left without the room", name, frames)
			}
			g.rooms.Stop()
		})
	}
}

// The session of a peer that is admitted may be on its way to another gateway, which does not
// know that the peer waited: this gateway sends it the news.
func TestWaiting_AdmittedWhileItsSessionMoves_IsWelcome(t *testing.T) {
	for name, dropped := range map[string]bool{"lent": false, "taken over": true} {
		synctest.Test(t, func(t *testing.T) {
			g := newTestGateway()
			r, m := waitingRoom(t, g)
			m.move("0a1b2c3d")
			if dropped {
				g.rooms.Depart("tea", m.id, fairqueue.Key{}, 0, g.rooms.cfg.Grace())
			}
			r.apply(&bus.Change{Room: "tea", Before: 7, After: 8, Added: []bus.Member{{ID: m.id, Op: "ask"}}})
			if got := events(m); got != "Client_Added" || len(r.waiters) != 0 {
				t.Errorf("%s: got %q, %d that wait; want Client_Added and none", name, got, len(r.waiters))
			}
			g.rooms.Stop()
			synctest.Wait()
		})
	}
}

// A session may come back after the room has named this gateway for a peer that waits.
func TestWaiting_SessionComesBack_GoesOnWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newTestGateway()
		r, m := g.rooms.pin("tea"), g.member()
		r.adopt(&bus.Snapshot{Revision: 6, Room: &bus.Room{ID: "tea", Locked: true, Members: []bus.Member{{ID: proto.NewPeerID("0a1b2c3d")}}}})
		m.move("0a1b2c3d")
		r.apply(&bus.Change{Room: "tea", Before: 6, After: 7, Waiting: []bus.Member{{ID: m.id, Op: "ask"}}})
		synctest.Wait()
		if got := events(m); got != "" {
			t.Errorf("while another gateway has the session: got %q, want nothing", got)
		}
		m.move("")
		time.Sleep(notifyJoinedPause + time.Second) // of the bubble's clock
		synctest.Wait()
		if got := events(m); got != "Join_Waiting" || g.rooms.Waiting() != 1 {
			t.Errorf("it came back: got %q and %d that wait, want Join_Waiting and 1", got, g.rooms.Waiting())
		}
		g.rooms.Stop()
	})
}

// TestApply_RoomMadeWithAWaiter_HasTheWaiter: one commit may make a locked room and take the
// request of a peer that asks.
func TestApply_RoomMadeWithAWaiter_HasTheWaiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newTestGateway()
		r, m := g.rooms.pin("tea"), g.member()
		maker := proto.NewPeerID("0a1b2c3d")
		r.apply(&bus.Change{
			Room: "tea", After: 7, Creator: maker, By: maker, Set: &bus.Settings{Locked: true},
			Added: []bus.Member{{ID: maker}}, Waiting: []bus.Member{{ID: m.id, Op: "ask"}},
		})
		if got := events(m); got != "Join_Waiting" || r.waiters[m.id] == nil {
			t.Errorf("got %q, want Join_Waiting", got)
		}
		g.rooms.Stop()
	})
}
