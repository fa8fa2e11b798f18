package directory

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/kv"
	"p2pconnector/roomsvc/internal/kv/kvtest"
	"p2pconnector/roomsvc/internal/metrics"
)

const (
	gwA proto.GatewayID = "aaaaaaaa"
	gwB proto.GatewayID = "bbbbbbbb"
	gwC proto.GatewayID = "cccccccc"
)

// peer returns the id of the n-th peer of gateway g.
func peer(g proto.GatewayID, n int) proto.PeerID {
	return proto.PeerID(fmt.Sprintf("%s-0000-8000-8000-%012x", g, n))
}

var ann, ben, cas = peer(gwA, 1), peer(gwB, 2), peer(gwA, 3)

func testConfig() Config {
	return Config{Log: slog.New(slog.DiscardHandler), Metrics: metrics.New(), Usage: new(kv.Usage), Waiting: 1000, Conn: func() uint64 { return 0 }}
}

// sessionInstance is one instance of the directory of sessions.
type sessionInstance struct{ *Sessions }

func newSessions(t *testing.T, b kv.BatchBucket) sessionInstance {
	o := sessionInstance{NewSessions(b, testConfig())}
	t.Cleanup(func() { o.Close(context.Background()) })
	return o
}

// send submits a request; its answer comes on the channel, nil when it was dropped.
func (o sessionInstance) send(kind bus.SessionOperation, r bus.SessionRequest) <-chan *bus.SessionReply {
	ch := make(chan *bus.SessionReply, 1)
	if r.Peer == "" && kind != bus.SessionSync {
		r.Peer = ann
	}
	refused := o.Submit(&SessionRequest{Kind: kind, Body: &r, Arrived: time.Now(), Answer: func(reply *bus.SessionReply) { ch <- reply }})
	if refused != nil {
		ch <- &bus.SessionReply{Error: refused}
	}
	return ch
}

func (o sessionInstance) ask(kind bus.SessionOperation, r bus.SessionRequest) *bus.SessionReply {
	return <-o.send(kind, r)
}

// result returns an answer in one word: the refusal or the error's code, "" for
// success, "dropped" for none.
func result(r *bus.SessionReply) string {
	switch {
	case r == nil:
		return "dropped"
	case r.Error != nil:
		return string(r.Error.Code)
	}
	return string(r.Refused)
}

func (o sessionInstance) take(g proto.GatewayID, epoch, revision uint64) *bus.SessionReply {
	return o.ask(bus.SessionTake, bus.SessionRequest{Owner: g, Epoch: epoch, Revision: revision})
}

func expect(t *testing.T, what string, r *bus.SessionReply, want string, owner proto.GatewayID, epoch uint64) {
	t.Helper()
	if got := result(r); got != want || r != nil && r.Error == nil && (r.Owner != owner || r.Epoch != epoch) {
		t.Fatalf("%s: got %q, %+v; want %q, owner %q, epoch %d", what, got, r, want, owner, epoch)
	}
}

