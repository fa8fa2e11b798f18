package protocol_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
)

// joinText returns a Join_Room that makes the room if it does not exist.
func joinText(room, id string) string {
	return fmt.Sprintf(`{"event":"Join_Room","data":{"room":%q,"create":true},"id":%q}`, room, id)
}

// withoutRooms stops the room service, and makes a send a Join_Room, which waits.
func withoutRooms(t *testing.T, room string) *pair {
	t.Helper()
	p := newPair(t, kit.Start(t, kit.Options{RoomServices: 1, MaxMessageBytes: 4096, MaxRooms: maxRooms}))
	p.StopRooms(t, 0)
	p.a.Text(joinText(room, "join"))
	return p
}

// roomsBack starts the room service again and drops frames at a until the join is answered.
func (p *pair) roomsBack() {
	p.t.Helper()
	p.StartRooms(p.t, 0)
	if f := p.a.Next(); !f.Is(proto.ClientAdded) || string(f.ID) != `"join"` {
		p.t.Fatalf("got %s, want the answer to Join_Room", f.Raw)
	}
}

// Frames that do not concern a room are handled at once while a room request waits.
func TestRoomRequest_Pending_OthersPass(t *testing.T) {
	t.Parallel() // it mostly waits
	room := newRoom()
	p := withoutRooms(t, room)
	began := time.Now()
	for event, rest := range relays(p.b.ID) {
		p.a.Send(`{"event":%q,%s}`, event, rest)
		if event == proto.Connect {
			event = proto.Offer
		}
		p.b.Expect(event)
	}
	p.a.Send(`{"event":"Ping","id":"p"}`)
	p.a.Expect(proto.Pong)
	p.a.Send(`{"event":"Ice_Servers"}`)
	p.a.Expect(proto.IceServers)
	fails(t, p.a, proto.Unauthorised, proto.Authenticate, `"data":{"token":"x"}`)
	fails(t, p.a, proto.Unauthorised, proto.Resume, `"data":{"session":"x"}`)
	fails(t, p.a, proto.Unauthorised, proto.Message, `"room":`+quoted(newRoom()))
	if took := time.Since(began); took > proto.RequestDeadline/2 {
		t.Errorf("frames behind a room request: got them handled after %v, want at once", took)
	}
	p.roomsBack()
}

// A client may send Join_Room, a Message to the room and Leave_Room without waiting.
func TestRoomRequest_MessageBehindJoin_IsHandledAfterIt(t *testing.T) {
	p := newPair(t, kit.Start(t, kit.Options{RoomServices: 1}))
	p.b.Create(p.room)
	const messages = 20
	p.a.Text(joinText(p.room, "join"))
	for i := range messages {
		p.a.Send(`{"event":"Message","room":%q,"data":%d}`, p.room, i)
	}
	p.a.Send(`{"event":"Leave_Room","data":{"room":%q}}`, p.room)
	p.a.Send(`{"event":"Message","room":%q,"id":"late"}`, p.room)
	p.b.Expect(proto.ClientAdded)
	for i := range messages {
		if f := p.b.Expect(proto.Message); string(f.Data) != fmt.Sprint(i) {
			t.Fatalf("got %s, want message %d", f.Raw, i)
		}
	}
	p.b.Expect(proto.ClientRemoved)
	p.a.Expect(proto.ClientAdded)
	p.a.Expect(proto.RoomLeft)
	if e := p.a.ExpectError(proto.Unauthorised); e.Room != p.room {
		t.Errorf("got an error about room %q, want %q", e.Room, p.room)
	}
	p.b.Quiet()
}

