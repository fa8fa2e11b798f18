package topic

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/egress"
	"p2pconnector/gateway/internal/fairqueue"
	"p2pconnector/proto"
)

func TestSubscribe_AtEachLimit_IsRefused(t *testing.T) {
	run(t, Config{Topics: 3, Subscribers: 2, PerClient: 2}, func(w *fixture) {
		ann, ben, cid := w.peer(), w.peer(), w.peer()
		for _, c := range []struct {
			who   *peer
			topic string
			want  Limit
		}{
			{ann, "a", None}, {ann, "b", None}, {ann, "a", None}, {ann, "c", MaxPerClient},
			{ben, "a", None}, {cid, "a", MaxSubscribers},
			{ben, "c", None}, {cid, "d", MaxTopics}, {cid, "c", None},
		} {
			if got := c.who.Subscribe(c.topic); got != c.want {
				t.Errorf("%s: got %q, want %q", c.topic, got, c.want)
			}
		}
		ann.Unsubscribe("b")
		w.pass(5 * time.Second)
		if got := ann.Subscribe("d"); got != None {
			t.Errorf("after an unsubscription: got %q, want none", got)
		}
		for _, l := range []Limit{MaxPerClient, MaxSubscribers, MaxTopics} {
			if got := w.table.Counts().Refused[l]; got != 1 {
				t.Errorf("got %d refused by %s, want 1", got, l)
			}
		}
	})
}

// TestSubscribe_ManyTopicsOfOneKey_LeaveRoomForOthers: a topic counts for the first of its
// subscribers, until the gateway has left its room.
func TestSubscribe_ManyTopicsOfOneKey_LeaveRoomForOthers(t *testing.T) {
	run(t, Config{Topics: 5, PerAddress: 2}, func(w *fixture) {
		mallory, again, ann, ben := w.peerOf("mallory"), w.peerOf("mallory"), w.peerOf("ann"), w.peerOf("ben")
		expect := func(who *peer, topic string, want Limit) {
			t.Helper()
			if got := who.Subscribe(topic); got != want {
				t.Errorf("%s: got %q, want %q", topic, got, want)
			}
		}
		expect(mallory, "a", None)
		expect(mallory, "b", None)
		expect(again, "c", MaxPerAddress)
		expect(ann, "c", None)
		expect(again, "c", None) // counts for ann
		expect(again, "a", None)
		if got := w.table.Counts().Refused[MaxPerAddress]; got != 1 {
			t.Errorf("got %d refused, want 1", got)
		}
		w.pass(2 * time.Second)
		ann.Unsubscribe("c") // it counts for mallory now
		expect(ann, "d", None)
		mallory.Unsubscribe("b")
		expect(again, "e", MaxPerAddress)
		w.pass(2 * time.Second) // until b is left
		expect(again, "e", MaxPerAddress)
		mallory.Unsubscribe("a")
		again.Unsubscribe("a")
		expect(again, "e", MaxPerAddress) // a is about to be left
		expect(ann, "f", None)
		expect(ann, "a", MaxPerAddress)
		expect(ben, "a", None) // and counts for ben now
		expect(again, "e", None)
		for _, p := range []*peer{mallory, again, ann, ben} {
			p.End()
		}
		w.pass(5 * time.Second)
		if got := len(w.table.counted); got != 0 {
			t.Errorf("at the end: got topics that count for %d users, want none", got)
		}
	})
}

// TestSubscribe_ManyTopicsOfOneKey_TakeTurns: a client that subscribes to much has a quarter
// of what the room service works on; another client's subscription takes effect at once. When
// the first one has ended, the gateway leaves what it has joined, and joins nothing more.
func TestSubscribe_ManyTopicsOfOneKey_TakeTurns(t *testing.T) {
	run(t, Config{}, func(w *fixture) {
		w.turns = fairqueue.New(8)
		mallory, ann := w.peerOf("mallory"), w.peerOf("ann")
		for i := range 100 {
			mallory.Subscribe(fmt.Sprint(i))
		}
		ann.Subscribe("a")
		w.pass(1500 * time.Millisecond)
		w.expectCalls("join", "join", "join")
		if got := w.turns.Waiting(); got != 96 {
			t.Errorf("waiting: got %d, want 96: 2 have joined, 2 are joining", got)
		}
		mallory.End()
		w.pass(5 * time.Second)
		w.expectCalls("join", "join", "leave", "leave", "leave", "leave")
		if got := w.table.Counts().Topics; got != 1 || w.turns.Waiting() != 0 {
			t.Errorf("got %d topics, %d waiting, want 1 and none", got, w.turns.Waiting())
		}
	})
}

