package directory

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/kv"
	"p2pconnector/roomsvc/internal/kv/kvtest"
)

// nameInstance is one instance of the directory of names.
type nameInstance struct{ *Names }

func newNames(t *testing.T, b kv.Bucket) nameInstance {
	d := nameInstance{NewNames(b, nil, testConfig())}
	t.Cleanup(func() { d.Close(context.Background()) })
	return d
}

// ask sends a request about the name "a" and returns its answer, nil when it was dropped.
func (d nameInstance) ask(kind bus.NameOperation, r bus.NameRequest) *bus.NameReply {
	r.Namespace, r.Name = "n", "a"
	ch := make(chan *bus.NameReply, 1)
	refused := d.Submit(&NameRequest{Kind: kind, Body: &r, Arrived: time.Now(), Answer: func(reply *bus.NameReply) { ch <- reply }})
	if refused != nil {
		return &bus.NameReply{Error: refused}
	}
	return <-ch
}

func (d nameInstance) claim(p proto.PeerID, secret string, revision uint64) *bus.NameReply {
	return d.ask(bus.NameClaim, bus.NameRequest{Peer: p, Owner: p.Home(), Secret: secret, Revision: revision})
}

func expectName(t *testing.T, what string, r *bus.NameReply, want bus.NameRefusal, peer proto.PeerID) {
	t.Helper()
	if r == nil || r.Error != nil || r.Refused != want || r.Peer != peer || r.Free != (peer == "") {
		t.Fatalf("%s: got %+v, want refused %q and peer %q", what, r, want, peer)
	}
}

func TestNames_ClaimedTakenOverAndReleased_EveryAnswerShowsTheEntry(t *testing.T) {
	d := newNames(t, kvtest.NewFake())
	expectName(t, "get, at first", d.ask(bus.NameGet, bus.NameRequest{}), "", "")
	first := d.claim(ann, "s", 0)
	expectName(t, "claim", first, "", ann)
	expectName(t, "claim again", d.claim(ann, "s", 0), "", ann)
	expectName(t, "another secret", d.claim(ben, "x", first.Revision), bus.RefusedTaken, ann)
	expectName(t, "the same secret, not seen", d.claim(ben, "s", 0), bus.RefusedChanged, ann)
	second := d.claim(ben, "s", first.Revision)
	expectName(t, "the same secret", second, "", ben)
	expectName(t, "release by the former peer", d.ask(bus.NameRelease, bus.NameRequest{Peer: ann}), bus.RefusedChanged, ben)
	expectName(t, "get", d.ask(bus.NameGet, bus.NameRequest{}), "", ben)
	expectName(t, "another secret, gone", d.ask(bus.NameClaim, bus.NameRequest{Peer: ann, Owner: gwA, Secret: "x", Revision: second.Revision, Force: true}), "", ann)
	expectName(t, "release", d.ask(bus.NameRelease, bus.NameRequest{Peer: ann}), "", "")
	expectName(t, "late copy of the first claim", d.claim(ann, "s", 0), bus.RefusedChanged, "")
}

// With lost acknowledgements, false conflicts and old reads, all at once, claims with
// different secrets leave the name with one peer, whose claim alone succeeds.
func TestNames_FaultyBucketAndManyClaims_OneWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for round := range 8 {
			b := kvtest.NewFake()
			b.NotLatest = true
			b.Latency = func() time.Duration { return 3 * time.Millisecond }
			b.LostAck = func(n int) bool { return (n+round)%5 == 0 }
			b.Conflict = func(n int) bool { return n%7 == 0 }
			b.Stale = func(n int) bool { return n%3 == 0 }
			instances := []nameInstance{newNames(t, b), newNames(t, b)}
			var mu sync.Mutex
			var winners []proto.PeerID
			var wg sync.WaitGroup
			for i := range 32 {
				wg.Go(func() {
					p := proto.NewPeerID(gwA)
					switch r := instances[i%2].claim(p, fmt.Sprint(i), 0); {
					case r == nil || r.Error != nil:
						t.Errorf("round %d: got %+v, want a result", round, r)
					case r.Refused == "" && r.Peer == p:
						mu.Lock()
						winners = append(winners, p)
						mu.Unlock()
					case r.Refused != bus.RefusedTaken:
						t.Errorf("round %d: got %+v, want taken", round, r)
					}
				})
			}
			wg.Wait()
			if now := instances[0].ask(bus.NameGet, bus.NameRequest{}); len(winners) != 1 || now.Peer != winners[0] {
				t.Fatalf("round %d: got winners %v and then %+v, want one, which has the name", round, winners, now)
			}
		}
	})
}

func TestNames_BucketAway_AnswersUnavailableInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := kvtest.NewFake()
		b.Down = func() bool { return true }
		began := time.Now()
		r := newNames(t, b).claim(ann, "s", 0)
		if r == nil || r.Error == nil || r.Error.Code != proto.Unavailable || time.Since(began) > requestTime+kv.CallTimeout {
			t.Errorf("got %+v after %v, want Unavailable within %v", r, time.Since(began), requestTime)
		}
	})
}

