package resume_test

import (
	"testing"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/proto/client"
)

// A join is pending when its session moves: the only room service hangs, so that both are
// requested before either takes effect. Whichever takes effect first, room and session
// agree afterwards, and no member is unreachable.
func TestJoin_SessionMovesMeanwhile_RoomAndSessionAgree(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{Processes: true, RoomServices: 1})
	watcher := s.Dial(t, 0)
	watcher.Create(room)
	old := s.Dial(t, 0)
	nc := s.Connect(t)
	asked, err := nc.SubscribeSync(bus.RoomsSubject(bus.OpJoin))
	if err != nil {
		t.Fatal(err)
	}
	taken, err := nc.SubscribeSync(bus.SessionsSubject(bus.SessionTake))
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
	peer := s.Dial(t, 1)
	peer.Send(`{"event":"Resume","data":{"session":%q,"received":%d}}`, old.Session(), old.Received())
	if _, err := taken.NextMsg(kit.Patience); err != nil {
		t.Fatal(err)
	}
	s.PauseRooms(t, 0, false)
	peer.Until("the session", func(f *client.Frame) bool { return f.Is(proto.ClientDetails) })
	peer.ID = old.ID
	peer.Send(`{"event":"Join_Room","data":{"room":%q},"id":"again"}`, room)
	peer.Until("the answer", func(f *client.Frame) bool {
		e := f.Err()
		return string(f.ID) == `"again"` && (f.Is(proto.ClientAdded) || e != nil && e.Code == proto.AlreadyExists)
	})
	watcher.Send(`{"event":"Message","room":%q,"data":"hello"}`, room)
	peer.Until("the message", func(f *client.Frame) bool { return f.Event == string(proto.Message) && f.From == watcher.ID })
	watcher.Send(`{"event":"Room_Info","data":{"room":%q}}`, room)
	info := watcher.Until("the room", func(f *client.Frame) bool { return f.Is(proto.RoomInfo) })
	if d := kit.Room(t, info); len(d.Clients) != 2 {
		t.Errorf("the room is %+v, want two members", d)
	}
}
