package gateway

import (
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/proto"
)

// TestSilences: that a gateway was silent shows when it is heard again, unless this
// one could not hear, or the other had said that it ends.
func TestSilences(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLeases()
		var since []time.Duration
		l.again = func(_ proto.GatewayID, at time.Time) { since = append(since, time.Since(at)) }
		pass := func(d time.Duration) {
			tick := time.NewTimer(d)
			<-tick.C
		}
		step := func(what string, want ...time.Duration) {
			t.Helper()
			if len(since) != len(want) || len(want) > 0 && since[0] != want[0] {
				t.Errorf("%s: silent for %v, want %v", what, since, want)
			}
			since = nil
		}
		l.saw(gwA, false)
		step("first heard")
		pass(proto.LeaseInterval)
		l.saw(gwA, false)
		step("in time")
		pass(silenceLong + time.Second)
		l.saw(gwA, false)
		step("after a silence", silenceLong+time.Second)
		pass(silenceLong)
		l.deaf(time.Now())
		pass(time.Second)
		l.saw(gwA, false)
		step("after this one was deaf")
		pass(silenceLong + time.Second)
		l.saw(gwA, true)
		step("at its end")
	})
}

// TestSilenceToldOnce: one that falls silent again while it is told is told once more,
// by the same teller.
func TestSilenceToldOnce(t *testing.T) {
	var s silences
	if !s.begin(gwA, 5) || s.begin(gwA, 7) || s.len() != 1 {
		t.Fatal("it is told twice at the same time")
	}
	if since := s.next(gwA); since != 5 {
		t.Errorf("told since %d", since)
	}
	if s.begin(gwA, 9) || s.heard(gwA) {
		t.Error("the last silence is not told")
	}
	if s.next(gwA); !s.heard(gwA) {
		t.Error("it is told for ever")
	}
	if s.end(gwA); s.len() != 0 {
		t.Error("it is told still")
	}
}
