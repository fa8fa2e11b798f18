package protocol_test

import (
	"strings"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
)

var joinRows = rows{
	"works": func(p *pair) {
		p.a.Send(`{"event":"Create_Room","data":{"room":%q,"name":"N"}}`, p.room)
		made := kit.Room(p.t, p.a.Expect(proto.RoomCreated))
		p.b.Send(`{"event":"Join_Room","data":{"room":%q},"id":3}`, p.room)
		for _, c := range []*kit.Conn{p.b, p.a} {
			f := c.Expect(proto.ClientAdded)
			checkServerFrame(p.t, f, proto.TypeUpdate)
			d := kit.Room(p.t, f)
			if string(d.Room) != p.room || d.Name != "N" || d.Creator != p.a.ID || d.Client != p.b.ID || d.Revision <= made.Revision ||
				len(d.Clients) != 2 || d.Clients[0] != p.a.ID || d.Clients[1] != p.b.ID || len(d.Added) != 1 || d.Added[0] != p.b.ID {
				p.t.Errorf("got %s, want the room with its settings and both members", f.Raw)
			}
			if own := string(f.ID) == "3"; own != (c == p.b) {
				p.t.Errorf("got %s, want the id in the joiner's frame alone", f.Raw)
			}
			c.Quiet()
		}
	},
	"with create": func(p *pair) {
		p.b.Send(`{"event":"Join_Room","data":{"room":%q,"create":true}}`, p.room)
		d := kit.Room(p.t, p.b.Expect(proto.ClientAdded))
		if d.Creator != p.b.ID || len(d.Clients) != 1 || d.Client != p.b.ID {
			p.t.Errorf("got %+v, want a room of b alone", d)
		}
		p.a.Send(`{"event":"Join_Room","data":{"room":%q,"create":true}}`, p.room) // the room exists: just joins
		if d := kit.Room(p.t, p.a.Expect(proto.ClientAdded)); d.Creator != p.b.ID || len(d.Clients) != 2 {
			p.t.Errorf("got %+v, want two members, and b as creator", d)
		}
	},
	"metadata about the member": func(p *pair) {
		p.a.Create(p.room)
		p.b.Send(`{"event":"Join_Room","data":{"room":%q,"metadata":{"nick":"b"}}}`, p.room)
		for _, c := range []*kit.Conn{p.a, p.b} {
			d := c.Members(p.room, p.a.ID, p.b.ID)
			if string(d.Members[p.b.ID].Metadata) != `{"nick":"b"}` {
				p.t.Errorf("got members %+v, want the metadata of the joiner", d.Members)
			}
		}
		third := p.Dial(p.t, 0)
		if d := third.Join(p.room); string(d.Members[p.b.ID].Metadata) != `{"nick":"b"}` {
			p.t.Errorf("a later joiner: got members %+v, want the metadata of the one before", d.Members)
		}
	},
	"order of joining": func(p *pair) {
		p.together()
		third, fourth := p.Dial(p.t, 1), p.Dial(p.t, 0)
		third.Join(p.room)
		fourth.Join(p.room)
		for _, c := range []*kit.Conn{p.a, p.b, third} {
			c.Members(p.room, ids(p.a, p.b, third, fourth)...)
		}
	},
	"Missing_Fields": func(p *pair) {
		misses(p.t, p.a, proto.JoinRoom, map[string]string{
			`"room":"x"`: "data", // the member room of a frame is for messages
		})
		needsRoom(p, proto.JoinRoom)
	},
	"Not_Found": func(p *pair) {
		for _, room := range []string{p.room, p.room + "\n", "*", strings.Repeat("x", proto.MaxRoomIDBytes+1)} {
			c := p.Dial(p.t, 1)
			c.Send(`{"event":"Join_Room","data":{"room":%s},"id":1}`, quoted(room))
			f := c.Next()
			e := f.Err()
			// An impossible room id may also be refused as invalid.
			if e == nil || e.Code != proto.NotFound && (e.Code != proto.InvalidMessage || proto.RoomID(room).Valid()) {
				p.t.Errorf("joining %q: got %s, want %s", room, f.Raw, proto.NotFound)
			}
		}
		e := fails(p.t, p.a, proto.NotFound, proto.JoinRoom, roomPart(p.room, `"create":false`))
		if !strings.Contains(e.Message, "does not exist") || e.Room != p.room {
			p.t.Errorf("got %+v, want the room, and that it does not exist", e)
		}
	},
	"Already_Exists": func(p *pair) {
		p.together()
		fails(p.t, p.a, proto.AlreadyExists, proto.JoinRoom, roomPart(p.room, ""))
		fails(p.t, p.b, proto.AlreadyExists, proto.JoinRoom, roomPart(p.room, `"create":true`))
		p.a.Quiet()
	},
	"Room_Full": func(p *pair) {
		p.a.Send(`{"event":"Create_Room","data":{"room":%q,"capacity":1}}`, p.room)
		p.a.Expect(proto.RoomCreated)
		fails(p.t, p.b, proto.RoomFull, proto.JoinRoom, roomPart(p.room, ""))
		p.a.Quiet()
		p.a.Send(`{"event":"Update_Room","data":{"room":%q,"capacity":2}}`, p.room)
		p.a.Expect(proto.RoomUpdated)
		p.b.Join(p.room)
	},
	"Banned": func(p *pair) {
		p.a.Create(p.room)
		p.a.Send(`{"event":"Remove_Client","data":{"room":%q,"client":%q,"ban":true}}`, p.room, p.b.ID)
		p.a.Expect(proto.ClientRemoved)
		fails(p.t, p.b, proto.Banned, proto.JoinRoom, roomPart(p.room, `"create":true`))
		p.a.Send(`{"event":"Unban_Client","data":{"room":%q,"client":%q}}`, p.room, p.b.ID)
		p.a.Expect(proto.RoomInfo)
		p.b.Join(p.room)
	},
	"Room_Locked": func(p *pair) {
		p.a.Send(`{"event":"Create_Room","data":{"room":%q,"locked":true}}`, p.room)
		p.a.Expect(proto.RoomCreated)
		fails(p.t, p.b, proto.RoomLocked, proto.JoinRoom, roomPart(p.room, ""))
		p.a.Send(`{"event":"Update_Room","data":{"room":%q,"locked":false}}`, p.room)
		p.a.Expect(proto.RoomUpdated)
		p.b.Join(p.room)
	},
	"Limit_Exceeded": func(p *pair) {
		p.a.Create(p.room)
		for range maxRooms {
			p.b.Create(newRoom())
		}
		fails(p.t, p.b, proto.LimitExceeded, proto.JoinRoom, roomPart(p.room, ""))
		p.a.Quiet()
	},
	"out of bounds": func(p *pair) {
		p.a.Create(p.room)
		invalid(p.t, p.b, proto.JoinRoom, map[string]string{
			roomPart(p.room, `"metadata":`+quoted(strings.Repeat("m", proto.MaxMemberMetadata))): "data.metadata",
			roomPart(p.room, `"create":"yes"`):                                                   "data.create",
		})
		p.a.Quiet()
	},
}

