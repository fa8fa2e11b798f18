package wsrelay

import (
	"encoding/json"
	"testing"
)

func TestParse_EachText_IsRead(t *testing.T) {
	for text, want := range map[string]string{
		`{"type":"publish","topic":"a\u0062","payload":{"x":[1,2]}}`: `{"topic":"a\u0062","payload":{"x":[1,2]}}`,
		`{"payload":"p","topic":"a","type":"publish"}`:               `{"topic":"a","payload":"p"}`,
		`{"type":"publish","topic":"a"}`:                             `{"topic":"a"}`,
	} {
		m, ok := parse([]byte(text))
		if got := string(m.publication()); !ok || m.kind != "publish" || got != want {
			t.Errorf("%s: got %s, ok %v, want %s", text, got, ok, want)
		}
	}
	for _, text := range []string{``, `[]`, `"subscribe"`, `{"type":"subscribe","topic":"a"`} {
		if m, ok := parse([]byte(text)); ok {
			t.Errorf("%s: got %+v, want none", text, m)
		}
	}
	for _, text := range []string{`{"type":"subscribe","topic":1}`, `{"type":"subscribe","topic":null}`, `{"type":"subscribe","TOPIC":"a"}`} {
		if m, _ := parse([]byte(text)); m.topic != "" {
			t.Errorf("%s: got topic %q, want none", text, m.topic)
		}
	}
}

// FuzzParse: what subscribers get is valid JSON with the topic that the client named.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"type":"publish","topic":"a","payload":{"x":1}}`))
	f.Add([]byte(`{"type":"subscribe","topic":"a"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, ok := parse(text)
		if !ok || m.topic == "" {
			return
		}
		var got struct{ Topic string }
		if err := json.Unmarshal(m.publication(), &got); err != nil || got.Topic != m.topic {
			t.Errorf("%q: got %s (%v), want valid JSON with topic %q", text, m.publication(), err, m.topic)
		}
	})
}
