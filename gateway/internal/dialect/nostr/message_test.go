package nostr

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestParse_EachText_IsRead(t *testing.T) {
	m, ok := parse([]byte(`["REQ","s",{"kinds":[20001],"since":1,"#x":["a","",  "b"]},{"#x":["c"],"#X":["d"]}]`))
	if want := []string{"a", "b", "c"}; !ok || m.sub != "s" || !slices.Equal(m.topics, want) {
		t.Errorf("REQ: got %+v, ok %v, want topics %q of s", m, ok, want)
	}
	event := `{"kind":20001,"id":"i","tags":[["e"],["x"],["y","z"],["x","a"],["x","b"]],"content":"<>","pubkey":"p","sig":"s","created_at":1}`
	m, ok = parse([]byte(`["EVENT", ` + event + `]`))
	if !ok || m.id != "i" || m.event != 20001 || m.topic != "a" || string(m.raw) != event {
		t.Errorf("EVENT: got %+v, ok %v, want event i of topic a", m, ok)
	}
	if m, ok = parse([]byte(`["CLOSE","s"]`)); !ok || m.sub != "s" {
		t.Errorf("CLOSE: got %+v, ok %v, want s", m, ok)
	}
	for _, text := range []string{
		``, `[]`, `{}`, `["REQ"]`, `["REQ",1,{}]`, `["REQ","s",1]`, `["REQ","s",{"#x":"a"}]`, `["EVENT",1]`, `["EVENT",{"kind":"1"}]`,
		`["EVENT",{"kind":1,"tags":[[1]]}]`, `["AUTH","x"]`, `["EVENT",{}`, `[["REQ"],"s"]`,
	} {
		if m, ok := parse([]byte(text)); ok {
			t.Errorf("%s: got %+v, want none", text, m)
		}
	}
	if got, want := string(eventFor("<\"s", []byte(`{"x":1}`))), `["EVENT","<\"s",{"x":1}]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// FuzzParse: an event goes out as valid JSON, as it came in.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`["REQ","s",{"#x":["a"]}]`))
	f.Add([]byte(`["EVENT",{"kind":20001,"id":"i","tags":[["x","a"]]}]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, ok := parse(text)
		if !ok || m.kind != "EVENT" {
			return
		}
		var parts []json.RawMessage
		if err := json.Unmarshal(eventFor("s", m.raw), &parts); err != nil || len(parts) != 3 || string(parts[2]) != string(m.raw) {
			t.Errorf("%q: got %s (%v), want the event as the third part", text, eventFor("s", m.raw), err)
		}
	})
}
