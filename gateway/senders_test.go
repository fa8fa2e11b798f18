package gateway

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/session"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// direct returns a message of a peer to s.
func direct(s *session.Session, from proto.PeerID, n int) *link.Frame {
	return &link.Frame{From: from, To: s.ID(), Data: fmt.Appendf(nil, `{"event":"Message","from":%q,"data":%d}`, from, n)}
}

// TestTake_NotAccepted_IsRefusedOnEveryPath: a frame that the peer does not accept is
// refused whichever way it comes, leaves nothing behind, and is counted.
func TestTake_NotAccepted_IsRefusedOnEveryPath(t *testing.T) {
	g := testGateway(t, Config{AcceptFrom: proto.AcceptNobody})
	s := awaySession(g)
	f := direct(s, proto.NewPeerID("0a1b2c3d"), 1)
	f.Epoch = 3
	if v, ok := s.TakeDirect(f); v != session.NotAccepted || !ok {
		t.Errorf("in process: got result %d, %v, want %d, true", v, ok, session.NotAccepted)
	}
	if code, move := s.Take(*f); code != proto.Unauthorised || move != nil {
		t.Errorf("from another gateway: got %q, %v, want %s", code, move, proto.Unauthorised)
	}
	if code := g.links.Send(*f); code != proto.Unauthorised {
		t.Errorf("through the router: got %q, want %s", code, proto.Unauthorised)
	}
	if n := len(s.Waiting()); n != 0 {
		t.Errorf("got %d frames kept, want none", n)
	}
	if n := g.metrics.Relays.NotAccepted.Load(); n != 2 {
		t.Errorf("frames not accepted: got %d counted, want 2", n)
	}
	if v := s.Deliver([]byte("a frame of the server")); v != session.Delivered {
		t.Errorf("a frame of the server: got result %d, want %d", v, session.Delivered)
	}
}

// TestLink_NotAccepted_IsRefusedOnce: another gateway learns by its ack that a frame was
// not accepted. A frame that waits behind a message to a room is checked when its turn
// comes: by then the receiver's gateway knows of the join.
func TestLink_NotAccepted_IsRefusedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := testGateway(t, Config{})
		s := accepting(g, proto.AcceptRooms)
		a := &remote{t: t, g: g, id: "0a1b2c3d"}
		from, stranger := proto.NewPeerID(a.id), proto.NewPeerID(a.id)
		teaRoom(g, bus.Member{ID: s.ID()})
		a.message(from, s.ID(), 0, 1) // not a member yet
		a.message(from, "", 8, 2)     // a member by a state that has not arrived
		a.message(from, s.ID(), 0, 3)
		a.message(stranger, s.ID(), 0, 4)
		teaChange(g, &bus.Change{Before: 7, After: 8, Added: []bus.Member{{ID: from}}})
		g.inbound.HandleSome()
		a.message(from, s.ID(), 0, 5)
		if got, want := fmt.Sprint(numbersAt(s, from), numbersAt(s, stranger)), "[2 3 5] []"; got != want {
			t.Errorf("delivered: got %s, want %s", got, want)
		}
		refused := a.ack().Refused
		if len(refused) != 2 || refused[0].Seq != 1 || refused[1].Seq != 4 || refused[0].Code != proto.Unauthorised || refused[1].Code != proto.Unauthorised {
			t.Errorf("refusals: got %+v, want 1 and 4 with %s", refused, proto.Unauthorised)
		}
		endTea(g)
	})
}

// TestLink_SenderKnowsANewerRoom_WaitsForIt: a frame whose sender shares a room with the
// receiver by a state that has not arrived waits for that state, with what its sender sends
// behind it. A state that does not have the sender refuses it.
func TestLink_SenderKnowsANewerRoom_WaitsForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := testGateway(t, Config{})
		s := accepting(g, proto.AcceptRooms)
		a := &remote{t: t, g: g, id: "0a1b2c3d"}
		from, left := proto.NewPeerID(a.id), awaySession(g)
		teaRoom(g, bus.Member{ID: s.ID()})
		a.shared = bus.RoomToken("tea") + " 8"
		a.message(from, s.ID(), 0, 1)
		a.message(left.ID(), s.ID(), 0, 2)
		a.shared = ""
		a.message(from, s.ID(), 0, 3)
		if got := numbersAt(s, from); len(got) != 0 {
			t.Errorf("before the state arrives: got %v, want none", got)
		}
		teaChange(g, &bus.Change{Before: 7, After: 8, Added: []bus.Member{{ID: from}}})
		g.inbound.HandleSome()
		if got, want := fmt.Sprint(numbersAt(s, from), numbersAt(s, left.ID())), "[1 3] []"; got != want {
			t.Errorf("delivered: got %s, want %s", got, want)
		}
		frames := left.Waiting()
		if len(frames) != 1 || eventOf(frames[0]) != string(proto.Unauthorised) {
			t.Errorf("errors of the one who is not in it: got %q, want one %s", frames, proto.Unauthorised)
		}
		if refused := a.ack().Refused; len(refused) != 0 {
			t.Errorf("refusals: got %+v, want none, because all were acknowledged", refused)
		}
		endTea(g)
	})
}

