package main

import (
	"encoding/json"
	"io"
	"strings"
	"testing"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

// A frame that is sent on one gateway is printed on the other, in whatever form it
// is given.
func TestListen_FrameSent_IsPrinted(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	listener := start(t, s, 0, "listen")
	to := string(listener.id())
	for _, tc := range []struct {
		args  []string
		stdin string
		event string
		data  string
	}{
		{args: []string{"hello there"}, event: "Message", data: `"hello there"`},
		{args: []string{`{"cups": [1, 2]}`}, event: "Message", data: `{"cups":[1,2]}`},
		{args: []string{"--text", "5"}, event: "Message", data: `"5"`},
		{args: []string{"--", "-5"}, event: "Message", data: `-5`},
		{args: []string{"--event", "offer", `{"sdp":"…"}`}, event: "Offer", data: `{"sdp":"…"}`},
		{stdin: "two\nlines\n", event: "Message", data: `"two\nlines"`},
		{args: []string{"-"}, stdin: "", event: "Message", data: `""`},
	} {
		p := startWith(t, s, 1, strings.NewReader(tc.stdin), nil, append([]string{"send", "--wait", "1ms", "--to", to}, tc.args...)...)
		p.ends(0)
		if f := listener.frame(); f.Event != tc.event || string(f.Data) != tc.data || f.From == "" {
			t.Errorf("%q: got %+v", tc.args, f)
		}
	}
	// JSON of several lines is printed on one line.
	s.Dial(t, 1).Send("{\"event\":\"Message\",\n\"to\":%q,\n\"data\":7}", to)
	if got := listener.line(); !strings.Contains(got, `"data":7`) {
		t.Errorf("got %s", got)
	}
	listener.interrupt()
	listener.ends(0)
}

func TestListen_Count_EndsAfterThatMany(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	p := start(t, s, 0, "listen", "--count", "1")
	start(t, s, 1, "send", "--wait", "1ms", "--to", string(p.id()), "once").ends(0)
	p.line()
	p.ends(0)
}

// A reader that closes stdout ends the program, and that is no failure.
func TestListen_StdoutCloses_EndsWithoutAnError(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	out, w := io.Pipe()
	p := startWith(t, s, 0, nil, w, "listen")
	var who line
	if err := json.NewDecoder(out).Decode(&who); err != nil {
		t.Fatal(err)
	}
	out.Close()
	s.Dial(t, 1).Send(`{"event":"Message","to":%q}`, who.ID)
	p.ends(0)
}

func TestSend_ToRoom_ReachesMembers(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	host := s.Dial(t, 0)
	host.Create("tea")
	start(t, s, 1, "send", "--wait", "1ms", "--room", "tea", "milk").ends(0)
	f := host.Until("the message", func(f *client.Frame) bool { return f.Event == string(proto.Message) })
	if string(f.Data) != `"milk"` || f.Room != "tea" {
		t.Errorf("got %s", f.Raw)
	}
	host.Until("its end", func(f *client.Frame) bool { return f.Is(proto.ClientRemoved) }) // it has left at once
}

// A refused frame fails with the server's sentence, also when another gateway
// refuses it.
func TestSend_Refused_FailsWithTheServersMessage(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	departed, watcher := s.Dial(t, 0), s.Dial(t, 0)
	watcher.Create("watched")
	departed.Join("watched")
	departed.Bye()
	departed.Closed()
	watcher.Until("the end of its session", func(f *client.Frame) bool { return f.Is(proto.ClientRemoved) })
	for _, tc := range []struct {
		args []string
		says string
	}{
		{[]string{"--to", "nobody", "hi"}, `Client with given id "nobody" not found.`},
		{[]string{"--to", "01234567-89ab-4def-8123-456789abcdef", "hi"}, `not found.`},
		{[]string{"--to", string(departed.ID), "hi"}, `Client with given id "` + string(departed.ID) + `" not found.`},
		{[]string{"--room", "none", "hi"}, `Room with Id "none" does not exist.`},
		{[]string{"--to", string(departed.ID), strings.Repeat("x", 70_000)}, "use p2p call"},
		{[]string{"--to", string(departed.ID), "\xff"}, "use p2p call"},
	} {
		p := start(t, s, 1, append([]string{"send", "--wait", kit.Patience.String()}, tc.args...)...)
		p.failsWith(1, tc.says)
	}
}
