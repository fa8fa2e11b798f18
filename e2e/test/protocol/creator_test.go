package protocol_test

import (
	"fmt"
	"strings"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
)

var endRows = rows{
	"works": func(p *pair) {
		p.together()
		p.a.Send(`{"event":"End_Room","data":{"room":%q},"id":1}`, p.room)
		for _, c := range []*kit.Conn{p.a, p.b} {
			f := c.Expect(proto.RoomDeleted)
			checkServerFrame(p.t, f, proto.TypeUpdate)
			d := kit.Room(p.t, f)
			if string(d.Room) != p.room || d.Creator != p.a.ID || len(d.Clients) != 2 || d.Clients[0] != p.a.ID || d.Clients[1] != p.b.ID {
				p.t.Errorf("got %s, want the room with a as creator and both members", f.Raw)
			}
			if own := string(f.ID) == "1"; own != (c == p.a) {
				p.t.Errorf("got %s, want the id in the creator's frame alone", f.Raw)
			}
			c.Quiet()
		}
		fails(p.t, p.b, proto.NotFound, proto.JoinRoom, roomPart(p.room, ""))
		fails(p.t, p.b, proto.Unauthorised, proto.Message, `"room":`+quoted(p.room))
		p.b.Create(p.room) // the id is free
	},
	"Missing_Fields": func(p *pair) { needsRoom(p, proto.EndRoom) },
	"Not_Found":      func(p *pair) { fails(p.t, p.a, proto.NotFound, proto.EndRoom, roomPart(p.room, "")) },
	"Unauthorised": func(p *pair) {
		p.together()
		fails(p.t, p.b, proto.Unauthorised, proto.EndRoom, roomPart(p.room, ""))
		stranger := p.Dial(p.t, 0)
		fails(p.t, stranger, proto.Unauthorised, proto.EndRoom, roomPart(p.room, ""))
		p.a.Quiet()
	},
}

var removeRows = rows{
	"works": func(p *pair) {
		p.together()
		third := p.Dial(p.t, 1)
		third.Join(p.room)
		p.a.Members(p.room, ids(p.a, p.b, third)...)
		p.b.Members(p.room, ids(p.a, p.b, third)...)
		p.a.Send(`{"event":"Remove_Client","data":{"room":%q,"client":%q},"id":"r"}`, p.room, p.b.ID)
		for _, c := range []*kit.Conn{p.a, third, p.b} {
			removed(p.t, c, p.room, p.b.ID, proto.ReasonRemoved, p.a, third)
		}
		p.a.Quiet()
		fails(p.t, p.b, proto.Unauthorised, proto.Message, `"room":`+quoted(p.room))
		p.b.Join(p.room) // a removed peer may join again
	},
	"ban": func(p *pair) {
		p.together()
		p.a.Send(`{"event":"Remove_Client","data":{"room":%q,"client":%q,"ban":true},"id":"r"}`, p.room, p.b.ID)
		for _, c := range []*kit.Conn{p.a, p.b} {
			removed(p.t, c, p.room, p.b.ID, proto.ReasonBanned, p.a)
		}
		fails(p.t, p.b, proto.Banned, proto.JoinRoom, roomPart(p.room, ""))
		p.a.Send(`{"event":"Room_Info","data":{"room":%q}}`, p.room)
		if f := p.a.Expect(proto.RoomInfo); len(kit.Room(p.t, f).Banned) != 1 || kit.Room(p.t, f).Banned[0].Client != p.b.ID {
			p.t.Errorf("got %s, want the ban of b in it", f.Raw)
		}
		p.a.Quiet()
	},
	"ban of a peer that is no member": func(p *pair) {
		p.a.Create(p.room)
		p.a.Send(`{"event":"Remove_Client","data":{"room":%q,"client":%q,"ban":true},"id":"r"}`, p.room, p.b.ID)
		if f := p.a.Expect(proto.ClientRemoved); string(f.ID) != `"r"` || kit.Room(p.t, f).Reason != proto.ReasonBanned {
			p.t.Errorf("got %s, want the answer", f.Raw)
		}
		fails(p.t, p.b, proto.Banned, proto.JoinRoom, roomPart(p.room, ""))
		p.a.Quiet()
	},
	"Invalid_Message": func(p *pair) {
		p.together()
		client := fmt.Sprintf(`"client":%q`, p.b.ID)
		invalid(p.t, p.a, proto.RemoveClient, map[string]string{
			roomPart(p.room, client+`,"ban":1`):                             "data.ban",
			roomPart(p.room, fmt.Sprintf(`"client":%q,"ban":true`, p.a.ID)): "data.client", // itself
		})
		p.b.Quiet()
	},
	"Limit_Exceeded": func(p *pair) {
		p.a.Create(p.room)
		ban := func() string {
			return roomPart(p.room, fmt.Sprintf(`"client":%q,"ban":true`, proto.NewPeerID(p.b.ID.Home())))
		}
		for range proto.MaxBans {
			p.a.Send(`{"event":"Remove_Client",%s}`, ban())
			p.a.Expect(proto.ClientRemoved)
		}
		fails(p.t, p.a, proto.LimitExceeded, proto.RemoveClient, ban())
	},
	"echoes the id": func(p *pair) {
		p.together()
		p.a.Send(`{"event":"Remove_Client","data":{"room":%q,"client":%q},"id":"r"}`, p.room, p.b.ID)
		if f := p.a.Expect(proto.ClientRemoved); string(f.ID) != `"r"` {
			p.t.Errorf("the creator: got %s, want its id", f.Raw)
		}
		if f := p.b.Expect(proto.ClientRemoved); f.ID != nil {
			p.t.Errorf("the removed peer: got %s, want no id", f.Raw)
		}
	},
	"Missing_Fields": func(p *pair) {
		needsRoom(p, proto.RemoveClient)
		p.a.Create(p.room)
		misses(p.t, p.a, proto.RemoveClient, map[string]string{roomPart(p.room, ""): "data.client", roomPart(p.room, `"client":5`): "data.client"})
	},
	"Not_Found": func(p *pair) {
		client := fmt.Sprintf(`"client":%q`, p.b.ID)
		fails(p.t, p.a, proto.NotFound, proto.RemoveClient, roomPart(p.room, client))
		p.a.Create(p.room)
		fails(p.t, p.a, proto.NotFound, proto.RemoveClient, roomPart(p.room, client)) // not a member
		fails(p.t, p.a, proto.NotFound, proto.RemoveClient, roomPart(p.room, `"client":"> * ."`))
		p.b.Quiet()
	},
	"Unauthorised": func(p *pair) {
		p.together()
		fails(p.t, p.b, proto.Unauthorised, proto.RemoveClient, roomPart(p.room, fmt.Sprintf(`"client":%q`, p.a.ID)))
		p.a.Quiet()
	},
}

