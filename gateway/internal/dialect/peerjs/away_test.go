package peerjs

import (
	"testing"
	"time"

	"p2pconnector/gateway/internal/dialect"
	"p2pconnector/gateway/internal/names"
	"p2pconnector/proto"
)

// away makes the fixture's client go away, and reports whether it may come back.
func (w *fixture) away() bool { return w.c.(dialect.Returner).Away() }

// TestAway_OnlyWithItsID_MayReturn: a client without its id, or that has left, does not come
// back.
func TestAway_OnlyWithItsID_MayReturn(t *testing.T) {
	for name, c := range map[string]struct {
		before func(*fixture)
		want   bool
	}{
		"open":       {func(w *fixture) { w.c.Greet() }, true},
		"not yet":    {func(*fixture) {}, false},
		"refused":    {func(w *fixture) { w.claim = names.Taken; w.c.Greet() }, false},
		"taken over": {func(w *fixture) { w.c.Greet(); w.encode(control("taken")) }, false},
		"left":       {func(w *fixture) { w.c.Greet(); w.c.Decode([]byte(`{"type":"LEAVE"}`)) }, false},
	} {
		newFixture(t, func(w *fixture) {
			c.before(w)
			if got := w.away(); got != c.want {
				t.Errorf("%s: got %v, want %v", name, got, c.want)
			}
		})
	}
}

// TestAway_Frames_AreKeptUntilItsIDIsTaken: frames of others wait, questions are answered with
// "not found", and the one that takes the id ends the peer at once.
func TestAway_Frames_AreKeptUntilItsIDIsTaken(t *testing.T) {
	newFixture(t, func(w *fixture) {
		w.c.Greet()
		w.away()
		frame := (&dialect.Frame{Name: []byte(Name), From: []byte(proto.NewPeerID(gw)), Text: []byte(`{"type":"OFFER","src":"ben","dst":"ann"}`)}).Append(nil)
		if w.encode(frame) == nil {
			t.Error("a frame of another: got nothing, want it kept")
		}
		if text := w.encode([]byte(`{"type":"info","event":"Server_Draining"}`)); text != nil {
			t.Errorf("a frame of the gateway: got %s, want nothing", text)
		}
		if _, ok := w.c.Encode(control("probe")); ok {
			t.Error("probe: got it taken, want it declined: another may have the id")
		}
		if _, ok := w.c.Encode(control("taken")); ok {
			t.Error("taken: got it taken, want it declined")
		}
		w.got() // waits
		if !w.isClosed() {
			t.Error("taken: got the peer still there, want it closed at once")
		}
		if _, ok := w.c.Encode(frame); ok {
			t.Error("a frame after that: got it taken, want it declined")
		}
	})
}

// TestAway_ItsOwnFrameIsLost_NobodyIsNotified: EXPIRE would wait for a client that is another peer
// when it comes back.
func TestAway_ItsOwnFrameIsLost_NobodyIsNotified(t *testing.T) {
	newFixture(t, func(w *fixture) {
		w.c.Greet()
		w.set(func() { w.names["ben"] = proto.NewPeerID(gw) })
		w.c.Decode(candidate(1))
		_, relayed := w.got()
		if len(relayed) != 1 {
			t.Fatalf("got %d frames relayed, want 1", len(relayed))
		}
		w.away()
		if text := w.encode(dialect.Returned(relayed[0].Append(nil), true)); text != nil {
			t.Errorf("got %s, want nothing", text)
		}
	})
}

// TestReturned_FirstTime_IsSentAtOnce: what waited for a client that was away reaches its next
// connection without another pause; a frame that goes on coming back is sent at intervals.
func TestReturned_FirstTime_IsSentAtOnce(t *testing.T) {
	newFixture(t, func(w *fixture) {
		w.c.Greet()
		w.set(func() { w.names["ben"] = proto.NewPeerID(gw) })
		w.c.Decode(candidate(1))
		_, relayed := w.got()
		for tries, want := range []time.Duration{returnPause, retryInterval} {
			if len(relayed) != 1 {
				t.Fatalf("after %d returns: got %d frames relayed, want 1", tries, len(relayed))
			}
			began := time.Now()
			w.encode(dialect.Returned(relayed[0].Append(nil), false))
			for relayed = nil; len(relayed) == 0 && time.Since(began) < time.Second; _, relayed = w.got() {
				w.pass(returnPause)
			}
			if took := time.Since(began); took < want || took > want+returnPause {
				t.Errorf("after %d returns: got it sent again after %v, want %v", tries, took, want)
			}
		}
	})
}