func TestDirectory_SessionMovesAndEnds_EveryAnswerShowsTheEntry(t *testing.T) {
	b := kvtest.NewFake()
	o := newSessions(t, b)
	get := bus.SessionRequest{}
	expect(t, "get before", o.ask(bus.SessionGet, get), "", "", 0)
	first := o.take(gwB, 1, 0)
	expect(t, "first take", first, "", gwB, 1)
	if b.Reads != 1 || b.Writes != 1 {
		t.Errorf("first take: got %d reads and %d writes so far, want 1 (of get), 1", b.Reads, b.Writes)
	}
	expect(t, "the same again", o.take(gwB, 1, 0), "", gwB, 1)
	expect(t, "another from the same state", o.take(gwC, 1, 0), "moved", gwB, 1)
	second := o.take(gwC, 2, first.Revision)
	expect(t, "second take", second, "", gwC, 2)
	expect(t, "the first once more", o.take(gwB, 1, 0), "moved", gwC, 2)
	expect(t, "end by the home", o.ask(bus.SessionEnd, bus.SessionRequest{Owner: gwA}), "moved", gwC, 2)
	expect(t, "end by a former owner", o.ask(bus.SessionEnd, bus.SessionRequest{Owner: gwB, Epoch: 1, Revision: first.Revision}), "moved", gwC, 2)
	end := bus.SessionRequest{Owner: gwC, Epoch: 2, Revision: second.Revision}
	expect(t, "end", o.ask(bus.SessionEnd, end), "", "", 2)
	expect(t, "end again", o.ask(bus.SessionEnd, end), "", "", 2)
	expect(t, "take after the end", o.take(gwB, 3, second.Revision), "ended", "", 2)
	if r := o.ask(bus.SessionGet, get); !r.Ended || r.Epoch != 2 || r.Revision != 0 {
		t.Errorf("get after the end: got %+v, want a tombstone of epoch 2, its revision not shown", r)
	}
	b.Forget(sessionKey(t, ann)) // the tombstone has vanished
	expect(t, "take of a forgotten session", o.take(gwB, 3, second.Revision), "ended", "", 0)
	expect(t, "take of a forgotten session, revision unknown", o.take(gwB, 3, 0), "ended", "", 0)
	writes := b.Writes
	expect(t, "end of a session that never moved", o.ask(bus.SessionEnd, bus.SessionRequest{Owner: gwA}), "", "", 0)
	if b.Writes != writes {
		t.Errorf("end of a session that never moved: got %d writes, want none", b.Writes-writes)
	}
}

func sessionKey(t *testing.T, p proto.PeerID) string {
	t.Helper()
	key, err := bus.SessionKey(p)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestDirectory_Sync_ListsWhatTheOwnerLost(t *testing.T) {
	for name, missed := range map[string]bool{"one pass": false, "a pass that misses all": true} {
		t.Run(name, func(t *testing.T) { syncLists(t, missed) })
	}
}

func syncLists(t *testing.T, missed bool) {
	b := kvtest.NewFake()
	b.Missed, b.NotLatest = missed, missed
	o := newSessions(t, b)
	taken := o.take(gwB, 1, 0) // ann, of A
	o.ask(bus.SessionTake, bus.SessionRequest{Peer: cas, Owner: gwC, Epoch: 1})
	r := o.ask(bus.SessionSync, bus.SessionRequest{Owner: gwA, Sessions: []bus.Owned{{Peer: ann}, {Peer: cas}, {Peer: peer(gwA, 9)}, {Peer: peer(gwA, 9)}}})
	if len(r.Sessions) != 2 || r.Sessions[0].Peer != ann || r.Sessions[0].Owner != gwB || r.Sessions[0].Revision != taken.Revision || r.Sessions[1].Owner != gwC {
		t.Errorf("lost by the home: got %+v, want ann to B and cas to C", r.Sessions)
	}
	if r := o.ask(bus.SessionSync, bus.SessionRequest{Owner: gwB, Sessions: []bus.Owned{{Peer: ann, Epoch: 1}}}); len(r.Sessions) != 0 || r.Error != nil {
		t.Errorf("the owner's own: got %+v, want nothing", r)
	}
	if r := o.ask(bus.SessionSync, bus.SessionRequest{Owner: gwB, Sessions: []bus.Owned{{Peer: ben, Epoch: 4}}}); len(r.Sessions) != 1 || r.Sessions[0].Revision != 0 {
		t.Errorf("a later epoch without an entry: got %+v, want it listed without a revision", r.Sessions)
	}
}

// With lost acknowledgements, false conflicts and old reads, all at once, each
// epoch has one owner, and every requester gets the true answer.
func TestDirectory_FaultyBucketAndManyTakers_OneWinsEachEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := kvtest.NewFake()
		b.NotLatest = true
		b.Latency = func() time.Duration { return 3 * time.Millisecond }
		b.LostAck = func(n int) bool { return n%5 == 0 }
		b.Conflict = func(n int) bool { return n%7 == 0 }
		b.Stale = func(n int) bool { return n%3 == 0 }
		instances := []sessionInstance{newSessions(t, b), newSessions(t, b)}
		known := &bus.SessionReply{}
		for epoch := uint64(1); epoch <= 5; epoch++ {
			var wins atomic.Int64
			var next atomic.Pointer[bus.SessionReply]
			var wg sync.WaitGroup
			for i := range 64 {
				wg.Go(func() {
					g := proto.GatewayID("0000000" + string("0123456789abcdef"[i%16]))
					g = proto.GatewayID(string("0123456789abcdef"[i/16])) + g[1:]
					r := instances[i%2].take(g, epoch, known.Revision)
					switch {
					case r == nil || r.Error != nil:
						t.Errorf("epoch %d: got %+v, want a result", epoch, r)
					case r.Refused == "":
						wins.Add(1)
						next.Store(r)
					case r.Refused != bus.RefusedMoved || r.Epoch != epoch:
						t.Errorf("epoch %d: got %+v, want moved, in that epoch", epoch, r)
					}
				})
			}
			wg.Wait()
			if wins.Load() != 1 {
				t.Fatalf("epoch %d: got %d winners, want 1", epoch, wins.Load())
			}
			known = next.Load()
		}
	})
}

