package protocol_test

import (
	"fmt"
	"slices"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
)

var unbanRows = rows{
	"works": func(p *pair) {
		p.together()
		client := fmt.Sprintf(`"client":%q`, p.b.ID)
		p.a.Send(`{"event":"Remove_Client","data":{"room":%q,%s,"ban":true}}`, p.room, client)
		p.a.Expect(proto.ClientRemoved)
		p.b.Expect(proto.ClientRemoved)
		p.a.Send(`{"event":"Unban_Client","data":{"room":%q,%s},"id":3}`, p.room, client)
		f := p.a.Expect(proto.RoomInfo)
		checkServerFrame(p.t, f, proto.TypeInfo)
		if d := kit.Room(p.t, f); string(f.ID) != "3" || len(d.Banned) != 0 || !slices.Equal(d.Clients, ids(p.a)) {
			p.t.Errorf("got %s, want the room without bans", f.Raw)
		}
		p.b.Join(p.room)
	},
	"Missing_Fields": func(p *pair) {
		needsRoom(p, proto.UnbanClient)
		p.a.Create(p.room)
		misses(p.t, p.a, proto.UnbanClient, map[string]string{roomPart(p.room, ""): "data.client"})
	},
	"Not_Found": func(p *pair) {
		client := fmt.Sprintf(`"client":%q`, p.b.ID)
		fails(p.t, p.a, proto.NotFound, proto.UnbanClient, roomPart(p.room, client))
		p.a.Create(p.room)
		fails(p.t, p.a, proto.NotFound, proto.UnbanClient, roomPart(p.room, client)) // not banned
	},
	"Unauthorised": func(p *pair) {
		p.together()
		fails(p.t, p.b, proto.Unauthorised, proto.UnbanClient, roomPart(p.room, fmt.Sprintf(`"client":%q`, p.b.ID)))
		p.a.Quiet()
	},
}

// setRole makes p.b a moderator or a member, for p.a, and checks what both get.
func setRole(p *pair, role proto.Role) {
	p.t.Helper()
	p.a.Send(`{"event":"Set_Role","data":{"room":%q,"client":%q,"role":%q},"id":"r"}`, p.room, p.b.ID, role)
	for _, c := range []*kit.Conn{p.a, p.b} {
		f := c.Expect(proto.MemberUpdated)
		checkServerFrame(p.t, f, proto.TypeUpdate)
		if own := string(f.ID) == `"r"`; own != (c == p.a) {
			p.t.Errorf("got %s, want the id in the creator's frame alone", f.Raw)
		}
		if d := kit.Room(p.t, f); !slices.Equal(d.Updated, ids(p.b)) || d.Members[p.b.ID].Moderator != (role == proto.RoleModerator) {
			p.t.Errorf("got %s, want b as %s", f.Raw, role)
		}
	}
}

var roleRows = rows{
	"works": func(p *pair) {
		p.together()
		rename := func(want proto.Event) {
			p.t.Helper()
			p.b.Send(`{"event":"Update_Room","data":{"room":%q,"name":"by b"}}`, p.room)
			p.b.Expect(want)
			if want == proto.RoomUpdated {
				p.a.Expect(proto.RoomUpdated)
			}
		}
		setRole(p, proto.RoleModerator)
		rename(proto.RoomUpdated)
		setRole(p, proto.RoleMember)
		fails(p.t, p.b, proto.Unauthorised, proto.UpdateRoom, roomPart(p.room, `"name":"by b"`))
		p.a.Quiet()
	},
	"moderators remove and ban": func(p *pair) {
		p.together()
		setRole(p, proto.RoleModerator)
		third := p.Dial(p.t, 1)
		third.Join(p.room)
		for _, c := range []*kit.Conn{p.a, p.b} {
			if f := c.Expect(proto.ClientAdded); kit.Room(p.t, f).Client != third.ID {
				p.t.Errorf("got %s, want the third", f.Raw)
			}
		}
		fails(p.t, p.b, proto.Unauthorised, proto.RemoveClient, roomPart(p.room, fmt.Sprintf(`"client":%q`, p.a.ID)))
		fails(p.t, p.b, proto.Unauthorised, proto.EndRoom, roomPart(p.room, ""))
		p.b.Send(`{"event":"Remove_Client","data":{"room":%q,"client":%q,"ban":true},"id":"r"}`, p.room, third.ID)
		for _, c := range []*kit.Conn{p.b, p.a, third} {
			removed(p.t, c, p.room, third.ID, proto.ReasonBanned, p.a, p.b)
		}
		fails(p.t, third, proto.Banned, proto.JoinRoom, roomPart(p.room, ""))
	},
	"hands the room over": func(p *pair) {
		p.together()
		p.a.Send(`{"event":"Set_Role","data":{"room":%q,"client":%q,"role":"creator"},"id":"r"}`, p.room, p.b.ID)
		for _, c := range []*kit.Conn{p.a, p.b} {
			if d := kit.Room(p.t, c.Expect(proto.MemberUpdated)); !slices.Equal(d.Updated, ids(p.a)) || !d.Members[p.a.ID].Moderator {
				p.t.Errorf("got updated %v, members %v; want the former creator a moderator", d.Updated, d.Members)
			}
			f := c.Expect(proto.RoomUpdated)
			if own := string(f.ID) == `"r"`; own != (c == p.a) || kit.Room(p.t, f).Creator != p.b.ID {
				p.t.Errorf("got %s, want b the creator, and the id in a's frame alone", f.Raw)
			}
		}
		p.b.Send(`{"event":"Room_Info","data":{"room":%q}}`, p.room)
		if d := kit.Room(p.t, p.b.Expect(proto.RoomInfo)); d.Creator != p.b.ID || !d.Members[p.a.ID].Moderator {
			p.t.Errorf("got creator %s, members %v; want b, and a a moderator", d.Creator, d.Members)
		}
		fails(p.t, p.a, proto.Unauthorised, proto.EndRoom, roomPart(p.room, ""))
		p.b.Send(`{"event":"End_Room","data":{"room":%q}}`, p.room)
		p.b.Expect(proto.RoomDeleted)
	},
	"Missing_Fields": func(p *pair) {
		needsRoom(p, proto.SetRole)
		p.a.Create(p.room)
		misses(p.t, p.a, proto.SetRole, map[string]string{
			roomPart(p.room, `"role":"member"`):                  "data.client",
			roomPart(p.room, fmt.Sprintf(`"client":%q`, p.b.ID)): "data.role",
		})
	},
	"Not_Found": func(p *pair) {
		part := fmt.Sprintf(`"client":%q,"role":"moderator"`, p.b.ID)
		fails(p.t, p.a, proto.NotFound, proto.SetRole, roomPart(p.room, part))
		p.a.Create(p.room)
		fails(p.t, p.a, proto.NotFound, proto.SetRole, roomPart(p.room, part)) // not a member
	},
	"Invalid_Message": func(p *pair) {
		p.together()
		invalid(p.t, p.a, proto.SetRole, map[string]string{
			roomPart(p.room, fmt.Sprintf(`"client":%q,"role":"boss"`, p.b.ID)): "data.role",
			roomPart(p.room, fmt.Sprintf(`"client":%q,"role":1`, p.b.ID)):      "data.role",
		})
		p.b.Quiet()
	},
	"Unauthorised": func(p *pair) {
		p.together()
		fails(p.t, p.b, proto.Unauthorised, proto.SetRole, roomPart(p.room, fmt.Sprintf(`"client":%q,"role":"creator"`, p.b.ID)))
		p.a.Quiet()
	},
}
