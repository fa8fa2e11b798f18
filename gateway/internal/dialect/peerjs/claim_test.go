package peerjs

import (
	"slices"
	"strings"
	"testing"
	"time"

	"p2pconnector/gateway/internal/dialect"
	"p2pconnector/gateway/internal/names"
	"p2pconnector/proto"
)

func TestGreet_EachClaim_HasItsAnswer(t *testing.T) {
	other := proto.NewPeerID(gw)
	for name, c := range map[string]struct {
		outcome names.Outcome
		former  proto.PeerID
		ok      bool
		text    string // "": none
		relayed string // control frame
	}{
		"claimed":     {"", "", true, string(openText), ""},
		"taken over":  {names.TakenOver, other, true, string(openText), controlTaken},
		"taken":       {names.Taken, "", false, `{"type":"ID-TAKEN","payload":{"msg":"ID is taken"}}`, ""},
		"full":        {names.Full, "", false, `{"type":"ERROR","payload":{"msg":"Server has reached its concurrent user limit"}}`, ""},
		"unavailable": {names.Unavailable, "", false, "", ""},
	} {
		newFixture(t, func(w *fixture) {
			w.claim, w.former = c.outcome, c.former
			began := time.Now()
			ok := w.c.Greet()
			texts, relayed := w.got()
			if ok != c.ok || w.isClosed() == c.ok || strings.Join(texts, "") != c.text {
				t.Errorf("%s: got %v, closed %v, %q, want %v, %q", name, ok, w.isClosed(), texts, c.ok, c.text)
			}
			if c.relayed != "" && (len(relayed) == 0 || string(relayed[0].Text) != c.relayed) {
				t.Errorf("%s: got %v relayed, want %s", name, relayed, c.relayed)
			}
			if held := time.Since(began); c.outcome == names.Unavailable && (held < time.Second || held > 3*time.Second) {
				t.Errorf("%s: got closed after %v, want 1s to 3s", name, held)
			}
			if c.outcome == names.Unavailable && !slices.Equal(w.release, []string{"ann"}) {
				t.Errorf("%s: got %q released, want the id, which the claim may still take", name, w.release)
			}
		})
	}
}

// A client whose id is in use asks whether the other one is still there.
func TestGreet_OwnerIsGone_TakesTheID(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(w *fixture, probe dialect.Frame) // what the prober gets
		open   bool
	}{
		"comes back":  {func(w *fixture, f dialect.Frame) { w.encode(dialect.Returned(f.Append(nil), false)) }, true},
		"answers":     {func(w *fixture, f dialect.Frame) { w.encode(control("alive")) }, false},
		"is dead":     {func(w *fixture, f dialect.Frame) { w.encode(control("dead")) }, true},
		"no answer":   {func(*fixture, dialect.Frame) {}, false},
		"wrong frame": {func(w *fixture, f dialect.Frame) { w.encode([]byte(`{"event":"Message"}`)) }, false},
	} {
		newFixture(t, func(w *fixture) {
			w.claim, w.former = names.Taken, proto.NewPeerID(gw)
			opened := make(chan bool)
			go func() { opened <- w.c.Greet() }()
			_, relayed := w.got()
			if len(relayed) != 1 || string(relayed[0].Text) != controlProbe {
				t.Fatalf("%s: got %v relayed, want a probe", name, relayed)
			}
			c.answer(w, relayed[0])
			if got := <-opened; got != c.open {
				t.Errorf("%s: got opened %v, want %v", name, got, c.open)
			}
		})
	}
	newFixture(t, func(w *fixture) { // at the same gateway
		w.claim, w.former, w.code = names.Taken, proto.NewPeerID(gw), proto.NotFound
		if !w.c.Greet() {
			t.Error("not found: got refused, want the id")
		}
	})
}

// control returns a control frame of another peer.
func control(text string) []byte {
	f := dialect.Frame{Name: []byte(Name), From: []byte(proto.NewPeerID(gw)), Text: []byte(`"` + text + `"`)}
	return f.Append(nil)
}

func TestEncode_Controls_AreCarriedOut(t *testing.T) {
	newFixture(t, func(w *fixture) {
		w.c.Greet()
		w.got()
		if text := w.encode(control("probe")); text != nil {
			t.Errorf("probe: got %s for the client, want nothing", text)
		}
		if _, relayed := w.got(); len(relayed) != 1 || string(relayed[0].Text) != controlAlive {
			t.Errorf("probe: got %v relayed, want the answer", relayed)
		}
		w.encode(control("taken"))
		if _, relayed := w.got(); len(relayed) != 1 || string(relayed[0].Text) != controlAlive {
			t.Errorf("taken: got %v relayed, want the answer", relayed)
		}
		w.set(func() { w.names["ben"] = proto.NewPeerID(gw) })
		w.c.Decode(candidate(1))
		if _, relayed := w.got(); len(relayed) != 0 {
			t.Errorf("after the id was taken over: got %v relayed, want nothing in its name", relayed)
		}
		w.pass(999 * time.Millisecond)
		if w.isClosed() {
			t.Error("got closed at once, want after 1s to 3s, because it may come back at once")
		}
		w.pass(3 * time.Second)
		if !w.isClosed() {
			t.Error("got it still open after 4s, want it closed")
		}
		w.c.End()
		w.got()
		if len(w.release) != 0 {
			t.Errorf("got %q released, want nothing: another has the id", w.release)
		}
		w.c = w.client("peerjs", "ann", "1") // for the end of the test
	})
}

