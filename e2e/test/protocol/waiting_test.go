package protocol_test

import (
	"encoding/json"
	"fmt"
	"slices"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

// locked makes a locked room with p.a as creator, in which p.b waits, and reads what both get.
func (p *pair) locked() {
	p.t.Helper()
	p.a.Send(`{"event":"Create_Room","data":{"room":%q,"locked":true}}`, p.room)
	p.a.Expect(proto.RoomCreated)
	p.ask(p.b)
	p.waits(p.a, p.b)
}

// lockedTogether makes a locked room with both as members and p.a as creator.
func (p *pair) lockedTogether() {
	p.t.Helper()
	p.together()
	p.a.Send(`{"event":"Update_Room","data":{"room":%q,"locked":true}}`, p.room)
	p.a.Expect(proto.RoomUpdated)
	p.b.Expect(proto.RoomUpdated)
}

// ask makes c wait to be admitted.
func (p *pair) ask(c *kit.Conn) {
	p.t.Helper()
	c.Send(`{"event":"Join_Room","data":{"room":%q,"ask":true,"metadata":{"nick":"x"}},"id":"ask"}`, p.room)
	f := c.Expect(proto.JoinWaiting)
	checkServerFrame(p.t, f, proto.TypeInfo)
	if string(f.ID) != `"ask"` || string(f.Data) != fmt.Sprintf(`{"room":%q}`, p.room) {
		p.t.Errorf("got %s, want the room alone, with the id of the request", f.Raw)
	}
}

// waits reads a Waiting_Updated of a creator or moderator, and checks who waits.
func (p *pair) waits(c *kit.Conn, want ...*kit.Conn) (id string) {
	p.t.Helper()
	f := c.Expect(proto.WaitingUpdated)
	checkServerFrame(p.t, f, proto.TypeUpdate)
	var d proto.WaitingData
	if err := json.Unmarshal(f.Data, &d); err != nil {
		p.t.Fatal(err)
	}
	var got []proto.PeerID
	for _, w := range d.Waiting {
		got = append(got, w.Client)
		if string(w.Metadata) != `{"nick":"x"}` {
			p.t.Errorf("got metadata %s of %s, want that of its Join_Room", w.Metadata, w.Client)
		}
	}
	if d.Waiting == nil || !slices.Equal(got, ids(want...)) {
		p.t.Errorf("got %s, want %v waiting", f.Raw, ids(want...))
	}
	return string(f.ID)
}

// refused reads the error that ends the wait of c.
func (p *pair) refused(c *kit.Conn, code proto.ErrorCode) {
	p.t.Helper()
	f := c.Next()
	checkServerFrame(p.t, f, proto.TypeError)
	if e := f.Err(); e == nil || e.Code != code || e.Event != string(proto.JoinRoom) || e.Room != p.room || f.ID != nil {
		p.t.Errorf("got %s, want %s about Join_Room without an id", f.Raw, code)
	}
}

var admitRows = rows{
	"works": func(p *pair) {
		p.locked()
		p.a.Send(`{"event":"Admit_Client","data":{"room":%q,"client":%q},"id":4}`, p.room, p.b.ID)
		for _, c := range []*kit.Conn{p.b, p.a} {
			f := c.Expect(proto.ClientAdded)
			checkServerFrame(p.t, f, proto.TypeUpdate)
			d := kit.Room(p.t, f)
			if !slices.Equal(d.Clients, ids(p.a, p.b)) || !slices.Equal(d.Added, ids(p.b)) || string(d.Members[p.b.ID].Metadata) != `{"nick":"x"}` {
				p.t.Errorf("got %s, want both members, and b with its metadata", f.Raw)
			}
			if own := string(f.ID) == "4"; own != (c == p.a) {
				p.t.Errorf("got %s, want the id in the creator's frame alone", f.Raw)
			}
		}
		p.waits(p.a)
		p.b.Send(`{"event":"Message","room":%q,"data":1}`, p.room)
		p.a.Expect(proto.Message)
		p.b.Quiet()
	},
	"moderators see and admit": func(p *pair) {
		p.together()
		setRole(p, proto.RoleModerator)
		p.a.Send(`{"event":"Update_Room","data":{"room":%q,"locked":true}}`, p.room)
		p.a.Expect(proto.RoomUpdated)
		p.b.Expect(proto.RoomUpdated)
		third := p.Dial(p.t, 0)
		p.ask(third)
		p.waits(p.a, third)
		p.waits(p.b, third)
		p.b.Send(`{"event":"Admit_Client","data":{"room":%q,"client":%q}}`, p.room, third.ID)
		for _, c := range []*kit.Conn{p.a, p.b, third} {
			c.Expect(proto.ClientAdded)
		}
		p.waits(p.a)
		p.waits(p.b)
		third.Quiet()
	},
	"a new moderator sees who waits": func(p *pair) {
		p.lockedTogether()
		third := p.Dial(p.t, 1)
		p.ask(third)
		p.waits(p.a, third)
		p.b.Quiet()
		setRole(p, proto.RoleModerator)
		p.waits(p.b, third)
		p.a.Quiet()
	},
	"in Room_Info": func(p *pair) {
		p.locked()
		p.a.Send(`{"event":"Room_Info","data":{"room":%q}}`, p.room)
		if d := kit.Room(p.t, p.a.Expect(proto.RoomInfo)); len(d.Waiting) != 1 || d.Waiting[0].Client != p.b.ID {
			p.t.Errorf("got %+v, want b waiting", d.Waiting)
		}
	},
	"unlocking admits": func(p *pair) {
		p.locked()
		p.a.Send(`{"event":"Update_Room","data":{"room":%q,"locked":false}}`, p.room)
		p.a.Expect(proto.ClientAdded)
		p.a.Expect(proto.RoomUpdated)
		p.waits(p.a)
		p.b.Expect(proto.ClientAdded)
		p.b.Quiet()
	},
	"Missing_Fields": func(p *pair) {
		needsRoom(p, proto.AdmitClient)
		p.a.Create(p.room)
		misses(p.t, p.a, proto.AdmitClient, map[string]string{roomPart(p.room, ""): "data.client"})
	},
	"Not_Found": func(p *pair) {
		client := fmt.Sprintf(`"client":%q`, p.b.ID)
		fails(p.t, p.a, proto.NotFound, proto.AdmitClient, roomPart(p.room, client))
		p.a.Create(p.room)
		fails(p.t, p.a, proto.NotFound, proto.AdmitClient, roomPart(p.room, client)) // does not wait
	},
	"Room_Full": func(p *pair) {
		p.locked()
		p.a.Send(`{"event":"Update_Room","data":{"room":%q,"capacity":1}}`, p.room)
		p.a.Expect(proto.RoomUpdated)
		fails(p.t, p.a, proto.RoomFull, proto.AdmitClient, roomPart(p.room, fmt.Sprintf(`"client":%q`, p.b.ID)))
		p.b.Quiet()
	},
	"Unauthorised": func(p *pair) {
		p.locked()
		fails(p.t, p.b, proto.Unauthorised, proto.AdmitClient, roomPart(p.room, fmt.Sprintf(`"client":%q`, p.b.ID)))
		p.a.Quiet()
	},
}

// waitingRows are the tests of Join_Room with data.ask, besides those of being admitted.
var waitingRows = rows{
	"Refused": func(p *pair) {
		p.locked()
		p.a.Send(`{"event":"Remove_Client","data":{"room":%q,"client":%q},"id":5}`, p.room, p.b.ID)
		p.refused(p.b, proto.Refused)
		if id := p.waits(p.a); id != "5" {
			p.t.Errorf("got id %s in the creator's frame, want 5", id)
		}
		p.ask(p.b) // again
		p.waits(p.a, p.b)
	},
	"refused with a ban": func(p *pair) {
		p.locked()
		p.a.Send(`{"event":"Remove_Client","data":{"room":%q,"client":%q,"ban":true},"id":5}`, p.room, p.b.ID)
		p.refused(p.b, proto.Banned)
		f := p.a.Expect(proto.ClientRemoved)
		if string(f.ID) != "5" {
			p.t.Errorf("got %s, want the id of the request", f.Raw)
		}
		p.waits(p.a)
		fails(p.t, p.b, proto.Banned, proto.JoinRoom, roomPart(p.room, `"ask":true`))
	},
	"sees nothing while it waits": func(p *pair) {
		p.locked()
		p.a.Send(`{"event":"Message","room":%q,"data":1}`, p.room)
		p.a.Send(`{"event":"Update_Room","data":{"room":%q,"name":"secret"}}`, p.room)
		p.a.Until("the update", func(f *client.Frame) bool { return f.Event == string(proto.RoomUpdated) })
		p.b.Quiet()
		fails(p.t, p.b, proto.Unauthorised, proto.RoomInfo, roomPart(p.room, ""))
		fails(p.t, p.b, proto.AlreadyExists, proto.JoinRoom, roomPart(p.room, `"ask":true`))
	},
	"withdrawn": func(p *pair) {
		p.locked()
		p.b.Send(`{"event":"Leave_Room","data":{"room":%q},"id":6}`, p.room)
		f := p.b.Expect(proto.RoomLeft)
		if d := kit.Room(p.t, f); string(f.ID) != "6" || len(d.Clients) != 0 || d.Creator != "" {
			p.t.Errorf("got %s, want the answer without the room's members", f.Raw)
		}
		p.waits(p.a)
	},
	"the client closes": func(p *pair) {
		p.locked()
		p.b.Bye()
		p.waits(p.a)
	},
	"the room ends": func(p *pair) {
		p.locked()
		p.a.Send(`{"event":"End_Room","data":{"room":%q}}`, p.room)
		p.a.Expect(proto.RoomDeleted)
		p.refused(p.b, proto.NotFound)
	},
	"the creator leaves": func(p *pair) {
		p.lockedTogether()
		third := p.Dial(p.t, 0)
		p.ask(third)
		p.waits(p.a, third)
		p.a.Send(`{"event":"Leave_Room","data":{"room":%q}}`, p.room)
		p.b.Expect(proto.ClientRemoved)
		p.waits(p.b, third)
		p.b.Send(`{"event":"Leave_Room","data":{"room":%q}}`, p.room)
		p.refused(third, proto.NotFound)
	},
}
