package proto

import (
	"fmt"
	"strings"
	"testing"
)

func TestDecode_EachEnvelope_IsRead(t *testing.T) {
	for _, c := range []struct {
		in                 string
		event              Event
		to, room, id, data string // "-" is absent
		code               ErrorCode
		field              string
	}{
		{in: `{"event":"Offer","to":"p","data":{"sdp":1}}`, event: Offer, to: "p", room: "-", id: "-", data: `{"sdp":1}`},
		{in: " \t\r\n{ \"event\" : \"oFFER\" , \"to\":\"\" }\n ", event: Offer, to: "", room: "-", id: "-", data: "-"},
		{in: `{"event":"create_rom"}`, event: CreateRoom, to: "-", room: "-", id: "-", data: "-"},
		{in: `{"event":"Message","room":"a\u00e9\"b","id":-0.5E+3,"data":null}`, event: Message, to: "-", room: `aé"b`, id: "-0.5E+3", data: "null"},
		{in: `{"\u0065vent":"P\u0069ng","t\u006f":"\u0041","i\u0064":"\u0042"}`, event: Ping, to: "A", room: "-", id: `"\u0042"`, data: "-"},
		{in: `{"event":"Ping","to":null,"room":null,"id":null}`, event: Ping, to: "-", room: "-", id: "-", data: "-"},
		{in: `{"event":"Ping","id":0}`, event: Ping, to: "-", room: "-", id: "0", data: "-"},
		{in: `{"Event":"Offer","event":"Ping"}`, event: Ping, to: "-", room: "-", id: "-", data: "-"},

		{in: `{}`, to: "-", room: "-", id: "-", data: "-", code: MissingFields, field: "event"},
		{in: `{"Event":"Ping"}`, to: "-", room: "-", id: "-", data: "-", code: MissingFields, field: "event"},
		{in: `{"event":null,"id":3}`, to: "-", room: "-", id: "3", data: "-", code: MissingFields, field: "event"},
		{in: `{"event":["Ping"],"id":3}`, to: "-", room: "-", id: "3", data: "-", code: MissingFields, field: "event"},
		{in: `{"event":"","id":3}`, to: "-", room: "-", id: "3", data: "-", code: UnsupportedEvent},
		{in: `{"event":"Client_Details","id":3}`, to: "-", room: "-", id: "3", data: "-", code: UnsupportedEvent},
		{in: `{"event":"` + strings.Repeat("x", 1000) + `"}`, to: "-", room: "-", id: "-", data: "-", code: UnsupportedEvent},
		{in: `{"event":"Offer","to":5,"id":"k"}`, event: Offer, to: "-", room: "-", id: `"k"`, data: "-", code: MissingFields, field: "to"},
		{in: `{"event":"Message","room":{},"id":"k"}`, event: Message, to: "-", room: "-", id: `"k"`, data: "-", code: MissingFields, field: "room"},
		{in: `{"event":"Ping","id":true}`, event: Ping, to: "-", room: "-", id: "-", data: "-", code: InvalidMessage, field: "id"},
		{in: `{"event":"Ping","id":{"a":1}}`, event: Ping, to: "-", room: "-", id: "-", data: "-", code: InvalidMessage, field: "id"},
		{in: `{"event":"Ping","id":"` + strings.Repeat("x", MaxCorrelationID-2) + `"}`, event: Ping, to: "-", room: "-", id: `"` + strings.Repeat("x", MaxCorrelationID-2) + `"`, data: "-"},
		{in: `{"event":"Ping","id":"` + strings.Repeat("x", MaxCorrelationID-1) + `"}`, event: Ping, to: "-", room: "-", id: "-", data: "-", code: InvalidMessage, field: "id"},
	} {
		var f Frame
		err := f.Decode([]byte(c.in))
		if err == nil && c.code != "" || err != nil && (err.Code != c.code || err.Field != c.field) {
			t.Errorf("%.100s: got error %v, want %s %s", c.in, err, c.code, c.field)
		}
		if err != nil && len(err.Message) > 400 {
			t.Errorf("%.100s: got a message of %d bytes, want at most 400", c.in, len(err.Message))
		}
		if f.Event != c.event {
			t.Errorf("%.100s: got event %q, want %q", c.in, f.Event, c.event)
		}
		for _, m := range []struct {
			name string
			got  []byte
			want string
		}{{"to", f.To, c.to}, {"room", f.Room, c.room}, {"id", f.ID, c.id}, {"data", f.Data, c.data}} {
			if m.got == nil != (m.want == "-") || m.got != nil && string(m.got) != m.want {
				t.Errorf("%.100s: %s: got %q, want %q", c.in, m.name, m.got, m.want)
			}
		}
	}
}