// TestRelay_RoomHasJustChanged_NamesIt: a relay to a member of a room that has just changed
// names the room and its revision, until the receiver's gateway has compared its revisions.
func TestRelay_RoomHasJustChanged_NamesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := testGateway(t, Config{})
		s, to := awaySession(g), proto.NewPeerID("0a1b2c3d")
		teaRoom(g, bus.Member{ID: s.ID()}, bus.Member{ID: to})
		want := []string{"tea 7", "tea 7", " 0"}
		for i, pause := range []time.Duration{0, bus.SyncInterval + time.Second, time.Nanosecond} {
			time.Sleep(pause) // of the bubble's clock
			room, revision := s.Shared(to)
			if got := fmt.Sprint(room, " ", revision); got != want[i] {
				t.Errorf("after %v more: got %q, want %q", pause, got, want[i])
			}
		}
		if id, _ := s.Shared(proto.NewPeerID("0a1b2c3d")); id != "" {
			t.Errorf("to a stranger: got room %q, want none", id)
		}
		endTea(g)
	})
}

// TestHandToPeer_RoomChangesMeanwhile_IsNeverRefused: the state that makes the sender a member
// is adopted on another goroutine, at any moment. Whenever that is, the frame is delivered, or
// waits for the state.
func TestHandToPeer_RoomChangesMeanwhile_IsNeverRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := testGateway(t, Config{})
		s, from := accepting(g, proto.AcceptRooms), proto.NewPeerID("0a1b2c3d")
		a := &remote{t: t, g: g, id: from.Home()}
		teaRoom(g, bus.Member{ID: s.ID()})
		for revision := uint64(7); revision < 4000; revision += 2 {
			var joins sync.WaitGroup
			joins.Go(func() {
				c := &bus.Change{Room: "tea", Before: revision, After: revision + 1, Added: []bus.Member{{ID: from}}}
				g.rooms.Changed(bus.RoomToken("tea"), c)
			})
			a.shared = fmt.Sprint(bus.RoomToken("tea"), " ", revision+1)
			a.message(from, s.ID(), 0, 1)
			if x := a.ack().Refused; len(x) > 0 {
				t.Fatalf("revision %d: got refusals %+v, want the frame delivered or held", revision, x)
			}
			joins.Wait()
			g.inbound.HandleSome() // what was held is delivered
			s.Shed()               // so that the next one has room
			teaChange(g, &bus.Change{Before: revision + 1, After: revision + 2, Removed: []bus.Removal{{ID: from}}})
		}
		endTea(g)
	})
}

// TestReorder_HeldFrameNotAccepted_SenderGetsAnError: a frame that was acknowledged, waited, and
// is not accepted then, is reported with the code of any other.
func TestReorder_HeldFrameNotAccepted_SenderGetsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := testGateway(t, Config{})
		s, from := accepting(g, proto.AcceptRooms), awaySession(g) // the error stays here, where the test sees it
		a := &remote{t: t, g: g, id: "0a1b2c3d"}
		teaRoom(g, bus.Member{ID: s.ID()})
		a.message(from.ID(), "", 8, 1)
		a.message(from.ID(), s.ID(), 0, 2)
		teaChange(g, &bus.Change{Before: 7, After: 8, Set: &bus.Settings{Name: "Tea"}})
		g.inbound.HandleSome()
		if got := numbersAt(s, from.ID()); len(got) != 1 || got[0] != "1" {
			t.Errorf("delivered: got %v, want the message to the room", got)
		}
		frames := from.Waiting()
		if len(frames) != 1 || eventOf(frames[0]) != string(proto.Unauthorised) {
			t.Errorf("errors: got %q, want one %s", frames, proto.Unauthorised)
		}
		endTea(g)
	})
}

// eventOf returns the event of a frame.
func eventOf(frame []byte) (event string) {
	proto.Unpack(frame, map[string]any{"event": &event})
	return event
}