// A take whose write got no answer took the session all the same, and another gateway has
// taken it from there. "moved" would mean that the first take had no effect.
func TestDirectory_AnswerLostThenTakeReplaced_IsNotRefused(t *testing.T) {
	for name, end := range map[string]bool{"taken by another": false, "taken by another and ended": true} {
		t.Run(name, func(t *testing.T) {
			b, other := kvtest.NewFake(), kvtest.NewFake()
			o, next := newSessions(t, b), newSessions(t, other)
			other.Keys = b.Keys
			b.LostAck = func(n int) bool { // the other instance works while nobody reads or writes here
				other.Seq = b.Seq
				r := next.take(gwC, 2, b.Seq)
				if end {
					next.ask(bus.SessionEnd, bus.SessionRequest{Owner: gwC, Epoch: 2, Revision: r.Revision})
				}
				return true
			}
			expect(t, "replaced", o.take(gwB, 1, 0), string(proto.Unavailable), "", 0)
			b.LostAck = nil
			want := "moved"
			if end {
				want = "ended"
			}
			if got := result(o.take(gwB, 1, 0)); got != want {
				t.Errorf("asked again: got %q, want %q", got, want)
			}
		})
	}
}

// The bucket is away for longer than a request lasts: the requester gets
// Unavailable in time, the queue is bounded, and requests succeed afterwards.
func TestDirectory_BucketAway_AnswersUnavailableInTimeAndRefusesWhatIsTooMuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := kvtest.NewFake()
		var down atomic.Bool
		b.Down = down.Load
		down.Store(true)
		o := newSessions(t, b)
		began := time.Now()
		var answers []<-chan *bus.SessionReply
		for i := range maxCalls + o.cfg.Waiting {
			answers = append(answers, o.send(bus.SessionTake, bus.SessionRequest{Peer: peer(gwA, i), Owner: gwB, Epoch: 1}))
		}
		if r := o.take(gwC, 1, 0); result(r) != string(proto.Unavailable) || time.Since(began) != 0 {
			t.Errorf("one too many: got %q after %v, want Unavailable at once", result(r), time.Since(began))
		}
		if got := o.cfg.Metrics.Refused.Load(); got != 1 {
			t.Errorf("refused: got %d, want 1", got)
		}
		for _, ch := range answers {
			if r := <-ch; result(r) != string(proto.Unavailable) {
				t.Fatalf("got %q, want Unavailable", result(r))
			}
		}
		if took := time.Since(began); took > requestTime || took < requestTime/2 {
			t.Errorf("got the answers after %v, want %v", took, requestTime)
		}
		down.Store(false)
		expect(t, "afterwards", o.take(gwB, 1, 0), "", gwB, 1)
	})
}

// Requests wait for the end of a short outage, and syncs that are stuck keep no
// take waiting.
func TestDirectory_BucketAwayForASecond_AnswersAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := kvtest.NewFake()
		var down atomic.Bool
		b.Down = down.Load
		o := newSessions(t, b)
		down.Store(true)
		var syncs []<-chan *bus.SessionReply
		for range maxSyncCalls + 1 {
			syncs = append(syncs, o.send(bus.SessionSync, bus.SessionRequest{Owner: gwA, Sessions: []bus.Owned{{Peer: ann}}}))
		}
		synctest.Wait()
		if _, syncs := o.Queues(); syncs.Busy != maxSyncCalls {
			t.Errorf("syncs: got %+v, want %d busy", syncs, maxSyncCalls)
		}
		taken := o.send(bus.SessionTake, bus.SessionRequest{Owner: gwB, Epoch: 1})
		time.Sleep(time.Second)
		down.Store(false)
		expect(t, "take", <-taken, "", gwB, 1)
		for _, ch := range syncs {
			if r := <-ch; result(r) != "" {
				t.Errorf("sync: got %+v, want success", r)
			}
		}
	})
}