func TestDecode_NotAFrame_IsRefused(t *testing.T) {
	nested := func(open, shut string, n int) string {
		return `{"event":"Ping","data":` + strings.Repeat(open, n) + "1" + strings.Repeat(shut, n) + `}`
	}
	wide := func(dup bool) string {
		var b strings.Builder
		b.WriteString(`{"event":"Ping"`)
		for i := range 100 {
			fmt.Fprintf(&b, `,"k%d":%d`, i, i)
		}
		if dup {
			b.WriteString(`,"k\u0039":0`)
		}
		return b.String() + "}"
	}
	for _, c := range []struct {
		in string
		ok bool
	}{
		{``, false}, {`  `, false}, {`null`, false}, {`"x"`, false}, {`[{"event":"Ping"}]`, false}, {`{`, false}, {`{"event"`, false},
		{`{"event":"Ping"`, false}, {`{"event":"Ping",}`, false}, {`{,"event":"Ping"}`, false}, {`{"event" "Ping"}`, false}, {`{event:"Ping"}`, false}, {`{'event':'Ping'}`, false},
		{`{"event":"Ping"}x`, false}, {`{"event":"Ping"}{}`, false}, {"{\"event\":\"Ping\"}\x00", false}, {"\ufeff{\"event\":\"Ping\"}", false}, {"\u00a0{\"event\":\"Ping\"}", false},

		// duplicates, at any depth and in any spelling
		{`{"event":"Ping","event":"Ping"}`, false}, {`{"event":"Ping","to":"a","\u0074o":"b"}`, false}, {`{"event":"Ping","data":{"a":1,"a":1}}`, false},
		{`{"event":"Ping","data":[[{"b":{"a":1,"\u0061":1}}]]}`, false}, {`{"event":"Ping","":1,"":2}`, false}, {`{"event":"Ping","a":{"x":1},"b":{"x":1}}`, true},
		{`{"event":"Ping","data":{"event":1,"to":{"to":1}}}`, true}, {wide(false), true}, {wide(true), false},
		{`{"event":"Ping","data":{"\ud83d\ude00":1,"😀":2}}`, false}, {`{"event":"Ping","a":1,"A":2}`, true},

		// depth
		{nested("[", "]", MaxDepth-1), true}, {nested("[", "]", MaxDepth), false}, {nested(`{"a":`, "}", MaxDepth-1), true}, {nested(`{"a":`, "}", MaxDepth), false},
		{strings.Repeat("[", 100_000), false}, {`{"a":` + strings.Repeat("[", 100_000), false},

		// numbers
		{`{"event":"Ping","n":[0,-0,1,-1,10,1.0,0.5,1e5,1E+5,1e-05,123456789012345678901234567890]}`, true},
		{`{"event":"Ping","n":01}`, false}, {`{"event":"Ping","n":-}`, false}, {`{"event":"Ping","n":+1}`, false}, {`{"event":"Ping","n":1.}`, false}, {`{"event":"Ping","n":.5}`, false},
		{`{"event":"Ping","n":1e}`, false}, {`{"event":"Ping","n":1e+}`, false}, {`{"event":"Ping","n":0x1}`, false}, {`{"event":"Ping","n":-01}`, false}, {`{"event":"Ping","n":NaN}`, false}, {`{"event":"Ping","n":1_0}`, false},

		// words
		{`{"event":"Ping","w":[true,false,null]}`, true}, {`{"event":"Ping","w":tru}`, false}, {`{"event":"Ping","w":True}`, false}, {`{"event":"Ping","w":nul`, false}, {`{"event":"Ping","w":truee}`, false},

		// strings
		{`{"event":"Ping","s":"\"\\\/\b\f\n\r\t\u0000\uFFff\ud800"}`, true}, {`{"event":"Ping","s":"\x"}`, false}, {`{"event":"Ping","s":"\u12g4"}`, false}, {`{"event":"Ping","s":"\u12"}`, false}, {`{"event":"Ping","s":"\`, false},
		{"{\"event\":\"Ping\",\"s\":\"a\nb\"}", false}, {"{\"event\":\"Ping\",\"s\":\"\x00\"}", false}, {"{\"event\":\"Ping\",\"s\":\"\x7f\"}", true}, {`{"event":"Ping","s":"é漢😀"}`, true},
		{"{\"event\":\"Ping\",\"s\":\"\xff\"}", false}, {"{\"event\":\"Ping\",\"s\":\"\xc0\xaf\"}", false}, {"{\"event\":\"Ping\",\"s\":\"\xed\xa0\x80\"}", false}, {"{\"event\":\"Ping\",\"s\":\"\xf0\x9f\x98\"}", false}, {"{\"event\":\"Ping\",\"\xff\":1}", false},
	} {
		var f Frame
		err := f.Decode([]byte(c.in))
		if c.ok && err != nil || !c.ok && err != errNotObject {
			t.Errorf("%.80q: got error %v, want ok %v", c.in, err, c.ok)
		}
	}
}

func TestFrame_Reused_HasNothingOfTheLast(t *testing.T) {
	var f Frame
	if err := f.Decode([]byte(`{"event":"Message","to":"a","room":"b","id":1,"data":2,"x":3}`)); err != nil {
		t.Fatal(err)
	}
	if err := f.Decode([]byte(`{"event":"Ping"}`)); err != nil {
		t.Fatal(err)
	}
	if f.Event != Ping || f.To != nil || f.Room != nil || f.ID != nil || f.Data != nil {
		t.Errorf("second frame: got %+v, want nothing of the first", f)
	}
	if got, want := string(f.AppendRelay(nil, goldenAnn)), `{"event":"Ping","from":"`+string(goldenAnn)+`"}`; got != want {
		t.Errorf("relayed frame: got %s, want %s", got, want)
	}
	if err := f.Decode([]byte(`]`)); err == nil || f.Event != "" || f.Name != nil {
		t.Errorf("after an invalid frame: got error %v, frame %+v; want an error and an empty frame", err, f)
	}
}

// TestFrame_Reset_ReleasesLargeBuffers checks that a connection does not keep the memory of
// a frame with very many members.
func TestFrame_Reset_ReleasesLargeBuffers(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"event":"Ping"`)
	for i := range 5000 {
		fmt.Fprintf(&b, `,"%d":0`, i)
	}
	var f Frame
	if err := f.Decode([]byte(b.String() + "}")); err != nil {
		t.Fatal(err)
	}
	if len(f.members) != 5001 {
		t.Fatalf("members: got %d, want 5001", len(f.members))
	}
	f.Reset()
	if cap(f.members) > keptMembers || f.scan.b != nil || f.Name != nil {
		t.Errorf("after Reset: got capacity for %d members and %d bytes, want at most keptMembers and no bytes", cap(f.members), len(f.scan.b))
	}
	if cap(f.scan.names) > 2*MaxDepth*(fewNames+1) {
		t.Errorf("after Reset: got capacity for %d names, want a bounded number", cap(f.scan.names))
	}
}

func TestFrame_Members_AreInOrder(t *testing.T) {
	var got []string
	yield := func(name string, value []byte) { got = append(got, name+"="+string(value)) }
	if !Members([]byte(` {"a":1, "\u0062" : [2 ,3],"":{}} `), yield) || strings.Join(got, " ") != "a=1 b=[2 ,3] ={}" {
		t.Errorf("members: got %q, want a, b and the empty name", got)
	}
	for _, bad := range []string{"", "[]", "null", `{"a":1,"a":2}`, `{"a":}`, `{"a":1}x`, `{"a":1}{}`} {
		if Members([]byte(bad), func(string, []byte) { t.Errorf("%s: got a member, want none", bad) }) {
			t.Errorf("Members(%s): got true, want false", bad)
		}
	}
}
