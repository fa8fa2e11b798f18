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
		l.again = func(_ proto.GatewayID, from, until time.Time) { since = append(since, until.Sub(from)) }
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
	if !s.begin(gwA, doubt{5, 6}) || s.begin(gwA, doubt{7, 8}) || s.len() != 1 {
		t.Fatal("it is told twice at the same time")
	}
	if d := s.next(gwA); d != (doubt{5, 8}) {
		t.Errorf("told of %v", d)
	}
	if s.begin(gwA, doubt{9, 10}) || s.heard(gwA) {
		t.Error("the last silence is not told")
	}
	if d := s.next(gwA); d != (doubt{5, 10}) || !s.heard(gwA) {
		t.Errorf("told of %v, for ever", d)
	}
	if s.end(gwA); s.len() != 0 {
		t.Error("it is told still")
	}
}

// TestGapHasAnEnd: what was sent after a gateway had been heard again is not called
// lost, nor is what was sent to others.
func TestGapHasAnEnd(t *testing.T) {
	g := testGateway(t, Config{})
	at := g.coarse.Load()
	g.out = newOutbound(g.id, nowhere{}, func() int64 { return at })
	held, other := proto.NewPeerID(gwA), proto.NewPeerID(gwA)
	var senders []*session
	for range 4 {
		s := &session{g: g, id: proto.NewPeerID(g.id), phase: away}
		g.sessions.put(s)
		senders = append(senders, s)
	}
	send := func(i int, to proto.PeerID, ago time.Duration) {
		at = g.coarse.Load() - int64(ago)
		frame := []byte(`{"event":"Message","from":"` + string(senders[i].id) + `"}`)
		if err := g.out.publish(toPeer(senders[i].id, to), frame); err != nil {
			t.Fatal(err)
		}
	}
	send(0, held, 9*time.Second)
	send(1, held, 6*time.Second)
	send(2, other, 6*time.Second)
	send(3, held, time.Second)
	g.outageOf(gwB, proto.Gap{Peers: []proto.PeerID{held}, WithinMS: 8000, EndedMS: 2000})
	for i, s := range senders {
		if told := len(s.kept.frames) > 0; told != (i == 1) {
			t.Errorf("sender %d was told: %v", i, told)
		}
	}
}