func TestDirectory_ConnectionLostOrClosing_DropsUnanswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := kvtest.NewFake()
		o := newSessions(t, b)
		var conn atomic.Uint64
		o.cfg.Conn = conn.Load
		var down atomic.Bool
		b.Down = down.Load
		down.Store(true)
		ch := o.send(bus.SessionTake, bus.SessionRequest{Owner: gwB, Epoch: 1})
		synctest.Wait()
		conn.Add(1)
		if r := <-ch; r != nil {
			t.Errorf("after a reconnect: got %+v, want no answer", r)
		}
		ch = o.send(bus.SessionTake, bus.SessionRequest{Owner: gwB, Epoch: 1})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		o.Close(ctx)
		if r := <-ch; r != nil {
			t.Errorf("at shutdown: got %+v, want no answer", r)
		}
		if r := o.take(gwB, 1, 0); r != nil {
			t.Errorf("after shutdown: got %+v, want no answer", r)
		}
		if got := o.cfg.Metrics.Dropped.Load(); got != 3 {
			t.Errorf("dropped: got %d, want 3", got)
		}
	})
}

func TestDirectory_DamagedEntry_AnswersUnavailableAtOnce(t *testing.T) {
	b := kvtest.NewFake()
	o := newSessions(t, b)
	key := sessionKey(t, ann)
	if _, err := b.Write(t.Context(), key, []byte("?"), 0); err != nil {
		t.Fatal(err)
	}
	if r := o.ask(bus.SessionGet, bus.SessionRequest{}); result(r) != string(proto.Unavailable) || b.Reads != 1 {
		t.Errorf("got %q after %d reads, want Unavailable after 1", result(r), b.Reads)
	}
}

// The sweeper ends the sessions that a dead owner left, and none that another
// gateway has taken since.
func TestDirectory_SweepRacesTake_OneOfThemWins(t *testing.T) {
	for range 50 {
		o := newSessions(t, kvtest.NewFake())
		left := o.take(gwB, 1, 0)
		swept := o.send(bus.SessionEnd, bus.SessionRequest{Owner: gwB, Epoch: 1, Revision: left.Revision})
		taken := o.take(gwC, 2, left.Revision)
		r := <-swept
		if (result(taken) == "") == (result(r) == "") {
			t.Fatalf("take: got %+v, sweep: got %+v; want one of them to win", taken, r)
		}
		now := o.ask(bus.SessionGet, bus.SessionRequest{})
		if won := result(taken) == ""; won != (now.Owner == gwC) || won == now.Ended {
			t.Fatalf("take: got %+v, then the entry %+v; want the winner's", taken, now)
		}
	}
}

// TestDirectory_FullBucket_RefusesNewEntriesOnly: sessions that have an entry move and end.
func TestDirectory_FullBucket_RefusesNewEntriesOnly(t *testing.T) {
	o := newSessions(t, kvtest.NewFake())
	first := o.take(gwB, 1, 0)
	o.cfg.Usage.SetExhausted(true)
	expect(t, "take of another peer", o.ask(bus.SessionTake, bus.SessionRequest{Peer: ben, Owner: gwB, Epoch: 1}), "Limit_Exceeded", "", 0)
	expect(t, "the first take again", o.take(gwB, 1, 0), "", gwB, 1)
	second := o.take(gwC, 2, first.Revision)
	expect(t, "next take", second, "", gwC, 2)
	expect(t, "end", o.ask(bus.SessionEnd, bus.SessionRequest{Owner: gwC, Epoch: 2, Revision: second.Revision}), "", "", 2)
	if got := o.cfg.Usage.Counts().Refused; got != 1 {
		t.Errorf("refusals counted: got %d, want 1", got)
	}
}
