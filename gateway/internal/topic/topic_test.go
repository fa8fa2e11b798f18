package topic

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/egress"
	"p2pconnector/proto"
)

// fixture is a gateway with topics, whose room service takes a second for each request.
type fixture struct {
	t     *testing.T
	table *Table
	space *Space

	mu      sync.Mutex
	fail    int      // requests that fail, from now on
	failure error    // of those; nil: no answer
	noJoin  bool     // a join is answered, but the room is lost at once
	calls   []string // of the room service
	sent    []string // publications to other gateways
	cut     bool     // other gateways cannot be reached
	short   egress.Refusal
	ending  chan struct{}
	running sync.WaitGroup
	now     clock.AtomicInstant
}

func run(t *testing.T, limits Config, f func(w *fixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &fixture{t: t, ending: make(chan struct{})}
		w.now.Store(clock.Now())
		limits.Rooms, limits.Clock, limits.Ended, limits.Logger = w, &w.now, w.ending, slog.New(slog.DiscardHandler)
		limits.Go = func(f func()) { w.running.Go(f) }
		w.table = New(limits)
		w.space = w.table.Space("test", func(text []byte) string {
			if to, _, ok := strings.Cut(string(text), ":"); ok {
				return to
			}
			return ""
		})
		f(w)
		close(w.ending)
		w.running.Wait()
	})
}

func (w *fixture) request(name string) error {
	time.Sleep(time.Second)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, name)
	if w.fail > 0 {
		w.fail--
		if w.failure != nil {
			return w.failure
		}
		return errors.New("no answer")
	}
	return nil
}

func (w *fixture) Join(id proto.RoomID) error {
	err := w.request("join")
	if err == nil && !w.noJoin {
		w.table.Joined(id)
	}
	return err
}

func (w *fixture) Leave(id proto.RoomID) error {
	err := w.request("leave")
	if err == nil {
		w.table.Left(id)
	}
	return err
}

func (w *fixture) Publish(_ proto.RoomID, _ string, text []byte, _ *egress.Client) (bool, egress.Refusal) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.short.Limit == "" {
		w.sent = append(w.sent, string(text))
	}
	return !w.cut && w.short.Limit == "", w.short
}

// Shared: another gateway is in every room but that of topic alone.
func (w *fixture) Shared(id proto.RoomID, with proto.GatewayID) bool {
	return with == "other" && id != w.space.ID("alone")
}

// pass lets d pass.
func (w *fixture) pass(d time.Duration) {
	time.Sleep(d)
	w.now.Store(clock.Now())
	synctest.Wait()
}

func (w *fixture) expectCalls(want ...string) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Equal(w.calls, want) {
		w.t.Errorf("got requests %q, want %q", w.calls, want)
	}
	w.calls = nil
}

// peer is a client that records what it gets.
type peer struct {
	*Client
	mu   sync.Mutex
	got  []string
	lost bool
}

func (w *fixture) peer() *peer {
	p := new(peer)
	p.Client = w.space.Client(p, nil)
	return p
}

func (p *peer) Publication(_ proto.RoomID, text []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got = append(p.got, string(text))
}

func (p *peer) Lost() { p.mu.Lock(); defer p.mu.Unlock(); p.lost = true }

func (p *peer) expect(t *testing.T, name string, want ...string) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Equal(p.got, want) {
		t.Errorf("%s: got %q, want %q", name, p.got, want)
	}
	p.got = nil
}

func TestPublish_AfterSubscribe_WaitsUntilTheGatewayHasJoined(t *testing.T) {
	run(t, Config{}, func(w *fixture) {
		ann := w.peer()
		ann.Subscribe("a")
		began := time.Now()
		if got := ann.Publish("a", "ann", []byte("1")); got != Published || time.Since(began) < time.Second {
			t.Errorf("got outcome %d after %v, want %d when the join has been answered", got, time.Since(began), Published)
		}
		w.expectCalls("join")
		ann.expect(t, "ann", "1")
		if !slices.Equal(w.sent, []string{"1"}) {
			t.Errorf("got %q sent to other gateways, want 1 once", w.sent)
		}
		ben := w.peer()
		ben.Subscribe("a") // in effect at once
		ben.Publish("a", "ben", []byte("2"))
		ben.expect(t, "ben", "2")
		ann.expect(t, "ann", "2")
		w.expectCalls()
		ann.End()
		ben.End()
		w.pass(2 * time.Second)
		w.expectCalls("leave")
		if got := w.table.Counts(); got.Topics != 0 || got.Subscriptions != 0 || got.Published != 2 || got.Delivered != 3 {
			t.Errorf("got %+v, want no topic, 2 published, 3 delivered", got)
		}
	})
}