// A client that answers no ping loses its id to the next one that claims it.
func TestProbe_ClientIsSilent_SaysSo(t *testing.T) {
	newFixture(t, func(w *fixture) {
		w.silent = true
		for range 3 { // the pings are not repeated
			w.encode(control("probe"))
		}
		w.pass(pingPatience + time.Second)
		if _, relayed := w.got(); len(relayed) != 1 || string(relayed[0].Text) != controlDead {
			t.Errorf("got %v relayed, want one answer: %s", relayed, controlDead)
		}
	})
}

// Frames come back to their senders when the client has no id yet, or no longer.
func TestEncode_WithoutTheID_FramesComeBack(t *testing.T) {
	newFixture(t, func(w *fixture) {
		m := message{kind: typeOffer, dst: "ann"}
		f := dialect.Frame{Name: []byte(Name), From: []byte(proto.NewPeerID(gw)), Text: m.appendTo(nil, "ben")}
		for _, step := range []struct {
			when string
			do   func()
			ok   bool
		}{
			{"before OPEN", func() {}, false},
			{"after OPEN", func() { w.c.Greet() }, true},
			{"after the id was taken", func() { w.encode(control("taken")) }, false},
		} {
			step.do()
			text, ok := w.c.Encode(f.Append(nil))
			if ok != step.ok || ok != (string(text) == string(f.Text)) {
				t.Errorf("%s: got %q, ok %v, want ok %v", step.when, text, ok, step.ok)
			}
		}
	})
}

// A client that takes an id over tells its former owner until that has answered.
func TestTake_NoAnswer_IsSentAgain(t *testing.T) {
	former := proto.NewPeerID(gw)
	for name, c := range map[string]struct {
		code   proto.ErrorCode
		answer func(w *fixture, f dialect.Frame)
		want   int
	}{
		"answered":       {"", func(w *fixture, _ dialect.Frame) { w.encode(control("alive")) }, 1},
		"has ended":      {"", func(w *fixture, f dialect.Frame) { w.encode(dialect.Returned(f.Append(nil), false)) }, 1},
		"not found":      {proto.NotFound, nil, 0},
		"no answer":      {"", func(*fixture, dialect.Frame) {}, 1 + takeTries},
		"may be lost":    {"", func(w *fixture, f dialect.Frame) { w.encode(dialect.Returned(f.Append(nil), true)) }, 1 + takeTries},
		"cannot be sent": {proto.Unavailable, nil, takeTries},
	} {
		newFixture(t, func(w *fixture) {
			w.claim, w.former, w.code = names.TakenOver, former, c.code
			opened := make(chan bool)
			go func() { opened <- w.c.Greet() }()
			_, relayed := w.got()
			if c.answer != nil && len(relayed) == 1 {
				c.answer(w, relayed[0])
			}
			if !<-opened {
				t.Errorf("%s: got no OPEN, want one", name)
			}
			sent := len(relayed)
			if c.code == proto.Unavailable {
				w.set(func() { w.code = "" })
			}
			w.pass(time.Minute)
			_, relayed = w.got()
			if sent += len(relayed); sent != c.want {
				t.Errorf("%s: got it sent %d times, want %d", name, sent, c.want)
			}
		})
	}
}

// After others may have considered the gateway dead, a client keeps its connection only if the
// directory still knows it.
func TestVerify_EachAnswer_KeepsOrCloses(t *testing.T) {
	for name, c := range map[string]struct {
		entry     func(w *fixture) proto.PeerID
		down      bool
		ok, close bool
	}{
		"still its": {func(w *fixture) proto.PeerID { return w.peer }, false, true, false},
		"swept":     {func(*fixture) proto.PeerID { return "" }, false, true, true},
		"another's": {func(*fixture) proto.PeerID { return proto.NewPeerID(gw) }, false, true, true},
		"no answer": {func(w *fixture) proto.PeerID { return w.peer }, true, false, false},
	} {
		newFixture(t, func(w *fixture) {
			w.c.Greet()
			w.set(func() { w.names["ann"], w.down = c.entry(w), c.down })
			for range 2 {
				if ok := w.c.Verify(); ok != c.ok && !c.close {
					t.Errorf("%s: got %v, want %v", name, ok, c.ok)
				}
			}
			if w.isClosed() {
				t.Errorf("%s: got closed at once, want after 1s to 3s", name)
			}
			w.pass(3 * time.Second)
			if w.isClosed() != c.close {
				t.Errorf("%s: got closed %v, want %v", name, w.isClosed(), c.close)
			}
		})
	}
}