var infoRows = rows{
	"works": func(p *pair) {
		p.together()
		p.a.Send(`{"event":"Update_Room","data":{"room":%q,"name":"N","metadata":[1]}}`, p.room)
		p.a.Expect(proto.RoomUpdated)
		p.b.Expect(proto.RoomUpdated)
		p.b.Send(`{"event":"Room_Info","data":{"room":%q},"id":"i"}`, p.room)
		f := p.b.Expect(proto.RoomInfo)
		checkServerFrame(p.t, f, proto.TypeInfo)
		d := kit.Room(p.t, f)
		if string(f.ID) != `"i"` || string(d.Room) != p.room || d.Name != "N" || string(d.Metadata) != "[1]" || d.Creator != p.a.ID ||
			len(d.Clients) != 2 || d.Clients[0] != p.a.ID || d.Clients[1] != p.b.ID || d.Revision == 0 {
			p.t.Errorf("got %s, want the room with its settings", f.Raw)
		}
		p.a.Quiet()
	},
	"Missing_Fields": func(p *pair) { needsRoom(p, proto.RoomInfo) },
	"Not_Found": func(p *pair) {
		fails(p.t, p.a, proto.NotFound, proto.RoomInfo, roomPart(p.room, ""))
	},
	"Unauthorised": func(p *pair) {
		p.a.Create(p.room)
		fails(p.t, p.b, proto.Unauthorised, proto.RoomInfo, roomPart(p.room, ""))
		same := p.Dial(p.t, 0)
		fails(p.t, same, proto.Unauthorised, proto.RoomInfo, roomPart(p.room, ""))
	},
}

// needsRoom tests the error for a frame without a room.
func needsRoom(p *pair, e proto.Event) {
	misses(p.t, p.a, e, map[string]string{
		"": "data", `"data":null`: "data", `"data":[]`: "data", `"data":"room"`: "data",
		`"data":{}`: "data.room", `"data":{"room":null}`: "data.room", `"data":{"room":7}`: "data.room", `"data":{"room":["x"]}`: "data.room", `"data":{"Room":"x"}`: "data.room",
	})
}