// TestPublish_AboveTheRate_WaitsThenIsRefused: 5 seconds' worth pass at once. The reader of a
// client that floods waits, for at most 5 seconds.
func TestPublish_AboveTheRate_WaitsThenIsRefused(t *testing.T) {
	run(t, Config{PerSecond: 2}, func(w *fixture) {
		ann := w.peer()
		ann.Subscribe("a")
		w.pass(2 * time.Second)
		publish := func(what string, want Outcome, after time.Duration) {
			t.Helper()
			began := time.Now()
			if got := ann.Publish("a", "", []byte("1")); got != want || time.Since(began) != after {
				t.Errorf("%s: got outcome %d after %v, want %d after %v", what, got, time.Since(began), want, after)
			}
		}
		for n := range 10 {
			publish(fmt.Sprint("publication ", n+1), Published, 0)
		}
		w.running.Go(func() {
			time.Sleep(499 * time.Millisecond)
			w.now.Store(clock.Now().Add(time.Millisecond))
		})
		publish("one more", Published, 500*time.Millisecond)
		w.pass(time.Second)
		w.short = egress.Refusal{Limit: egress.Total, Wait: 2500 * time.Millisecond}
		publish("bytes are short for ever", Limited, 5*time.Second)
		w.pass(time.Second)
		w.short.Wait = 5*time.Second + 1
		publish("bytes are short for longer", Limited, 0)
	})
}

// TestReceived_AboveTheRate_IsRefused: all but a byte of 4 seconds' worth pass, and one more
// is refused.
func TestReceived_AboveTheRate_IsRefused(t *testing.T) {
	run(t, Config{BytesPerSecond: 100}, func(w *fixture) {
		ann := w.peer()
		ann.Subscribe("a")
		w.pass(2 * time.Second)
		for _, c := range []struct {
			bytes    int
			accepted bool
		}{{300, true}, {99, true}, {1, false}} {
			if got := w.table.Received(w.space.ID("a"), make([]byte, c.bytes)); got != c.accepted {
				t.Errorf("%d bytes: got accepted %v, want %v", c.bytes, got, c.accepted)
			}
		}
		if refused := w.table.Counts().Refused[Bytes]; refused != 1 {
			t.Errorf("got %d refused, want 1", refused)
		}
	})
}

// TestSetCopies_ManyTexts_AreAllPaidFor: by the publisher here, and by the limit on what other
// gateways send.
func TestSetCopies_ManyTexts_AreAllPaidFor(t *testing.T) {
	published := func(copies int) (here, received int) {
		run(t, Config{BytesPerSecond: 1000}, func(w *fixture) {
			ann, ben := w.peer(), w.peer()
			ann.Client = w.space.Client(ann, egress.New(egress.Config{Caused: 1000, Clock: &w.now}).Client(netip.Addr{}), fairqueue.Key{})
			ben.Subscribe("a")
			ben.SetCopies("a", copies)
			w.pass(2 * time.Second)
			for began := time.Now(); time.Since(began) < 4*time.Second && here < 1000; {
				if ann.Publish("a", "", make([]byte, 100)) == Published {
					here++
				}
			}
			for w.table.Received(w.space.ID("a"), make([]byte, 100)) && received < 1000 {
				received++
			}
		})
		return here, received
	}
	oneHere, oneReceived := published(1)
	here, received := published(5)
	if here == 0 || received == 0 || here > oneHere/4 || received > oneReceived/4 {
		t.Errorf("5 copies: got %d publications here, %d of other gateways, want about a fifth of %d, %d", here, received, oneHere, oneReceived)
	}
}

// TestSubscribe_RoomLostAtOnce_AsksAgainAfterAPause: the answer alone does not make the
// gateway a member.
func TestSubscribe_RoomLostAtOnce_AsksAgainAfterAPause(t *testing.T) {
	run(t, Config{}, func(w *fixture) {
		w.noJoin = true
		ann := w.peer()
		ann.Subscribe("a")
		w.pass(3500 * time.Millisecond) // a second for each request, and for the pause
		w.expectCalls("join", "join")
		w.set(func() { w.noJoin = false })
		if got := ann.Publish("a", "", []byte("1")); got != Published {
			t.Errorf("got outcome %d, want %d", got, Published)
		}
	})
}

