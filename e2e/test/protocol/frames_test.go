package protocol_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
)

// Event names match in any case, and a relayed frame carries the canonical
// name.
func TestEvents_NamesInAnyCase_AreAccepted(t *testing.T) {
	p := newPair(t, kit.Start(t, kit.Options{}))
	for _, e := range []proto.Event{proto.Offer, proto.Answer, proto.Candidate, proto.Message} {
		for _, name := range []string{string(e), strings.ToUpper(string(e)), strings.ToLower(string(e))} {
			p.a.Send(`{"event":%q,"to":%q}`, name, p.b.ID)
			if f := p.b.Next(); f.Event != string(e) {
				t.Errorf("%s: got %s, want the canonical name", name, f.Raw)
			}
		}
	}
	for _, name := range []string{"create_room", "Create_Room", "CREATE_ROOM", "create_rom", "Create_Rom", "CREATE_ROM"} {
		p.a.Send(`{"event":%q,"data":{}}`, name)
		p.a.Expect(proto.RoomCreated)
	}
	for name, want := range map[string]proto.Event{"PING": proto.Pong, "p\\u0069ng": proto.Pong} {
		p.a.Text(`{"event":"` + name + `"}`)
		p.a.Expect(want)
	}
	p.a.Send(`{"event":"join_ROOM","data":{"room":%q,"create":true}}`, p.room)
	p.a.Expect(proto.ClientAdded)
	p.a.Send(`{"event":"room_info","data":{"room":%q}}`, p.room)
	p.a.Expect(proto.RoomInfo)
	p.a.Send(`{"event":"update_room","data":{"room":%q,"name":"n"}}`, p.room)
	p.a.Expect(proto.RoomUpdated)
	p.a.Send(`{"event":"leave_Room","data":{"room":%q}}`, p.room)
	p.a.Expect(proto.RoomLeft)
}

// The correlation id comes back unchanged, in answers and in errors.
func TestID_AnyValue_IsEchoed(t *testing.T) {
	c := kit.Start(t, kit.Options{RoomServices: 1}).Dial(t, 0)
	for _, id := range []string{`"x"`, `""`, `"\u00e9\n\"日"`, "0", "-1.5e-9", "123456789012345678901234567890", `"` + strings.Repeat("i", proto.MaxCorrelationID-2) + `"`} {
		c.Text(`{"event":"Ping","id":` + id + `}`)
		if f := c.Expect(proto.Pong); string(f.ID) != id {
			t.Errorf("got id %[2]s, want %[1]s", id, f.ID)
		}
		c.Text(`{"id":` + id + `,"event":"Nonsense"}`)
		f := c.Next()
		if f.Err() == nil || string(f.ID) != id {
			t.Errorf("got %[2]s, want id %[1]s", id, f.Raw)
		}
	}
	c.Send(`{"event":"Ping","id":null}`)
	if f := c.Expect(proto.Pong); f.ID != nil && string(f.ID) != "null" {
		t.Errorf("got id %s, want none for null", f.ID)
	}
	for _, id := range []string{"{}", "[]", "true", `"` + strings.Repeat("i", proto.MaxCorrelationID) + `"`} {
		c.Text(`{"event":"Ping","id":` + id + `}`)
		if e := c.ExpectError(proto.InvalidMessage); e.Field != "id" {
			t.Errorf("an id %.20s: got %+v, want the field id", id, e)
		}
	}
	c.Quiet()
}

// The error for an unknown event lists the supported ones.
func TestEvents_Unknown_IsAnsweredWithTheList(t *testing.T) {
	c := kit.Start(t, kit.Options{RoomServices: 1}).Dial(t, 0)
	for _, event := range []string{"Dance", "", "Client_Details", "Pong", "Room_Created", "Create_Room ", strings.Repeat("x", 128), "é"} {
		e := fails(t, c, proto.UnsupportedEvent, proto.Event(event), "")
		if !slices.Equal(e.Events, proto.ClientEventNames()) {
			t.Errorf("got events %v, want %v", e.Events, proto.ClientEventNames())
		}
	}
	c.Quiet()
}