// Room requests of one connection are answered in the order in which they were sent, for
// all rooms, including those that are refused at once.
func TestRoomRequest_Pipelined_KeepOrder(t *testing.T) {
	t.Parallel() // it mostly waits
	room := newRoom()
	p := withoutRooms(t, room)
	other := newRoom()
	p.a.Text(`{"event":"Leave_Room","id":"2"}`)
	p.a.Text(joinText(other, "3"))
	p.a.Send(`{"event":"Room_Info","data":{"room":%q},"id":"4"}`, other)
	p.a.Send(`{"event":"Leave_Room","data":{"room":%q},"id":"5"}`, room)
	p.a.Send(`{"event":"Room_Info","data":{"room":%q},"id":"6"}`, room)
	p.a.Quiet()
	p.roomsBack()
	for i, want := range []string{string(proto.MissingFields), string(proto.ClientAdded), string(proto.RoomInfo), string(proto.RoomLeft), string(proto.NotFound)} {
		if f := p.a.Next(); f.Event != want || string(f.ID) != fmt.Sprintf("%q", fmt.Sprint(i+2)) {
			t.Errorf("got %s as answer %d, want %s", f.Raw, i+2, want)
		}
	}
}

// When too many requests wait, the next frame is refused at once, and no waiting request is
// lost.
func TestRoomRequest_TooManyWait_RefusesAtOnce(t *testing.T) {
	t.Parallel() // it mostly waits
	fill := strings.Repeat("x", 3000)
	for text, most := range map[string]int{"": 63 + maxRooms, fill: 5} {
		t.Run(fmt.Sprint(most), func(t *testing.T) {
			t.Parallel()
			room := newRoom()
			p := withoutRooms(t, room)
			for range most {
				p.a.Send(`{"event":"Room_Info","data":{"room":%q},"x":%q}`, room, text)
			}
			p.a.Quiet()
			for _, frame := range []string{`{"event":"Message","room":%q,"id":"over","data":%q}`, `{"event":"Leave_Room","data":{"room":%q},"id":"over","x":%q}`} {
				p.a.Send(frame, room, text)
				if e := p.a.ExpectError(proto.RateLimited); e.Room != room || e.RetryAfterMS <= 0 {
					t.Errorf("got %+v, want the room %s and a time", e, room)
				}
			}
			p.roomsBack()
			for range most {
				p.a.Expect(proto.RoomInfo)
			}
			p.a.Send(`{"event":"Leave_Room","data":{"room":%q}}`, room)
			p.a.Expect(proto.RoomLeft)
		})
	}
}

// When a client sends room requests and closes, they are carried out, in order.
func TestRoomRequest_ClientCloses_IsCarriedOut(t *testing.T) {
	p := newPair(t, kit.Start(t, kit.Options{RoomServices: 1}))
	p.together()
	room := newRoom()
	p.a.Text(joinText(room, "join"))
	p.a.Send(`{"event":"Leave_Room","data":{"room":%q}}`, room)
	p.a.Send(`{"event":"Message","room":%q,"data":"bye"}`, p.room)
	p.a.Send(`{"event":"Leave_Room","data":{"room":%q}}`, p.room)
	p.a.Bye()
	p.b.Expect(proto.Message)
	if d := kit.Room(t, p.b.Expect(proto.ClientRemoved)); d.Reason != proto.ReasonLeft || d.Client != p.a.ID {
		t.Errorf("got %+v, want that %s left by itself", d, p.a.ID)
	}
	fails(t, p.b, proto.NotFound, proto.RoomInfo, roomPart(room, ""))
}

// A room request right behind a Resume applies to the resumed session.
func TestRoomRequest_BehindResume_IsOfTheSession(t *testing.T) {
	for gw, where := range []string{"on the same gateway", "on another gateway"} {
		t.Run(where, func(t *testing.T) {
			p := newPair(t, kit.Start(t, kit.Options{RoomServices: 1}))
			p.b.Create(p.room)
			p.a.Drop()
			again := p.Dial(t, gw)
			again.Text(kit.ResumeFrame(p.a.Session(), -1))
			again.Text(joinText(p.room, "join"))
			again.Send(`{"event":"Message","room":%q,"data":1}`, p.room)
			if d := kit.Room(t, p.b.Expect(proto.ClientAdded)); d.Client != p.a.ID {
				t.Errorf("got member %s, want %s", d.Client, p.a.ID)
			}
			if f := p.b.Expect(proto.Message); f.From != p.a.ID {
				t.Errorf("got a message of %s, want %s", f.From, p.a.ID)
			}
		})
	}
}