// TestSubscribe_Refused_AsksLessAndLess: a refusal may be for ever. Without an answer, the next
// request comes soon.
func TestSubscribe_Refused_AsksLessAndLess(t *testing.T) {
	for _, c := range []struct {
		failure error
		want    int
	}{{proto.Errorf(proto.LimitExceeded, "too many"), 8}, {proto.Errorf(proto.Unavailable, "away"), 60}, {nil, 60}} {
		run(t, Config{}, func(w *fixture) {
			requests := 0
			w.fail, w.failure = 1000, c.failure
			w.peer().Subscribe("a")
			w.pass(2 * time.Minute)
			w.set(func() { requests = len(w.calls) })
			if requests != c.want {
				t.Errorf("%v: got %d requests in 2 minutes, want %d", c.failure, requests, c.want)
			}
			if got := w.table.Counts().Failed; got != uint64(c.want) {
				t.Errorf("%v: got %d counted as failed, want %d", c.failure, got, c.want)
			}
		})
	}
}

// TestPublish_WaitsForBytes_TakesOneToken: of the rate that the topic's publishers share.
func TestPublish_WaitsForBytes_TakesOneToken(t *testing.T) {
	run(t, Config{PerSecond: 2}, func(w *fixture) {
		ann := w.peer()
		ann.Subscribe("a")
		w.pass(2 * time.Second)
		w.short = egress.Refusal{Limit: egress.Total, Wait: 100 * time.Millisecond}
		if got := ann.Publish("a", "", []byte("1")); got != Limited {
			t.Errorf("no bytes: got outcome %d, want %d", got, Limited)
		}
		w.short = egress.Refusal{}
		for n := range 9 { // and the first one are 5 seconds' worth
			began := time.Now()
			if got := ann.Publish("a", "", []byte("2")); got != Published || time.Since(began) > 0 {
				t.Fatalf("publication %d: got outcome %d after %v, want %d at once", n, got, time.Since(began), Published)
			}
		}
	})
}

// TestPublish_WithoutSubscribers_AsksAtARate: for the gateways of a topic that this gateway has
// not joined, a client makes it ask 500 times at once, and 50 times a second from then on.
func TestPublish_WithoutSubscribers_AsksAtARate(t *testing.T) {
	run(t, Config{}, func(w *fixture) {
		ann := w.peer()
		began := time.Now()
		for n := range 500 {
			if got := ann.Publish("elsewhere", "", []byte("1")); got != Published || time.Since(began) > 0 {
				t.Fatalf("publication %d: got outcome %d after %v, want %d at once", n+1, got, time.Since(began), Published)
			}
		}
		const tick = 10 * time.Millisecond // of the clock that all of a gateway share
		w.running.Go(func() {
			for range 12 {
				time.Sleep(tick)
				w.now.Store(clock.Now())
			}
		})
		for n := range 5 {
			if got := ann.Publish("elsewhere", "", []byte("2")); got != Published {
				t.Errorf("publication %d at the rate: got outcome %d, want %d", n+1, got, Published)
			}
		}
		// A publication whose turn comes at a tick may see the clock before it.
		if took := time.Since(began); took < 100*time.Millisecond || took > 100*time.Millisecond+tick {
			t.Errorf("5 more: got them after %v, want 100ms, or one tick of %v later", took, tick)
		}
	})
}

// TestLearn_IDsAtTheEdge_OneMoreGetsAll: 8 ids of at most 64 bytes are remembered of a
// subscriber. With one more it gets the publications for all ids.
func TestLearn_IDsAtTheEdge_OneMoreGetsAll(t *testing.T) {
	for what, ids := range map[string][]string{
		"ids":   {"1", "2", "3", "4", "5", "6", "7", "8", "9"},
		"bytes": {strings.Repeat("x", 64), strings.Repeat("x", 65)},
	} {
		s := new(subscription)
		for n, id := range ids {
			s.learnLocked(id)
			s.learnLocked(id)
			if all := n == len(ids)-1; s.all != all || !all && len(s.ids) != n+1 {
				t.Errorf("%s, id %d: got %d remembered, all %v, want all %v", what, n+1, len(s.ids), s.all, all)
			}
		}
	}
}