// A malformed frame gets an error, and the connection stays open.
func TestFrames_Invalid_AreAnswered(t *testing.T) {
	c := kit.Start(t, kit.Options{RoomServices: 1}).Dial(t, 0)
	for _, frame := range []string{
		``, ` `, `nothing`, `[]`, `"Ping"`, `5`, `null`, `{`, `{"event":"Ping"`, `{"event":"Ping",}`, `{'event':'Ping'}`, `{event:"Ping"}`,
		`{"event":"Ping"} {"event":"Ping"}`, `{"event":"Ping"}x`, `{"event":"Ping"}]`, "{\"event\":\"Ping\"}\x00", "\ufeff" + `{"event":"Ping"}`,
		`{"event":"Ping","event":"Ping"}`, `{"event":"Ping","x":1,"x":1}`, `{"event":"Ping","data":{"a":1,"a":2}}`,
		`{"event":"Ping","data":[{"a":1,"b":{"c":1,"c":1}}]}`, `{"event":"Ping","ev\u0065nt":"Ping"}`,
		"{\"event\":\"Ping\",\"x\":\"\n\"}", `{"event":"Ping","x":"\q"}`, `{"event":"Ping","x":01}`, `{"event":"Ping","x":NaN}`, `{"event":"Ping","x":+1}`,
		`{"event":"Ping","data":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`,
	} {
		if err := c.Write(websocket.MessageText, []byte(frame)); err != nil {
			t.Fatal(err)
		}
		f := c.Next()
		checkServerFrame(t, f, proto.TypeError)
		if f.Event != string(proto.InvalidMessage) {
			t.Errorf("%.80q: got %.200s, want %s", frame, f.Raw, proto.InvalidMessage)
		}
		c.Quiet()
	}
}

// The error for a frame without an event names the missing member.
func TestFrames_WithoutEvent_AreAnswered(t *testing.T) {
	c := kit.Start(t, kit.Options{RoomServices: 1}).Dial(t, 0)
	for _, frame := range []string{`{}`, `{"event":null}`, `{"event":5}`, `{"event":["Ping"]}`, `{"Event":"Ping"}`, `{"type":"Ping"}`} {
		c.Text(frame)
		if e := c.ExpectError(proto.MissingFields); e.Field != "event" {
			t.Errorf("%s: got %+v, want the field event", frame, e)
		}
	}
}

// An error frame takes the place of the answer: no frame around it is lost.
func TestErrors_BetweenFrames_LoseNoFrame(t *testing.T) {
	p := newPair(t, kit.Start(t, kit.Options{}))
	bad := []string{`{"event":"Nonsense"}`, `{"event":"Offer"}`, `[`, `{"event":"Join_Room","data":{"room":"nowhere"}}`}
	for i := range 100 {
		p.a.Text(bad[i%len(bad)])
		p.a.Send(`{"event":"Message","to":%q,"data":%d}`, p.b.ID, i)
		p.a.Send(`{"event":"Ping","id":%d}`, i)
	}
	for i := range 100 {
		if f := p.b.Expect(proto.Message); string(f.Data) != strconv.Itoa(i) {
			t.Fatalf("got message %s, want %d", f.Data, i)
		}
	}
	errors, pongs := 0, 0
	for errors+pongs < 200 {
		f := p.a.Next()
		switch {
		case f.Err() != nil:
			errors++
		case f.Is(proto.Pong) && string(f.ID) == strconv.Itoa(pongs):
			pongs++
		default:
			t.Fatalf("got %s, want a frame that the test sent, or an error", f.Raw)
		}
	}
	if errors != 100 {
		t.Errorf("got %d errors, want 100", errors)
	}
}
