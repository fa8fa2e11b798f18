package protocol_test

import (
	"fmt"
	"slices"
	"strings"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
)

// memberRows: a member changes its own metadata.
var memberRows = rows{
	"works": func(p *pair) {
		p.together()
		for i, metadata := range []string{`{"hand":true}`, `"renamed"`, `null`} {
			p.b.Send(`{"event":"Update_Member","data":{"room":%q,"metadata":%s},"id":%d}`, p.room, metadata, i)
			for _, c := range []*kit.Conn{p.a, p.b} {
				f := c.Expect(proto.MemberUpdated)
				checkServerFrame(p.t, f, proto.TypeUpdate)
				d := kit.Room(p.t, f)
				info, listed := d.Members[p.b.ID]
				if got := string(info.Metadata); listed != (metadata != "null") || listed && got != metadata {
					p.t.Errorf("got %s, want the member's metadata %s", f.Raw, metadata)
				}
				if d.Client != p.b.ID || !slices.Equal(d.Updated, ids(p.b)) || len(d.Clients) != 2 || d.Creator != p.a.ID || len(d.Added)+len(d.Removed) != 0 {
					p.t.Errorf("got %s, want an update of b in the room of both", f.Raw)
				}
				if own := string(f.ID) == fmt.Sprint(i); own != (c == p.b) {
					p.t.Errorf("got %s, want the id in b's frame alone", f.Raw)
				}
			}
		}
		p.a.Quiet()
		p.b.Quiet()
	},
	"newcomers see it": func(p *pair) {
		p.together()
		p.b.Send(`{"event":"Update_Member","data":{"room":%q,"metadata":7}}`, p.room)
		p.b.Expect(proto.MemberUpdated)
		third := p.Dial(p.t, 1)
		third.Send(`{"event":"Join_Room","data":{"room":%q}}`, p.room)
		if f := third.Expect(proto.ClientAdded); string(kit.Room(p.t, f).Members[p.b.ID].Metadata) != "7" {
			p.t.Errorf("the newcomer got %s, want b with metadata 7", f.Raw)
		}
	},
	"is about its sender": func(p *pair) {
		p.together()
		p.a.Send(`{"event":"Update_Member","data":{"room":%q,"client":%q,"metadata":1}}`, p.room, p.b.ID)
		if d := kit.Room(p.t, p.b.Expect(proto.MemberUpdated)); !slices.Equal(d.Updated, ids(p.a)) || d.Members[p.b.ID].Metadata != nil {
			p.t.Errorf("got updated %v, members %v; want the sender, although it is the creator and names b", d.Updated, d.Members)
		}
	},
	"Missing_Fields": func(p *pair) {
		needsRoom(p, proto.UpdateMember)
		p.a.Create(p.room)
		misses(p.t, p.a, proto.UpdateMember, map[string]string{roomPart(p.room, ""): "data.metadata"})
	},
	"Not_Found": func(p *pair) {
		fails(p.t, p.a, proto.NotFound, proto.UpdateMember, roomPart(p.room, `"metadata":1`))
		p.a.Create(p.room)
		fails(p.t, p.b, proto.NotFound, proto.UpdateMember, roomPart(p.room, `"metadata":1`)) // not a member
		p.a.Quiet()
	},
	"Invalid_Message": func(p *pair) {
		p.together()
		invalid(p.t, p.b, proto.UpdateMember, map[string]string{
			roomPart(p.room, `"metadata":`+quoted(strings.Repeat("m", proto.MaxMemberMetadata))): "data.metadata",
		})
		p.a.Quiet()
	},
}
