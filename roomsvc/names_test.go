package roomsvc

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/kv"
	"p2pconnector/roomsvc/internal/kv/kvtest"
	"p2pconnector/roomsvc/internal/metrics"
)

// registry is one instance of the directory of names.
type registry struct{ *names }

func newRegistry(t *testing.T, b kv.Bucket) registry {
	d := registry{newNames(b, slog.New(slog.DiscardHandler), metrics.New())}
	t.Cleanup(func() { d.close(context.Background()) })
	return d
}

// ask sends a request about the name "a" and returns its answer, nil when it was dropped.
func (d registry) ask(kind bus.NameOperation, r bus.NameRequest) *bus.NameReply {
	r.Namespace, r.Name = "n", "a"
	ch := make(chan *bus.NameReply, 1)
	refused := d.submit(&nameOp{
		kind: kind, req: &r, deadline: time.Now().Add(sessionTime), conn: d.conn(),
		answer: func(reply *bus.NameReply) { ch <- reply },
	})
	if refused != nil {
		return &bus.NameReply{Error: refused}
	}
	return <-ch
}

func (d registry) claim(p proto.PeerID, secret string, revision uint64) *bus.NameReply {
	return d.ask(bus.NameClaim, bus.NameRequest{Peer: p, Owner: p.Home(), Secret: secret, Revision: revision})
}

func expectName(t *testing.T, what string, r *bus.NameReply, want bus.NameRefusal, peer proto.PeerID) {
	t.Helper()
	if r == nil || r.Error != nil || r.Refused != want || r.Peer != peer || r.Free != (peer == "") {
		t.Fatalf("%s: got %+v, want refused %q and peer %q", what, r, want, peer)
	}
}

func TestNames_ClaimedTakenOverAndReleased_EveryAnswerShowsTheEntry(t *testing.T) {
	d := newRegistry(t, kvtest.NewFake())
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
// different secrets leave the name with one peer, which alone was told so.
func TestNames_FaultyBucketAndManyClaims_OneWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for round := range 8 {
			b := kvtest.NewFake()
			b.Unproven = true
			b.Latency = func() time.Duration { return 3 * time.Millisecond }
			b.LostAck = func(n int) bool { return (n+round)%5 == 0 }
			b.Conflict = func(n int) bool { return n%7 == 0 }
			b.Stale = func(n int) bool { return n%3 == 0 }
			instances := []registry{newRegistry(t, b), newRegistry(t, b)}
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
		r := newRegistry(t, b).claim(ann, "s", 0)
		if r == nil || r.Error == nil || r.Error.Code != proto.Unavailable || time.Since(began) > sessionTime+kv.CallTimeout {
			t.Errorf("got %+v after %v, want Unavailable within %v", r, time.Since(began), sessionTime)
		}
	})
}

func TestNames_DamagedEntry_AnswersUnavailableAtOnce(t *testing.T) {
	b := kvtest.NewFake()
	key, _ := bus.NameKey("n", "a")
	if _, err := b.Write(t.Context(), key, []byte("?"), 0); err != nil {
		t.Fatal(err)
	}
	r := newRegistry(t, b).ask(bus.NameGet, bus.NameRequest{})
	if r.Error == nil || r.Error.Code != proto.Unavailable || b.Reads != 1 {
		t.Errorf("got %+v after %d reads, want Unavailable after 1", r, b.Reads)
	}
}
