package proto

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzFrame compares Decode with encoding/json. Both must accept the same
// frames, except for the rules that are stricter on purpose, and read the same
// members. A relayed frame must hold exactly what it may.
func FuzzFrame(f *testing.F) {
	files, err := filepath.Glob("testdata/v1/client/*.json")
	if err != nil || len(files) == 0 {
		f.Fatalf("no client frames: %v", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	for _, seed := range []string{
		`{"event":"Message","\u0074o":"x","to":"y"}`, `{"event":"Ping","data":[[[{"a":{"a":[]}}]],-0.1e+9,"\ud83d\ude00\ud800"]}`,
		`{"event":"Ping","From":1,"timeſtamp":2,"id":[]}`, "{\"event\":\"Ping\",\"a\":\"\xff\"}", `{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":10,"a":11}`,
		`{"event":"Ping","a":` + strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth) + `}`,
	} {
		f.Add([]byte(seed))
	}
	var fr Frame // reused, as a connection does
	f.Fuzz(func(t *testing.T, b []byte) {
		in := bytes.Clone(b)
		err := fr.Decode(b)
		want := validFrame(b)
		if valid := err != errNotObject; valid != want {
			t.Fatalf("got valid %v, want %v: %q", valid, want, b)
		}
		if err == errNotObject {
			return
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(b, &members); err != nil {
			t.Fatal(err)
		}
		checkEnvelope(t, &fr, err, members)
		if err == nil {
			checkRelay(t, fr.AppendRelay(nil, goldenAnn), fr.Event, members)
		}
		if !bytes.Equal(in, b) {
			t.Fatal("input of Decode: got it changed, want it unchanged")
		}
	})
}

// validFrame reports whether a frame is valid, by its specification and
// encoding/json.
func validFrame(b []byte) bool {
	if !json.Valid(b) || !utf8.Valid(b) || bytes.TrimLeft(b, " \t\r\n")[0] != '{' {
		return false
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	type level struct {
		names map[string]bool // nil in an array
		value bool            // a value comes next, not a name
	}
	var open []level
	for {
		tok, err := dec.Token()
		if err == io.EOF {
			return true
		} else if err != nil {
			return false
		}
		if d, ok := tok.(json.Delim); ok && (d == '}' || d == ']') {
			open = open[:len(open)-1]
			continue
		}
		if n := len(open); n > 0 && open[n-1].names != nil {
			top := &open[n-1]
			if !top.value {
				name := tok.(string)
				if top.names[name] {
					return false
				}
				top.names[name], top.value = true, true
				continue
			}
			top.value = false
		}
		if d, ok := tok.(json.Delim); ok {
			var l level
			if d == '{' {
				l.names = map[string]bool{}
			}
			if open = append(open, l); len(open) > MaxDepth {
				return false
			}
		}
	}
}

func checkEnvelope(t *testing.T, f *Frame, got *Error, members map[string]json.RawMessage) {
	t.Helper()
	str := func(name string) (s *string) {
		if v := members[name]; len(v) > 0 && v[0] == '"' {
			if err := json.Unmarshal(v, &s); err != nil {
				t.Fatal(err)
			}
		}
		return s
	}
	same := func(what string, got []byte, want *string) {
		if (got == nil) != (want == nil) || want != nil && string(got) != *want {
			t.Fatalf("%s: got %q, want %v", what, got, want)
		}
	}
	name, to, room := str("event"), str("to"), str("room")
	same("event", f.Name, name)
	same("to", f.To, to)
	same("room", f.Room, room)
	if !bytes.Equal(f.Data, members["data"]) || (f.Data == nil) != (members["data"] == nil) {
		t.Fatalf("data: got %q, want %q", f.Data, members["data"])
	}
	wrong := func(name string, got *string) bool {
		v, there := members[name]
		return there && got == nil && string(v) != "null"
	}
	id, badID := members["id"], false
	if string(id) == "null" {
		id = nil
	} else if len(id) > 0 {
		badID = len(id) > MaxCorrelationID || strings.ContainsRune("{[tf", rune(id[0]))
	}
	if badID {
		id = nil
	}
	if !bytes.Equal(f.ID, id) {
		t.Fatalf("id: got %q, want %q", f.ID, id)
	}
	var known bool
	if name != nil {
		_, known = ParseEvent([]byte(*name))
	}
	if fault := !known || badID || wrong("to", to) || wrong("room", room); fault != (got != nil) {
		t.Fatalf("got error %v, want one: %v", got, fault)
	}
}

// checkRelay compares relayed with the members that were sent.
func checkRelay(t *testing.T, relayed []byte, e Event, sent map[string]json.RawMessage) {
	t.Helper()
	if !validFrame(relayed) {
		t.Fatalf("relayed frame: got %q, want valid JSON", relayed)
	}
	want := map[string]string{"event": `"` + string(e) + `"`, "from": `"` + string(goldenAnn) + `"`}
	for name, v := range sent {
		if name == "room" || !slices.ContainsFunc([]string{"event", "to", "from", "type", "timestamp", "message_id", "room"}, func(r string) bool { return strings.EqualFold(r, name) }) {
			want[name] = string(v)
		}
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(relayed, &raw); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for name, v := range raw {
		got[name] = string(v)
	}
	if !maps.Equal(got, want) {
		t.Fatalf("relayed members: got %q, want %q", got, want)
	}
}
