package protocol_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
)

// signalRows are the tests of an event that is relayed unchanged.
func signalRows(e proto.Event) rows {
	return rows{
		"works":          func(p *pair) { relayed(p, e) },
		"Missing_Fields": func(p *pair) { needsTo(p, e, `"data":1`) },
		"Unauthorised":   refusesFrom(e, `"data":1`),
		"Not_Found":      func(p *pair) { needsPeer(p, e, `"data":1`) },
		"Not_Delivered":  func(p *pair) { notDelivered(p, e, func(pad string) string { return `"data":` + quoted(pad) }) },
	}
}

// relayed checks that a frame reaches the other gateway's peer, and the peer of
// the same gateway, with all its members.
func relayed(p *pair, e proto.Event) {
	same := p.Dial(p.t, 0)
	for _, to := range []*kit.Conn{p.b, same, p.a} {
		p.a.Send(`{"event":%q,"to":%q,"data":{"sdp":"v=0"},"id":"mine"}`, e, to.ID)
		f := to.Expect(e)
		want := fmt.Sprintf(`{"event":%q,"from":%q,"data":{"sdp":"v=0"},"id":"mine"}`, e, p.a.ID)
		if string(f.Raw) != want {
			p.t.Errorf("got  %s\nwant %s", f.Raw, want)
		}
	}
	p.a.Send(`{"event":%q,"to":%q}`, e, p.b.ID) // data is optional
	if f := p.b.Expect(e); f.Data != nil {
		p.t.Errorf("got %s, want no data", f.Raw)
	}
	p.a.Quiet() // no error means delivered
}

// needsTo tests the error for a frame without a target.
func needsTo(p *pair, e proto.Event, data string) {
	misses(p.t, p.a, e, map[string]string{
		data:                   "to",
		`"to":null,` + data:    "to",
		`"to":"",` + data:      "to",
		`"to":5,` + data:       "to",
		`"to":["x"],` + data:   "to",
		`"to":{"a":1},` + data: "to",
	})
}

// needsPeer tests the error for a frame to an unknown peer, however its target is
// written.
func needsPeer(p *pair, e proto.Event, data string) {
	departedPeer, own := departed(p, 1), departed(p, 0)
	for what, to := range map[string]string{
		"never issued by a gateway that is there": string(proto.NewPeerID(p.b.ID.Home())),
		"never issued by the sender's gateway":    string(proto.NewPeerID(p.a.ID.Home())),
		"of a gateway that never was":             string(proto.NewPeerID("00000000")),
		"of a peer that has left":                 string(departedPeer),
		"of a peer that has left this gateway":    string(own),
		"in upper case":                           strings.ToUpper(string(p.b.ID)),
		"a wildcard":                              "*",
		"all":                                     ">",
		"text":                                    "p2p.gw.\n\"x\" é",
		"long":                                    strings.Repeat("a.", 3000),
	} {
		err := fails(p.t, p.a, proto.NotFound, e, `"to":`+quoted(to)+","+data)
		if len(to) < 64 && err.To != to {
			p.t.Errorf("an id %s: got data.to %q, want %q", what, err.To, to)
		}
	}
	p.b.Quiet()
}

// departed returns the id of a peer of gateway i that has left; a member of its
// room has received that.
func departed(p *pair, i int) proto.PeerID {
	p.t.Helper()
	c, room := p.Dial(p.t, i), newRoom()
	c.Create(room)
	p.b.Join(room)
	c.Bye()
	removed(p.t, p.b, room, c.ID, proto.ReasonDisconnected, p.b)
	p.b.Send(`{"event":"Leave_Room","data":{"room":%q}}`, room)
	p.b.Expect(proto.RoomLeft)
	return c.ID
}

