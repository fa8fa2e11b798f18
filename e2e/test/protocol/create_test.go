package protocol_test

import (
	"fmt"
	"strings"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
)

// roomPart returns the `data` part of a frame about a room.
func roomPart(room, more string) string {
	if more != "" {
		more = "," + more
	}
	return fmt.Sprintf(`"data":{"room":%s%s}`, quoted(room), more)
}

var createRows = rows{
	"works": func(p *pair) {
		p.a.Send(`{"event":"Create_Room","data":{"room":%q,"name":"Name é","capacity":5,"locked":true,"metadata":{"b":1,"a":[2]}},"id":"mine"}`, p.room)
		f := p.a.Expect(proto.RoomCreated)
		checkServerFrame(p.t, f, proto.TypeInfo)
		d := kit.Room(p.t, f)
		if string(f.ID) != `"mine"` || string(d.Room) != p.room || d.RoomID != d.Room || d.Name != "Name é" || d.Creator != p.a.ID ||
			len(d.Clients) != 1 || d.Clients[0] != p.a.ID || d.Capacity != 5 || !d.Locked || string(d.Metadata) != `{"b":1,"a":[2]}` || d.Revision == 0 {
			p.t.Errorf("got %s, want all settings of the frame", f.Raw)
		}
		p.a.Quiet()
		p.b.Quiet()
	},
	"the server draws an id": func(p *pair) {
		var rooms [2]proto.RoomData
		for i, data := range []string{`{}`, `{"name":"x","room":null}`} {
			p.a.Send(`{"event":"Create_Room","data":%s}`, data)
			rooms[i] = kit.Room(p.t, p.a.Expect(proto.RoomCreated))
		}
		if rooms[0].Room == rooms[1].Room || rooms[0].Room == "" || rooms[0].RoomID != rooms[0].Room {
			p.t.Errorf("got %+v, want two rooms with ids of their own", rooms)
		}
		p.b.Join(string(rooms[0].Room)) // it exists for the other gateway too
	},
	"Create_Rom": func(p *pair) {
		p.a.Send(`{"event":"cReAtE_RoM","data":{"room":%q}}`, p.room)
		p.a.Expect(proto.RoomCreated)
	},
	"ids are any text": func(p *pair) {
		for _, room := range []string{p.room + ` .*> $ "\ é日本😀`, strings.Repeat("x", proto.MaxRoomIDBytes-8) + p.room[:4]} {
			p.a.Send(`{"event":"Create_Room","data":{"room":%s}}`, quoted(room))
			if d := kit.Room(p.t, p.a.Expect(proto.RoomCreated)); string(d.Room) != room {
				p.t.Errorf("got room %[2]q, want %[1]q", room, d.Room)
			}
			p.b.Send(`{"event":"Join_Room","data":{"room":%s}}`, quoted(room))
			p.b.Expect(proto.ClientAdded)
			p.a.Members(room, p.a.ID, p.b.ID)
			p.a.Send(`{"event":"Message","room":%s}`, quoted(room))
			if f := p.b.Expect(proto.Message); string(f.Room) != room {
				p.t.Errorf("a message: got room %[2]q, want %[1]q", room, f.Room)
			}
		}
	},
	"Duplicate_Room": func(p *pair) {
		p.a.Create(p.room)
		for _, c := range []*kit.Conn{p.a, p.b} {
			if e := fails(p.t, c, proto.DuplicateRoom, proto.CreateRoom, roomPart(p.room, "")); e.Room != p.room {
				p.t.Errorf("got data.room %q, want %q", e.Room, p.room)
			}
		}
	},
	"Missing_Fields": func(p *pair) {
		misses(p.t, p.a, proto.CreateRoom, map[string]string{
			"": "data", `"data":null`: "data", `"data":[]`: "data", `"data":"x"`: "data",
			`"data":{"room":5}`: "data.room", `"data":{"room":["x"]}`: "data.room", `"data":{"room":""}`: "data.room",
		})
	},
	"Invalid_Message": func(p *pair) {
		invalid(p.t, p.a, proto.CreateRoom, map[string]string{
			`"data":{"room":"a\u0000b"}`: "data.room", `"data":{"room":"a\nb"}`: "data.room", `"data":{"room":` + quoted(strings.Repeat("x", proto.MaxRoomIDBytes+1)) + "}": "data.room",
			`"data":{"name":` + quoted(strings.Repeat("n", proto.MaxRoomNameBytes+1)) + "}":   "data.name",
			`"data":{"metadata":` + quoted(strings.Repeat("m", proto.MaxMetadataBytes)) + "}": "data.metadata",
			`"data":{"capacity":-1}`: "data.capacity", `"data":{"capacity":1.5}`: "data.capacity", `"data":{"capacity":"5"}`: "data.capacity", `"data":{"capacity":{}}`: "data.capacity",
			`"data":{"room":"a\u202eb"}`: "data.room", `"data":{"room":"a\uffff"}`: "data.room", `"data":{"name":"a\u2066b"}`: "data.name", `"data":{"name":"a\tb"}`: "data.name",
			`"data":{"name":5}`: "data.name", `"data":{"locked":"yes"}`: "data.locked",
		})
	},
	"Limit_Exceeded": func(p *pair) {
		for range maxRooms {
			p.a.Create(newRoom())
		}
		fails(p.t, p.a, proto.LimitExceeded, proto.CreateRoom, roomPart(p.room, ""))
		p.b.Create(p.room) // it was not made
	},
	"capacity above the limit": func(p *pair) {
		fails(p.t, p.a, proto.LimitExceeded, proto.CreateRoom, fmt.Sprintf(`"data":{"capacity":%d}`, p.a.Details.Limits.MaxRoomMembers+1))
	},
}
