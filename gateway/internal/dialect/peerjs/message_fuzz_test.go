package peerjs

import (
	"encoding/json"
	"testing"
	"unicode/utf8"
)

// FuzzParse: whatever a client sends, what its receiver gets is one JSON object with the
// right sender and receiver, from which both can be read again.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		`{"type":"OFFER","payload":{"sdp":{"type":"offer"}},"dst":"ben"}`, `{"type":"LEAVE"}`, `{"type":"HEARTBEAT"}`,
		`{"type":"CANDIDATE","dst":"\ud800\"","payload":null}`, `{"dst":1,"type":"ANSWER"}`, `{"type":"OFFER","dst":"a","dst":"b"}`, `[]`, `{`,
	} {
		f.Add([]byte(text), "ann")
	}
	f.Fuzz(func(t *testing.T, text []byte, src string) {
		m, ok := parse(text)
		if !ok || !utf8.ValidString(src) {
			return
		}
		out := m.appendTo(nil, src)
		var got struct {
			Type, Src, Dst string
			Payload        json.RawMessage
		}
		if err := json.Unmarshal(out, &got); err != nil || got.Type != m.kind || got.Src != src || got.Dst != m.dst || string(got.Payload) != string(m.payload) {
			t.Errorf("%q: got %s, %+v, error %v, want %+v from %q", text, out, got, err, m, src)
		}
		var sender string
		if err := json.Unmarshal(srcOf(out), &sender); err != nil || sender != src || dstOf(out) != m.dst {
			t.Errorf("%s: got sender %q and receiver %q, error %v, want %q and %q", out, sender, dstOf(out), err, src, m.dst)
		}
	})
}