func TestPublish_RoomServiceAway_IsUnreachable(t *testing.T) {
	run(t, Config{}, func(w *fixture) {
		w.fail = 100
		ann := w.peer()
		ann.Subscribe("a")
		if got := ann.Publish("a", "", []byte("1")); got != Unreachable {
			t.Errorf("got outcome %d, want %d", got, Unreachable)
		}
		w.fail = 0
		if got := ann.Publish("a", "", []byte("2")); got != Published {
			t.Errorf("later: got outcome %d, want %d", got, Published)
		}
		ann.expect(t, "ann", "2")
	})
}

// TestPublish_OthersCutOff_IsUnreachable: it arrives here, and the client connects again.
func TestPublish_OthersCutOff_IsUnreachable(t *testing.T) {
	run(t, Config{}, func(w *fixture) {
		ann := w.peer()
		ann.Subscribe("a")
		w.pass(2 * time.Second)
		w.cut = true
		if got := ann.Publish("a", "", []byte("1")); got != Unreachable {
			t.Errorf("got outcome %d, want %d", got, Unreachable)
		}
		ann.expect(t, "ann", "1")
		if got := w.table.Counts().Missed; got != 1 {
			t.Errorf("got %d missed, want 1", got)
		}
	})
}

// TestSubscribe_WhileLeaving_JoinsAgain: a leave does not undo a later join.
func TestSubscribe_WhileLeaving_JoinsAgain(t *testing.T) {
	run(t, Config{}, func(w *fixture) {
		ann := w.peer()
		ann.Subscribe("a")
		w.pass(1500 * time.Millisecond)
		ann.Unsubscribe("a")
		w.pass(500 * time.Millisecond)
		ann.Subscribe("a")
		w.pass(5 * time.Second)
		w.expectCalls("join", "leave", "join")
		if ann.lost {
			t.Error("got the connection closed, want it open: nothing was missed")
		}
		ann.Unsubscribe("a")
		ann.Subscribe("a") // before the leave has begun
		w.pass(5 * time.Second)
		if got := ann.Publish("a", "", []byte("1")); got != Published {
			t.Errorf("got outcome %d, want %d", got, Published)
		}
		ann.expect(t, "ann", "1")
	})
}

// TestPublish_WhileLeaving_WaitsForTheNextJoin: the gateway that leaves would not get the
// announcements of others any more.
func TestPublish_WhileLeaving_WaitsForTheNextJoin(t *testing.T) {
	for _, fail := range []int{0, 1} {
		run(t, Config{}, func(w *fixture) {
			ann := w.peer()
			ann.Subscribe("a")
			w.pass(1500 * time.Millisecond)
			ann.Unsubscribe("a")
			w.pass(500 * time.Millisecond)
			w.fail = fail // the gateway stays if the leave fails
			ann.Subscribe("a")
			if got := ann.Publish("a", "", []byte("1")); got != Published {
				t.Errorf("%d failures: got outcome %d, want %d", fail, got, Published)
			}
			w.expectCalls([][]string{{"join", "leave", "join"}, {"join", "leave"}}[fail]...)
			ann.expect(t, "ann", "1")
			ann.Unsubscribe("a")
			w.pass(5 * time.Second)
			w.expectCalls("leave")
			if ann.lost {
				t.Errorf("%d failures: got the connection closed, want it open: nothing was missed", fail)
			}
		})
	}
}

// TestUnsubscribe_BeforeItTookEffect_IsForgotten: nothing waits for it, and a client that
// subscribes and unsubscribes for ever costs no memory.
func TestUnsubscribe_BeforeItTookEffect_IsForgotten(t *testing.T) {
	run(t, Config{}, func(w *fixture) {
		w.fail = 1000
		ann := w.peer()
		for range 100 {
			ann.Subscribe("a")
			ann.Unsubscribe("a")
		}
		if got := len(ann.pending); got != 0 {
			t.Errorf("got %d pending subscriptions, want none", got)
		}
		began := time.Now()
		if got := ann.Publish("b", "", []byte("1")); got != Published || time.Since(began) > 0 {
			t.Errorf("got outcome %d after %v, want %d at once", got, time.Since(began), Published)
		}
		w.pass(3 * time.Second)
		if got := w.table.Counts().Topics; got != 0 {
			t.Errorf("got %d topics, want none", got)
		}
	})
}

func TestLeft_RoomWasLost_ClosesSubscribersAndJoinsAgain(t *testing.T) {
	run(t, Config{}, func(w *fixture) {
		ann, ben := w.peer(), w.peer()
		ann.Subscribe("a")
		ben.Subscribe("b")
		w.pass(2 * time.Second)
		w.expectCalls("join", "join")
		w.table.Left(w.space.ID("a"))
		w.pass(2 * time.Second)
		w.expectCalls("join")
		if !ann.lost || ben.lost {
			t.Errorf("got closed %v, and %v of another topic, want true, false", ann.lost, ben.lost)
		}
	})
}

