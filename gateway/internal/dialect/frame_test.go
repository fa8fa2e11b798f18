package dialect

import (
	"bytes"
	"testing"

	"p2pconnector/proto"
)

const sender proto.PeerID = "91be04d7-1c2d-8e42-9a77-30d1c2b4a5f6"

func frame(n uint64, tries int, lost bool, text string) *Frame {
	return &Frame{Name: []byte("peerjs"), From: []byte(sender), N: n, Tries: tries, Lost: lost, Text: []byte(text)}
}

func TestFrame_Appended_IsParsed(t *testing.T) {
	for _, f := range []*Frame{
		frame(0, 0, false, `{}`), frame(1<<63, 5, false, `{"data":1,"from":"x"}`), frame(7, 98, false, `"x"`), frame(7, 99, true, `0`),
	} {
		b := f.Append(nil)
		got, ok := Parse(b)
		if !ok || got.N != f.N || got.Tries != f.Tries || got.Lost != f.Lost || !bytes.Equal(got.Text, f.Text) || string(got.From) != string(sender) {
			t.Errorf("%s: got %+v, ok %v, want %+v", b, got, ok, f)
		}
		if from := proto.RelaySender(b); string(from) != string(sender) {
			t.Errorf("%s: got sender %q, want %q", b, from, sender)
		}
		if name := Of(b); string(name) != "peerjs" {
			t.Errorf("%s: got dialect %q, want peerjs", b, name)
		}
	}
}

// What a client of our own protocol sends is never a Frame.
func TestFrame_OfNativeClient_IsNone(t *testing.T) {
	for _, text := range []string{
		`{"event":"Message","to":"x","data":{"event":"dialect/peerjs"}}`,
		`{"event":"dialect/peerjs","to":"x"}`,
		`{"to":"x","event":"Message","EVENT":"dialect/peerjs"}`,
	} {
		var f proto.Frame
		if f.Decode([]byte(text)) != nil {
			continue // refused
		}
		if relay := f.AppendRelay(nil, sender); Of(relay) != nil {
			t.Errorf("%s: got a frame of dialect %q, want none", text, Of(relay))
		}
	}
}

func TestReturned_AFrame_CountsItsTries(t *testing.T) {
	f, _ := Parse(Returned(frame(3, 0, false, `{}`).Append(nil), false))
	if f.Tries != 1 || f.Lost || f.N != 3 {
		t.Errorf("got %+v, want one try, not lost", f)
	}
	f, _ = Parse(Returned(frame(3, 97, false, `{}`).Append(nil), true))
	if !f.Lost {
		t.Errorf("got %+v, want it lost", f)
	}
	if f, _ = Parse(Returned(f.Append(nil), false)); !f.Lost {
		t.Errorf("once more: got %+v, want it still lost", f)
	}
	if f, _ = Parse(Returned(frame(3, 98, false, `{}`).Append(nil), false)); f.Lost || f.Tries != 98 {
		t.Errorf("after 98 tries: got %+v, want 98, because 99 means lost", f)
	}
	if b := Returned([]byte(`{"event":"Message","from":"x"}`), false); b != nil {
		t.Errorf("a frame of our own protocol: got %s, want none", b)
	}
}

// FuzzParse: what is parsed is what Append would write.
func FuzzParse(f *testing.F) {
	f.Add(frame(1, 2, false, `{"a":1}`).Append(nil))
	f.Add([]byte(`{"event":"dialect/`))
	f.Add([]byte(`{"event":"dialect/x","from":"91be04d7-1c2d-8e42-9a77-30d1c2b4a5f6","n":1,"tries":`))
	f.Fuzz(func(t *testing.T, b []byte) {
		x, ok := Parse(b)
		if !ok {
			return
		}
		y, ok := Parse(x.Append(nil))
		if !ok || y.N != x.N || y.Tries != x.Tries || y.Lost != x.Lost || !bytes.Equal(y.Text, x.Text) || !bytes.Equal(y.From, x.From) {
			t.Errorf("%q: got %+v, then %+v, want the same", b, x, y)
		}
	})
}