func TestNames_DamagedEntry_AnswersUnavailableAtOnce(t *testing.T) {
	b := kvtest.NewFake()
	key, _ := bus.NameKey("n", "a")
	if _, err := b.Write(t.Context(), key, []byte("?"), 0); err != nil {
		t.Fatal(err)
	}
	r := newNames(t, b).ask(bus.NameGet, bus.NameRequest{})
	if r.Error == nil || r.Error.Code != proto.Unavailable || b.Reads != 1 {
		t.Errorf("got %+v after %d reads, want Unavailable after 1", r, b.Reads)
	}
}

// A claim whose write got no answer got the name all the same, and another peer has taken it
// from there, or it was given back. A refusal would mean that the claim had no effect.
func TestNames_AnswerLostThenClaimReplaced_IsNotRefused(t *testing.T) {
	for name, release := range map[string]bool{"taken over": false, "given back": true} {
		t.Run(name, func(t *testing.T) {
			b, other := kvtest.NewFake(), kvtest.NewFake()
			d, next := newNames(t, b), newNames(t, other)
			other.Keys = b.Keys
			b.LostAck = func(int) bool { // the other instance works while nobody reads or writes here
				other.Seq = b.Seq
				if release {
					next.ask(bus.NameRelease, bus.NameRequest{Peer: ann})
				} else {
					next.claim(ben, "s", b.Seq)
				}
				return true
			}
			if r := d.claim(ann, "s", 0); r.Error == nil || r.Error.Code != proto.Unavailable {
				t.Errorf("replaced: got %+v, want Unavailable", r)
			}
			b.LostAck = nil
			if r := d.claim(ann, "s", 0); r.Error != nil || r.Refused != bus.RefusedChanged {
				t.Errorf("asked again: got %+v, want changed", r)
			}
		})
	}
}

// TestNames_FullBucket_RefusesNewEntriesOnly: names that have an entry change hands.
func TestNames_FullBucket_RefusesNewEntriesOnly(t *testing.T) {
	d := newNames(t, kvtest.NewFake())
	d.cfg.Usage.SetExhausted(true)
	if r := d.claim(ann, "s", 0); r.Error == nil || r.Error.Code != proto.LimitExceeded {
		t.Errorf("new name: got %+v, want Limit_Exceeded", r)
	}
	d.cfg.Usage.SetExhausted(false)
	first := d.claim(ann, "s", 0)
	d.cfg.Usage.SetExhausted(true)
	expectName(t, "take over", d.claim(ben, "s", first.Revision), "", ben)
	expectName(t, "release", d.ask(bus.NameRelease, bus.NameRequest{Peer: ben}), "", "")
}

// TestLeft_EntriesOfSessionsAndNames_EndForTheirOwnerOnly: what the sweeper is given for an
// entry ends it, unless it has another owner by then.
func TestLeft_EntriesOfSessionsAndNames_EndForTheirOwnerOnly(t *testing.T) {
	b := kvtest.NewFake()
	sessions, names := newSessions(t, b), newNames(t, b)
	taken := sessions.take(gwB, 1, 0)
	names.ask(bus.NameClaim, bus.NameRequest{Peer: ben, Owner: gwB, Secret: "s"})
	nameKey, _ := bus.NameKey("n", "a")
	end := func(what string, left func(string, kv.Record) ([]proto.GatewayID, func([]proto.GatewayID, func(bool))), key string) {
		owner, end := left(key, b.Get(key))
		if len(owner) != 1 || owner[0] != gwB {
			t.Fatalf("%s: got owners %v, want %s", what, owner, gwB)
		}
		ended := make(chan bool, 1)
		end(nil, func(ok bool) { ended <- ok })
		if !<-ended {
			t.Errorf("%s: got a failure, want success", what)
		}
		if owner, end := left(key, b.Get(key)); owner != nil || end != nil {
			t.Errorf("%s: got owners %v after it has ended, want none", what, owner)
		}
	}
	_, late := sessions.Left(sessionKey(t, ann), b.Get(sessionKey(t, ann)))
	moved := sessions.take(gwC, 2, taken.Revision)
	ended := make(chan bool, 1)
	late(nil, func(ok bool) { ended <- ok })
	<-ended
	if r := sessions.ask(bus.SessionGet, bus.SessionRequest{}); r.Owner != gwC || r.Revision != moved.Revision {
		t.Errorf("session that has moved: got %+v, want it with %s", r, gwC)
	}
	sessions.take(gwB, 3, moved.Revision)
	end("session", sessions.Left, sessionKey(t, ann))
	if r := sessions.ask(bus.SessionGet, bus.SessionRequest{}); !r.Ended || r.Epoch != 3 {
		t.Errorf("session of a dead owner: got %+v, want a tombstone of epoch 3", r)
	}
	end("name", names.Left, nameKey)
	if got := sessions.cfg.Metrics.Sessions.Swept.Load(); got != 1 {
		t.Errorf("sessions swept: got %d, want 1", got)
	}
}
