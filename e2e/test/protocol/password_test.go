package protocol_test

import (
	"fmt"
	"strings"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
)

// private makes the room with the password leaf, for p.a.
func private(p *pair) {
	p.t.Helper()
	p.a.Send(`{"event":"Create_Room","data":{"room":%q,"password":"leaf"}}`, p.room)
	if f := p.a.Expect(proto.RoomCreated); !kit.Room(p.t, f).Password || strings.Contains(string(f.Raw), "leaf") {
		p.t.Errorf("got %s, want a room with a password, and not which", f.Raw)
	}
}

// passwordRows are the rows of Join_Room about passwords.
var passwordRows = rows{
	"Wrong_Password": func(p *pair) {
		private(p)
		for rest, says := range map[string]string{
			"": "data.password; its creator", `"password":null`: "data.password; its creator", `"create":true`: "data.password; its creator",
			`"password":"Leaf"`: "is not the password", `"create":true,"password":"stem"`: "is not the password",
		} {
			e := fails(p.t, p.b, proto.WrongPassword, proto.JoinRoom, roomPart(p.room, rest))
			if !strings.Contains(e.Message, says) || e.Field != "data.password" || e.Room != p.room {
				p.t.Errorf("%s: got %+v, want %q about data.password", rest, e, says)
			}
		}
		p.a.Quiet()
	},
	"with password": func(p *pair) {
		private(p)
		p.b.Send(`{"event":"Join_Room","data":{"room":%q,"password":"leaf"},"id":3}`, p.room)
		for _, c := range []*kit.Conn{p.b, p.a} {
			f := c.Expect(proto.ClientAdded)
			if own := string(f.ID) == "3"; own != (c == p.b) || !kit.Room(p.t, f).Password {
				p.t.Errorf("got %s, want a room with a password, and the id in the joiner's frame alone", f.Raw)
			}
		}
	},
	"password of a room without": func(p *pair) {
		p.a.Create(p.room)
		p.b.Send(`{"event":"Join_Room","data":{"room":%q,"password":"leaf"}}`, p.room)
		if kit.Room(p.t, p.b.Expect(proto.ClientAdded)).Password {
			p.t.Error("got a room with a password, want none: a join changes no settings")
		}
	},
	"create with password": func(p *pair) {
		p.a.Send(`{"event":"Join_Room","data":{"room":%q,"create":true,"password":"leaf"}}`, p.room)
		p.a.Expect(proto.ClientAdded)
		fails(p.t, p.b, proto.WrongPassword, proto.JoinRoom, roomPart(p.room, `"create":true`))
		p.b.Send(`{"event":"Join_Room","data":{"room":%q,"create":true,"password":"leaf"}}`, p.room)
		p.b.Expect(proto.ClientAdded)
	},
	"password changes": func(p *pair) {
		p.together()
		third := p.Dial(p.t, 1)
		set := func(password string, want bool) {
			p.t.Helper()
			p.a.Send(`{"event":"Update_Room","data":{"room":%q,"password":%s}}`, p.room, password)
			for _, c := range []*kit.Conn{p.a, p.b} {
				if f := c.Expect(proto.RoomUpdated); kit.Room(p.t, f).Password != want {
					p.t.Errorf("got %s after password %s, want password %v", f.Raw, password, want)
				}
			}
		}
		set(`"leaf"`, true)
		fails(p.t, third, proto.WrongPassword, proto.JoinRoom, roomPart(p.room, ""))
		set(`"stem"`, true) // the members are notified: what they tell others is out of date
		fails(p.t, third, proto.WrongPassword, proto.JoinRoom, roomPart(p.room, `"password":"leaf"`))
		set(`null`, false)
		third.Join(p.room)
		p.b.Expect(proto.ClientAdded)
		fails(p.t, p.b, proto.Unauthorised, proto.UpdateRoom, roomPart(p.room, `"password":"mine"`))
	},
	"password out of bounds": func(p *pair) {
		bad := map[string]string{}
		for _, password := range []string{`""`, `7`, quoted(strings.Repeat("p", proto.MaxPasswordBytes+1))} {
			bad[roomPart(p.room, fmt.Sprintf(`"password":%s`, password))] = "data.password"
		}
		invalid(p.t, p.a, proto.JoinRoom, bad)
		invalid(p.t, p.a, proto.CreateRoom, bad)
		p.a.Send(`{"event":"Create_Room","data":{"room":%q,"password":%s}}`, p.room, quoted(strings.Repeat("p", proto.MaxPasswordBytes)))
		p.a.Expect(proto.RoomCreated)
		invalid(p.t, p.a, proto.UpdateRoom, bad)
	},
}