var connectRows = rows{
	"works": func(p *pair) {
		p.a.Send(`{"event":"Connect","to":%q,"data":{"candidate":{"candidate":"c"},"sdp":"v=0","more":1},"id":"mine"}`, p.b.ID)
		f := p.b.Expect(proto.Offer)
		checkServerFrame(p.t, f, proto.TypeInfo)
		want := fmt.Sprintf(`{"event":"Offer","from":%q,"data":{"sdp":"v=0","candidate":{"candidate":"c"}}}`, p.a.ID)
		if string(f.Data) != want {
			p.t.Errorf("got data\n%s, want\n%s", f.Data, want)
		}
		if f.ID != nil {
			p.t.Errorf("the target: got %s, want it without the sender's id", f.Raw)
		}
		p.a.Quiet()
	},
	"Missing_Fields": func(p *pair) {
		const data = `"data":{"sdp":"v=0","candidate":"c"}`
		needsTo(p, proto.Connect, data)
		to := fmt.Sprintf(`"to":%q`, p.b.ID)
		misses(p.t, p.a, proto.Connect, map[string]string{
			to:                               "data.sdp",
			to + `,"data":5`:                 "data.sdp",
			to + `,"data":{}`:                "data.sdp",
			to + `,"data":{"candidate":"c"}`: "data.sdp",
			to + `,"data":{"sdp":"v=0"}`:     "data.candidate",
			to + `,"data":{"sdp":"v=0","Candidate":"c"}`: "data.candidate",
		})
		p.b.Quiet()
	},
	"Not_Found":    func(p *pair) { needsPeer(p, proto.Connect, `"data":{"sdp":"v=0","candidate":"c"}`) },
	"Unauthorised": refusesFrom(proto.Connect, `"data":{"sdp":"v=0","candidate":"c"}`),
	"Not_Delivered": func(p *pair) {
		notDelivered(p, proto.Connect, func(pad string) string { return `"data":{"candidate":"c","sdp":` + quoted(pad) + `}` })
	},
}

var messageRows = rows{
	"works": func(p *pair) { relayed(p, proto.Message) },
	"to a room": func(p *pair) {
		p.together()
		third, other := p.Dial(p.t, 0), p.Dial(p.t, 1)
		third.Join(p.room)
		p.a.Members(p.room, ids(p.a, p.b, third)...)
		p.b.Members(p.room, ids(p.a, p.b, third)...)
		p.a.Send(`{"event":"Message","room":%q,"data":"all","id":1}`, p.room)
		want := fmt.Sprintf(`{"event":"Message","from":%q,"room":%q,"data":"all","id":1}`, p.a.ID, p.room)
		for _, c := range []*kit.Conn{p.b, third} {
			if f := c.Expect(proto.Message); string(f.Raw) != want {
				p.t.Errorf("got  %s\nwant %s", f.Raw, want)
			}
		}
		p.a.Quiet() // not to the sender
		other.Quiet()
	},
	"Missing_Fields": func(p *pair) {
		needsTo(p, proto.Message, `"data":1`)
		misses(p.t, p.a, proto.Message, map[string]string{`"room":5`: "room", `"room":["x"]`: "room"})
	},
	"Not_Found": func(p *pair) { needsPeer(p, proto.Message, `"data":1`) },
	"Unauthorised": func(p *pair) {
		p.b.Create(p.room)
		e := fails(p.t, p.a, proto.Unauthorised, proto.Message, `"room":`+quoted(p.room))
		if e.Room != p.room {
			p.t.Errorf("got data.room %q, want %q", e.Room, p.room)
		}
		p.b.Quiet()
	},
	"Unauthorised to a peer": refusesFrom(proto.Message, `"data":1`),
	"to a room that was left": func(p *pair) {
		p.together()
		p.b.Send(`{"event":"Leave_Room","data":{"room":%q}}`, p.room)
		p.b.Expect(proto.RoomLeft)
		fails(p.t, p.b, proto.Unauthorised, proto.Message, `"room":`+quoted(p.room))
		p.a.Members(p.room, p.a.ID)
		p.a.Send(`{"event":"Message","room":%q}`, p.room)
		p.a.Quiet()
		p.b.Quiet()
	},
	"Invalid_Message": func(p *pair) {
		p.together()
		fails(p.t, p.a, proto.InvalidMessage, proto.Message, fmt.Sprintf(`"to":%q,"room":%q`, p.b.ID, p.room))
		p.b.Quiet()
	},
	"Not_Delivered": func(p *pair) {
		notDelivered(p, proto.Message, func(pad string) string { return `"data":` + quoted(pad) })
	},
	"Not_Delivered to a room": roomNotDelivered,
}

