package proto

import (
	"strings"
	"testing"
)

func TestUnpack_NamesAndTypes_MatchExactly(t *testing.T) {
	for _, c := range []struct {
		obj   string
		s     string
		n     uint64
		wrong string
		ok    bool
	}{
		{`{"session":"x","received":3}`, "x", 3, "", true},
		{`{"Session":"x","RECEIVED":3,"\u017fession":"y"}`, "", 0, "", true},
		{`{"Session":"y","session":"x","Received":[]}`, "x", 0, "", true},
		{`{"session":null,"received":null}`, "", 0, "", true},
		{`{"\u0073ession":"x"}`, "x", 0, "", true},
		{`{"received":-1,"session":1}`, "", 0, "received", false},
		{`{"session":1}`, "", 0, "session", false},
		{`{"received":1.5}`, "", 0, "received", false},
		{`[]`, "", 0, "", false},
		{`null`, "", 0, "", false},
		{``, "", 0, "", false},
	} {
		var s string
		var n uint64
		wrong, ok := Unpack([]byte(c.obj), map[string]any{"session": &s, "received": &n})
		if s != c.s || n != c.n || wrong != c.wrong || ok != c.ok {
			t.Errorf("%s: got %q, %d, wrong %q, %v; want %q, %d, wrong %q, %v", c.obj, s, n, wrong, ok, c.s, c.n, c.wrong, c.ok)
		}
	}
}

func TestUnpack_OfferOfADeepConnect_IsRead(t *testing.T) {
	deep := func(n int) string {
		return `{"event":"Connect","data":{"candidate":1,"sdp":` + strings.Repeat("[", n-2) + strings.Repeat("]", n-2) + `}}`
	}
	var f Frame
	if f.Decode([]byte(deep(MaxDepth))) != nil || f.Decode([]byte(deep(MaxDepth+1))) == nil {
		t.Fatal("got another bound, want that a client may send this depth and no more")
	}
	sdp := strings.Repeat("[", MaxDepth-2) + strings.Repeat("]", MaxDepth-2)
	var typ string
	offer := `{"type":"info","data":{"data":{"sdp":` + sdp + `}}}`
	if _, ok := Unpack([]byte(offer), map[string]any{"type": &typ}); !ok || typ != "info" {
		t.Errorf("got %q, %v, want its type", typ, ok)
	}
}
