package yjs

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestParse_EachText_IsRead(t *testing.T) {
	for text, want := range map[string]message{
		`{"type":"ping"}`: {kind: "ping"},
		`{"type":"subscribe","topics":["a",1,"",null,"b"]}`:                                                     {kind: "subscribe", topics: []string{"a", "b"}},
		`{"type":"subscribe","topics":{"0":"a"}}`:                                                               {kind: "subscribe"},
		`{"type":"publish","topic":"a","data":{"type":"announce","from":"x","to":"y"}}`:                         {kind: "publish", topic: "a", from: "x"},
		`{"data":{"from":"x","to":"y","signal":{"to":"z"},"type":"signal"},"topic":"a\u0062","type":"publish"}`: {kind: "publish", topic: "ab", from: "x", to: "y"},
		`{"type":"publish","topic":"a","data":{"type":"signal","from":1,"to":["y"]}}`:                           {kind: "publish", topic: "a"},
		`{"type":"publish","topic":"a","data":"{\"type\":\"signal\",\"to\":\"y\"}"}`:                            {kind: "publish", topic: "a"},
		`{"type":"publish","topic":"a","Topic":"b","TYPE":"ping"}`:                                              {kind: "publish", topic: "a"},
		`{"type":["ping"]}`: {},
	} {
		got, ok := parse([]byte(text))
		if !ok || got.kind != want.kind || got.topic != want.topic || got.from != want.from || got.to != want.to || !slices.Equal(got.topics, want.topics) {
			t.Errorf("%s: got %+v, ok %v, want %+v", text, got, ok, want)
		}
		if to := addressee([]byte(text)); to != want.to {
			t.Errorf("%s: got addressee %q, want %q", text, to, want.to)
		}
	}
	for _, text := range []string{``, `x`, `[]`, `"ping"`, `{"type":"ping"`, `{"type":"ping"}}`, `null`} {
		if m, ok := parse([]byte(text)); ok {
			t.Errorf("%s: got %+v, want none", text, m)
		}
	}
}

// reference reads a text as encoding/json does.
func reference(text []byte) (m message) {
	members := func(b []byte) (all map[string]any) {
		_ = json.Unmarshal(b, &all)
		return all
	}
	str := func(x any) string { s, _ := x.(string); return s }
	all := members(text)
	m.kind, m.topic = str(all["type"]), str(all["topic"])
	topics, _ := all["topics"].([]any)
	for _, x := range topics {
		if s := str(x); s != "" {
			m.topics = append(m.topics, s)
		}
	}
	if data, _ := all["data"].(map[string]any); m.kind == typePublish {
		m.from = str(data["from"])
		if str(data["type"]) == "signal" {
			m.to = str(data["to"])
		}
	}
	return m
}

// FuzzParse: a message is read as encoding/json reads it, and all else is none.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"type":"subscribe","topics":["a"]}`))
	f.Add([]byte(`{"type":"publish","topic":"a","data":{"type":"signal","from":"x","to":"y"}}`))
	f.Add([]byte(`{"type":"publish","topic":"a","data":"x"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, ok := parse(text)
		if !ok {
			return
		}
		if !json.Valid(text) {
			t.Errorf("%q: got %+v, want none: it is not JSON", text, m)
		}
		if want := reference(text); m.kind != want.kind || m.topic != want.topic || m.from != want.from || m.to != want.to || !slices.Equal(m.topics, want.topics) {
			t.Errorf("%q: got %+v, want %+v", text, m, want)
		}
	})
}
