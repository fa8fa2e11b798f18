package resume_test

import (
	"testing"
	"time"

	"p2pconnector/e2e/client"
	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
)

// joinUnderWay is a peer that has moved from gateway 0 to gateway 1 while its join was
// under way there, which took effect after gateway 1 had been silent for longer than
// its lease: away makes it so.
func joinUnderWay(t *testing.T, away func(*kit.Stack)) (s *kit.Stack, watcher, peer *kit.Conn, began time.Time) {
	t.Helper()
	s = kit.Start(t, kit.Options{Processes: true, RoomServices: 1})
	watcher = s.Dial(t, 0)
	watcher.Create(room)
	old := s.Dial(t, 0)
	nc := s.Connect(t)
	joins, err := nc.SubscribeSync(proto.RoomsSubject(proto.OpJoin))
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	s.PauseRooms(t, 0, true)
	old.Send(`{"event":"Join_Room","data":{"room":%q}}`, room)
	if _, err := joins.NextMsg(kit.Patience); err != nil {
		t.Fatal(err)
	}
	peer = s.Dial(t, 1)
	peer.Resume(old)
	began = time.Now()
	away(s)
	silent(t, watcher, proto.LeaseTimeout+time.Second) // less than proto.RequestDeadline
	s.PauseRooms(t, 0, false)
	if d := kit.Room(t, watcher.Expect(proto.ClientAdded)); d.Client != peer.ID {
		t.Fatalf("%s joined", d.Client)
	}
	return s, watcher, peer, began
}

// TestJoinUnderWayWhileMoving: the gateway that the peer has moved to hangs when the
// join takes effect. The peer stays in the room, and is reached there afterwards.
func TestJoinUnderWayWhileMoving(t *testing.T) {
	t.Parallel()
	s, watcher, peer, _ := joinUnderWay(t, func(s *kit.Stack) { s.PauseGateway(t, 1, true) })
	s.PauseGateway(t, 1, false)
	peer.Members(room, watcher.ID, peer.ID)
	watcher.Send(`{"event":"Message","room":%q,"data":"hello"}`, room)
	if f := peer.Expect(proto.Message); f.From != watcher.ID {
		t.Errorf("got %s", f.Raw)
	}
	watcher.Send(`{"event":"Room_Info","data":{"room":%q}}`, room)
	if d := kit.Room(t, watcher.Expect(proto.RoomInfo)); len(d.Clients) != 2 {
		t.Errorf("the room is %+v", d)
	}
	watcher.Quiet()
}

// TestGhostOfJoinUnderWay: that gateway is killed, and the peer does not come back.
func TestGhostOfJoinUnderWay(t *testing.T) {
	t.Parallel()
	_, watcher, peer, began := joinUnderWay(t, func(s *kit.Stack) { s.KillGateway(t, 1) })
	f := watcher.Expect(proto.ClientRemoved)
	took := time.Since(began)
	t.Logf("gone after %v", took)
	if d := kit.Room(t, f); d.Client != peer.ID || d.Reason != proto.ReasonDisconnected {
		t.Errorf("got %s", f.Raw)
	}
	if took < proto.SessionGrace || took > ghostLimit+ghostSlack {
		t.Errorf("the ghost went after %v, want %v to %v", took, proto.SessionGrace, ghostLimit)
	}
}

// TestJoinOfADeadGateway: the gateway that the peer joined through has died before the
// join took effect. When the peer learns that it is in the room, it stays there, also
// when the members of that gateway leave.
func TestJoinOfADeadGateway(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{Processes: true, RoomServices: 1})
	watcher := s.Dial(t, 1)
	watcher.Create(room)
	old := s.Dial(t, 0)
	nc := s.Connect(t)
	joins, err := nc.SubscribeSync(proto.RoomsSubject(proto.OpJoin))
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	s.PauseRooms(t, 0, true)
	old.Send(`{"event":"Join_Room","data":{"room":%q}}`, room)
	if _, err := joins.NextMsg(kit.Patience); err != nil {
		t.Fatal(err)
	}
	peer := s.Dial(t, 1)
	peer.Resume(old)
	s.KillGateway(t, 0)
	s.PauseRooms(t, 0, false)
	if d := kit.Room(t, watcher.Expect(proto.ClientAdded)); d.Client != peer.ID {
		t.Fatalf("%s joined", d.Client)
	}
	peer.Send(`{"event":"Join_Room","data":{"room":%q}}`, room)
	peer.ExpectError(proto.AlreadyExists)
	peer.Members(room, watcher.ID, peer.ID)
	silent(t, watcher, ghostLimit+ghostSlack)
	watcher.Send(`{"event":"Message","room":%q,"data":"hello"}`, room)
	if f := peer.Until("the message", func(f *client.Frame) bool { return f.Event == string(proto.Message) }); f.From != watcher.ID {
		t.Errorf("got %s", f.Raw)
	}
}
