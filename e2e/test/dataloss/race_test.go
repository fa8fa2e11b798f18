package dataloss_test

import (
	"testing"
	"time"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/proto/client"
)

// TestLoss_RoomMadeAgainAtOnce_OldMembersLearnTheEnd: a stranger makes a room of the
// same name before the gateways have compared their rooms. The old members receive the
// end of their room, and are not in the new one.
func TestLoss_RoomMadeAgainAtOnce_OldMembersLearnTheEnd(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	far, near, late := s.Dial(t, 0), s.Dial(t, 1), s.Dial(t, 1)
	far.Create(room)
	near.Join(room)
	far.Members(room, far.ID, near.ID)
	deleteBuckets(t, jetStream(t, s), bus.RoomsBucket)
	if d := create(t, late); len(d.Clients) != 1 || d.Creator != late.ID {
		t.Errorf("got %+v, want a room of %s alone", d, late.ID)
	}
	lost(t, near)
	lost(t, far)
	far.Join(room)
	late.Members(room, late.ID, far.ID)
	near.Send(`{"event":"Message","room":%q,"data":1}`, room)
	near.ExpectError(proto.Unauthorised)
}

// TestLoss_RequestsUnderWay_AreAnswered: requests that are sent while JetStream is away
// take effect in the new bucket.
func TestLoss_RequestsUnderWay_AreAnswered(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	a, b := s.Dial(t, 0), s.Dial(t, 1)
	a.Create(room)
	s.NATS(0).Stop()
	b.Send(`{"event":"Create_Room","data":{"room":%q},"id":"mine"}`, room)
	a.Send(`{"event":"Create_Room","data":{"room":"other"},"id":"other"}`)
	loseStore(t, s)
	for c, id := range map[*kit.Conn]string{a: `"other"`, b: `"mine"`} {
		f := c.Until("the answer", func(f *client.Frame) bool { return string(f.ID) == id })
		if !f.Is(proto.RoomCreated) {
			t.Errorf("got %s, want Room_Created", f.Raw)
		}
	}
	b.Send(`{"event":"Room_Info","data":{"room":%q},"id":"info"}`, room)
	f := b.Until("the room", func(f *client.Frame) bool { return string(f.ID) == `"info"` })
	if d := kit.Room(t, f); len(d.Clients) != 1 || d.Creator != b.ID {
		t.Errorf("got %s, want a room of %s alone", f.Raw, b.ID)
	}
}

// TestKeysLost_RoomServiceStartsAnew_SessionResumes: a session moves to another gateway after the
// keys were lost, although a room service runs that has never seen them.
func TestKeysLost_RoomServiceStartsAnew_SessionResumes(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{Grace: time.Minute})
	a, b := s.Dial(t, 0), s.Dial(t, 1)
	a.Create(room)
	b.Join(room)
	a.Members(room, a.ID, b.ID)
	loseStore(t, s)
	lost(t, a)
	lost(t, b)
	s.StopRooms(t, 1)
	s.StartRooms(t, 1) // an instance that has never seen the lost keys
	back := s.Dial(t, 1)
	back.Resume(a)
	back.Quiet()
}