// A peer's members reach the others unchanged, except those that only the server
// may write.
func TestRelay_OtherMembers_ArriveByteForByte(t *testing.T) {
	p := newPair(t, kit.Start(t, kit.Options{}))
	frame := ` { "x" : 1.50e+2 , "event" : "mEsSaGe" , "from" : "forged", "to" : "TO" , "type":"update",` +
		` "timestamp":1, "message_id":{"a":[]}, "deep":{"from":"kept","b" : [ 1,2 , {"é":"\u00e9\ud83d\ude00"} ]}, "ünïcode" : "日本\/", "n\u0061me":null,` +
		` "data" : "a\tb" , "id" : 12345678901234567890.10 , "FROM":"forged","Fro\u006d":1,"Type":"update", "fromm":"kept" } ` + "\r\n"
	p.a.Text(strings.Replace(frame, "TO", string(p.b.ID), 1))
	f := p.b.Expect(proto.Message)
	got := map[string]string{}
	if !proto.Members(f.Raw, func(name string, value []byte) { got[name] = string(value) }) {
		t.Fatalf("got %s, want a frame", f.Raw)
	}
	want := map[string]string{
		"event": `"Message"`, "from": quoted(string(p.a.ID)), "x": "1.50e+2", "fromm": `"kept"`,
		"deep":    `{"from":"kept","b" : [ 1,2 , {"é":"\u00e9\ud83d\ude00"} ]}`,
		"ünïcode": `"日本\/"`, "name": "null", "data": `"a\tb"`, "id": "12345678901234567890.10",
	}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s: got %s, want %s", name, got[name], value)
		}
		delete(got, name)
	}
	if len(got) > 0 {
		t.Errorf("got the members %v, want no others", got)
	}
	for _, member := range []string{`"x" : 1.50e+2`, `"n\u0061me":null`, `"data" : "a\tb"`} {
		if !strings.Contains(string(f.Raw), member) {
			t.Errorf("got another %s in %s, want it unchanged", member, f.Raw)
		}
	}
}

// No client can pose as another peer or as the server, whatever the spelling.
func TestRelay_ForgedFrom_IsReplaced(t *testing.T) {
	p := newPair(t, kit.Start(t, kit.Options{}))
	p.together()
	forged := fmt.Sprintf(`"fr\u006fm":%q,"t\u0079pe":"error","timest\u0061mp":"x","message\u005fid":"y"`, p.b.ID)
	p.a.Send(`{"event":"Message","to":%q,"t\u006f":null}`, p.b.ID) // a name twice, once with an escape
	p.a.ExpectError(proto.InvalidMessage)
	for to, want := range map[string]int{
		`"to":` + quoted(string(p.b.ID)): 2, // event, from
		`"room":` + quoted(p.room):       3, // and room
	} {
		p.a.Send(`{"event":"Message",%s,%s}`, to, forged)
		f := p.b.Expect(proto.Message)
		var members map[string]json.RawMessage
		if err := json.Unmarshal(f.Raw, &members); err != nil {
			t.Fatal(err)
		}
		if len(members) != want || f.From != p.a.ID || f.Type != "" {
			t.Errorf("got %s, want %d members, the sender's id as from, and no type", f.Raw, want)
		}
	}
}