var updateRows = rows{
	"works": func(p *pair) {
		p.together()
		for i, change := range []string{`"name":"N2"`, `"capacity":7`, `"locked":true`, `"metadata":{"k":[1]}`} {
			p.a.Send(`{"event":"Update_Room","data":{"room":%q,%s},"id":%d}`, p.room, change, i)
			for _, c := range []*kit.Conn{p.a, p.b} {
				f := c.Expect(proto.RoomUpdated)
				checkServerFrame(p.t, f, proto.TypeUpdate)
				d := kit.Room(p.t, f)
				// Each update contains all settings, earlier ones too.
				if d.Name != "N2" || i >= 1 && d.Capacity != 7 || i >= 2 && !d.Locked || i >= 3 && string(d.Metadata) != `{"k":[1]}` {
					p.t.Errorf("after %s: got %s, want all settings so far, both members and the creator", change, f.Raw)
				}
				if len(d.Clients) != 2 || d.Creator != p.a.ID || string(d.Room) != p.room {
					p.t.Errorf("after %s: got %s, want all settings so far, both members and the creator", change, f.Raw)
				}
				if own := string(f.ID) == fmt.Sprint(i); own != (c == p.a) {
					p.t.Errorf("got %s, want the id in the creator's frame alone", f.Raw)
				}
			}
		}
		p.a.Quiet()
		p.b.Quiet()
	},
	"several at once": func(p *pair) {
		p.together()
		p.a.Send(`{"event":"Update_Room","data":{"room":%q,"name":"N","capacity":3,"locked":true}}`, p.room)
		d := kit.Room(p.t, p.b.Expect(proto.RoomUpdated))
		if d.Name != "N" || d.Capacity != 3 || !d.Locked {
			p.t.Errorf("got %+v, want name N, capacity 3, locked", d)
		}
	},
	"Missing_Fields": func(p *pair) {
		needsRoom(p, proto.UpdateRoom)
		p.a.Create(p.room)
		fails(p.t, p.a, proto.MissingFields, proto.UpdateRoom, roomPart(p.room, "")) // nothing to change
	},
	"Not_Found": func(p *pair) {
		fails(p.t, p.a, proto.NotFound, proto.UpdateRoom, roomPart(p.room, `"name":"x"`))
	},
	"Unauthorised": func(p *pair) {
		p.together()
		fails(p.t, p.b, proto.Unauthorised, proto.UpdateRoom, roomPart(p.room, `"locked":true`))
		p.a.Quiet()
	},
	"Invalid_Message": func(p *pair) {
		p.together()
		invalid(p.t, p.a, proto.UpdateRoom, map[string]string{
			roomPart(p.room, `"capacity":-1`): "data.capacity", roomPart(p.room, `"capacity":1.5`): "data.capacity", roomPart(p.room, `"capacity":"5"`): "data.capacity",
			roomPart(p.room, `"capacity":1`): "data.capacity", // the room has two members
			roomPart(p.room, `"name":5`):     "data.name", roomPart(p.room, `"locked":1`): "data.locked",
			roomPart(p.room, `"name":`+quoted(strings.Repeat("n", proto.MaxRoomNameBytes+1))):   "data.name",
			roomPart(p.room, `"metadata":`+quoted(strings.Repeat("m", proto.MaxMetadataBytes))): "data.metadata",
		})
		p.b.Quiet()
	},
}
