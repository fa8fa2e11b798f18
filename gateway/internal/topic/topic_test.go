package topic

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/egress"
	"p2pconnector/gateway/internal/fairqueue"
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
	turns   *fairqueue.Queue // nil: no limit
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

// set changes what is guarded by the lock of w.
func (w *fixture) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
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

func (w *fixture) Turn(k fairqueue.Key, d time.Duration) (func(), bool) {
	return w.turns.Await(k, d, w.ending)
}

func (w *fixture) Join(id proto.RoomID) error {
	err := w.request("join")
	w.mu.Lock()
	joins := err == nil && !w.noJoin
	w.mu.Unlock()
	if joins {
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

func (w *fixture) Publish(_ proto.RoomID, _ string, text []byte, _ *egress.Client, _ fairqueue.Key) (bool, egress.Refusal) {
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

func (w *fixture) peer() *peer { return w.peerOf("somebody") }

// peerOf returns a client of a user.
func (w *fixture) peerOf(user string) *peer {
	p := new(peer)
	p.Client = w.space.Client(p, nil, fairqueue.Key{User: user})
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
		w.set(func() { w.fail = 0 })
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
		w.set(func() { w.cut = true })
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
			w.set(func() { w.fail = fail }) // the gateway stays if the leave fails
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