// TestAlive_GatewayInATopic_ClosesItsSubscribers: it has missed what they published.
func TestAlive_GatewayInATopic_ClosesItsSubscribers(t *testing.T) {
	run(t, Config{}, func(w *fixture) {
		ann, ben := w.peer(), w.peer()
		ann.Subscribe("a")
		ben.Subscribe("alone")
		w.pass(2 * time.Second)
		w.table.Alive("third")
		synctest.Wait()
		if ann.lost || ben.lost {
			t.Errorf("a gateway in no topic: got closed %v, %v, want neither", ann.lost, ben.lost)
		}
		w.table.Alive("other")
		synctest.Wait()
		if !ann.lost || ben.lost {
			t.Errorf("got closed %v, and %v of another topic, want true, false", ann.lost, ben.lost)
		}
	})
}

// TestJoined_NobodySubscribes_Leaves: a join whose answer was lost took effect late.
func TestJoined_NobodySubscribes_Leaves(t *testing.T) {
	run(t, Config{}, func(w *fixture) {
		id := w.space.ID("a")
		w.table.Joined(id)
		if !w.table.Received(id, []byte("1")) {
			t.Error("got a publication refused, want it ignored")
		}
		w.pass(2 * time.Second)
		w.expectCalls("leave")
		if got := w.table.Counts().Topics; got != 0 {
			t.Errorf("got %d topics, want 0", got)
		}
	})
}

func TestPublish_Addressed_ReachesThoseThatPublishedAsThatID(t *testing.T) {
	run(t, Config{}, func(w *fixture) {
		ann, ben, many := w.peer(), w.peer(), w.peer()
		for _, p := range []*peer{ann, ben, many} {
			p.Subscribe("a")
		}
		ann.Publish("a", "ann", []byte(":1"))
		ben.Publish("a", "ben", []byte(":2"))
		for i := range maxIDs + 1 {
			many.Publish("a", fmt.Sprint("many", i), []byte(":3"))
		}
		for _, p := range []*peer{ann, ben, many} {
			p.got = nil
		}
		ann.Publish("a", "ann", []byte("ben:1"))
		w.table.Received(w.space.ID("a"), []byte("ann:2"))
		ann.expect(t, "ann", "ann:2")
		ben.expect(t, "ben", "ben:1")
		many.expect(t, "a client of too many ids", "ben:1", "ann:2")
	})
}

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

// TestPublish_AboveTheRate_WaitsThenIsRefused: the reader of a client that floods waits.
func TestPublish_AboveTheRate_WaitsThenIsRefused(t *testing.T) {
	run(t, Config{PerSecond: 2}, func(w *fixture) {
		ann := w.peer()
		ann.Subscribe("a")
		w.pass(2 * time.Second)
		for range 10 {
			ann.Publish("a", "", []byte("1"))
		}
		w.running.Go(func() {
			for range 3 {
				time.Sleep(250 * time.Millisecond)
				w.now.Store(clock.Now())
			}
		})
		began := time.Now()
		if got := ann.Publish("a", "", []byte("2")); got != Published || time.Since(began) < 500*time.Millisecond {
			t.Errorf("got outcome %d after %v, want %d after half a second", got, time.Since(began), Published)
		}
		w.short = egress.Refusal{Limit: egress.Total, Wait: time.Second}
		if got := ann.Publish("a", "", []byte("3")); got != Limited {
			t.Errorf("got outcome %d, want %d", got, Limited)
		}
	})
}

func TestReceived_AboveTheRate_IsRefused(t *testing.T) {
	run(t, Config{BytesPerSecond: 100}, func(w *fixture) {
		ann := w.peer()
		ann.Subscribe("a")
		w.pass(2 * time.Second)
		accepted := 0
		for range 100 {
			if w.table.Received(w.space.ID("a"), make([]byte, 10)) {
				accepted++
			}
		}
		if refused := w.table.Counts().Refused[Bytes]; accepted < 10 || accepted > 50 || refused != uint64(100-accepted) {
			t.Errorf("got %d accepted, %d refused, want what 4 s allow, about 40", accepted, refused)
		}
	})
}

// TestSetCopies_ManyTexts_AreAllPaidFor: by the publisher here, and by the limit on what other
// gateways send.
func TestSetCopies_ManyTexts_AreAllPaidFor(t *testing.T) {
	published := func(copies int) (here, received int) {
		run(t, Config{BytesPerSecond: 1000}, func(w *fixture) {
			ann, ben := w.peer(), w.peer()
			ann.Client = w.space.Client(ann, egress.New(egress.Config{Caused: 1000, Clock: &w.now}).Client(netip.Addr{}))
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
		w.noJoin = false
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
			w.fail, w.failure = 1000, c.failure
			w.peer().Subscribe("a")
			w.pass(2 * time.Minute)
			if got := len(w.calls); got != c.want {
				t.Errorf("%v: got %d requests in 2 minutes, want %d", c.failure, got, c.want)
			}
			if got := w.table.Counts().Failed; got != uint64(c.want) {
				t.Errorf("%v: got %d counted as failed, want %d", c.failure, got, c.want)
			}
		})
	}
}
