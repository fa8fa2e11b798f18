package protocol_test

import (
	"testing"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

var leaveRows = rows{
	"works": func(p *pair) {
		p.together()
		p.b.Send(`{"event":"Leave_Room","data":{"room":%q},"id":"bye"}`, p.room)
		f := p.b.Expect(proto.RoomLeft)
		checkServerFrame(p.t, f, proto.TypeInfo)
		if d := kit.Room(p.t, f); string(f.ID) != `"bye"` || string(d.Room) != p.room {
			p.t.Errorf("the leaver: got %s, want its id and its room", f.Raw)
		}
		removed(p.t, p.a, p.room, p.b.ID, proto.ReasonLeft, p.a)
		p.a.Quiet()
		p.b.Quiet()
	},
	"the creator's place": func(p *pair) {
		p.together()
		third := p.Dial(p.t, 0)
		third.Join(p.room)
		p.b.Members(p.room, ids(p.a, p.b, third)...)
		p.a.Send(`{"event":"Leave_Room","data":{"room":%q}}`, p.room)
		p.a.Until("Room_Left", func(f *client.Frame) bool { return f.Is(proto.RoomLeft) })
		for _, c := range []*kit.Conn{p.b, third} {
			if d := removed(p.t, c, p.room, p.a.ID, proto.ReasonLeft, p.b, third); d.Creator != p.b.ID {
				p.t.Errorf("got creator %s, want %s, which is a member for longest", d.Creator, p.b.ID)
			}
		}
		p.b.Send(`{"event":"End_Room","data":{"room":%q}}`, p.room) // and has the rights of a creator
		p.b.Expect(proto.RoomDeleted)
	},
	"an empty room is gone": func(p *pair) {
		p.a.Create(p.room)
		p.a.Send(`{"event":"Leave_Room","data":{"room":%q}}`, p.room)
		p.a.Expect(proto.RoomLeft)
		fails(p.t, p.b, proto.NotFound, proto.JoinRoom, roomPart(p.room, ""))
		p.b.Create(p.room) // the id is free
		p.a.Join(p.room)   // as a newcomer
	},
	"Missing_Fields": func(p *pair) { needsRoom(p, proto.LeaveRoom) },
	"Not_Found": func(p *pair) {
		fails(p.t, p.a, proto.NotFound, proto.LeaveRoom, roomPart(p.room, ""))
		p.a.Create(p.room)
		fails(p.t, p.b, proto.NotFound, proto.LeaveRoom, roomPart(p.room, "")) // not a member
		p.a.Quiet()
	},
}

// removed reads the next frame of c, which must report that client has left for
// that reason, and the remaining members.
func removed(t *testing.T, c *kit.Conn, room string, client proto.PeerID, reason proto.Reason, left ...*kit.Conn) proto.RoomData {
	t.Helper()
	f := c.Expect(proto.ClientRemoved)
	checkServerFrame(t, f, proto.TypeUpdate)
	d := kit.Room(t, f)
	if string(d.Room) != room || d.Client != client || d.Reason != reason || len(d.Removed) != 1 || d.Removed[0] != client || d.Revision == 0 {
		t.Errorf("got %s, want the removal of that client, for that reason, with a revision", f.Raw)
	}
	if want := ids(left...); len(want) > 0 {
		if len(d.Clients) != len(want) {
			t.Fatalf("got clients %v, want %v", d.Clients, want)
		}
		for i := range want {
			if d.Clients[i] != want[i] {
				t.Errorf("got clients %v, want %v", d.Clients, want)
			}
		}
	}
	return d
}

// Closing the connection removes the peer from all its rooms.
func TestClose_Member_LeavesAllRooms(t *testing.T) {
	p := newPair(t, kit.Start(t, kit.Options{}))
	rooms := map[string]bool{newRoom(): true, newRoom(): true, newRoom(): true}
	for room := range rooms {
		p.a.Create(room)
		p.b.Join(room)
		p.a.Members(room, p.a.ID, p.b.ID)
	}
	p.a.Bye()
	for range len(rooms) {
		f := p.b.Expect(proto.ClientRemoved)
		d := kit.Room(t, f)
		if !rooms[string(d.Room)] || d.Client != p.a.ID || d.Reason != proto.ReasonDisconnected || d.Creator != p.b.ID || len(d.Clients) != 1 {
			t.Errorf("got %s, want the disconnect of a, with b left as creator", f.Raw)
		}
		delete(rooms, string(d.Room))
	}
	p.b.Quiet()
}
