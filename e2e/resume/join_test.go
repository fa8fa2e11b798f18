package resume_test

import (
	"testing"
	"time"

	"p2pconnector/e2e/client"
	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
)

// joinUnderWay is a peer that has moved from gateway 0 to gateway 1 while its join was
// under way there: the only room service hangs. watcher is in the room, on gateway at.
func joinUnderWay(t *testing.T, at int) (s *kit.Stack, watcher, peer *kit.Conn) {
	t.Helper()
	s = kit.Start(t, kit.Options{Processes: true, RoomServices: 1})
	watcher = s.Dial(t, at)
	watcher.Create(room)
	old := s.Dial(t, 0)
	nc := s.Connect(t)
	asked, err := nc.SubscribeSync(proto.RoomsSubject(proto.OpJoin))
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	s.PauseRooms(t, 0, true)
	old.Send(`{"event":"Join_Room","data":{"room":%q}}`, room)
	if _, err := asked.NextMsg(kit.Patience); err != nil {
		t.Fatal(err)
	}
	peer = s.Dial(t, 1)
	peer.Resume(old)
	return s, watcher, peer
}

// joins has the join take effect.
func joins(t *testing.T, s *kit.Stack, watcher, peer *kit.Conn) {
	t.Helper()
	s.PauseRooms(t, 0, false)
	if d := kit.Room(t, watcher.Expect(proto.ClientAdded)); d.Client != peer.ID {
		t.Fatalf("%s joined", d.Client)
	}
}

// pastLease is longer than a gateway may be silent, and shorter than a request is tried.
const pastLease = proto.LeaseTimeout + time.Second

// TestJoinUnderWayWhileMoving: the gateway that the peer has moved to hangs when the
// join takes effect. The peer stays in the room, and is reached there afterwards.
func TestJoinUnderWayWhileMoving(t *testing.T) {
	t.Parallel()
	s, watcher, peer := joinUnderWay(t, 0)
	s.PauseGateway(t, 1, true)
	silent(t, watcher, pastLease)
	joins(t, s, watcher, peer)
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
	s, watcher, peer := joinUnderWay(t, 0)
	began := time.Now()
	s.KillGateway(t, 1)
	silent(t, watcher, pastLease)
	joins(t, s, watcher, peer)
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
	s, watcher, peer := joinUnderWay(t, 1)
	s.KillGateway(t, 0)
	joins(t, s, watcher, peer)
	peer.Send(`{"event":"Join_Room","data":{"room":%q}}`, room)
	peer.ExpectError(proto.AlreadyExists)
	peer.Members(room, watcher.ID, peer.ID)
	silent(t, watcher, ghostLimit+ghostSlack)
	watcher.Send(`{"event":"Message","room":%q,"data":"hello"}`, room)
	if f := peer.Until("the message", func(f *client.Frame) bool { return f.Event == string(proto.Message) }); f.From != watcher.ID {
		t.Errorf("got %s", f.Raw)
	}
}
