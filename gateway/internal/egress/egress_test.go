package egress

import (
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/ratelimit"
	"p2pconnector/proto"
)

// newTest returns budgets with a clock that shows the start of the test, and the counts of
// refused frames.
func newTest(cfg Config) (*Budgets, map[LimitName]int) {
	refused := make(map[LimitName]int)
	cfg.Clock, cfg.Refused = new(clock.AtomicInstant), func(l LimitName) { refused[l]++ }
	cfg.Clock.Store(clock.Now())
	return New(cfg), refused
}

// TestClient_EachBudgetAtItsEdge_RefusesWithTrueWait: two frames that cost all but a byte of the
// burst pass. One byte more is refused for the budget that is short, pays nothing, and passes
// after the wait.
func TestClient_EachBudgetAtItsEdge_RefusesWithTrueWait(t *testing.T) {
	type payer func(*Client, *RoomBudget, int) Refusal
	receive := func(c *Client, _ *RoomBudget, n int) Refusal { return c.Receive(n) }
	relay := func(c *Client, _ *RoomBudget, n int) Refusal { return c.Relay(n) }
	fanout := func(c *Client, room *RoomBudget, n int) Refusal { return c.Fanout(room, n, 1) }
	for name, x := range map[string]struct {
		limit LimitName
		cfg   Config
		pay   payer
		first int // with 999 bytes more, all but a byte of what the frames may use
	}{
		"received":        {Received, Config{Received: 1000}, receive, 3000},
		"caused":          {Caused, Config{Caused: 1000}, fanout, 3000},
		"room":            {Room, Config{Room: 1000}, fanout, 3000},
		"total, signals":  {Total, Config{Total: 1000}, relay, 3000},
		"total, messages": {Total, Config{Total: 1000}, fanout, 2000}, // a quarter is reserved
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, refused := newTest(x.cfg)
				c, room := b.Client(netip.Addr{}), new(RoomBudget)
				for _, n := range []int{x.first, 999} {
					if r := x.pay(c, room, n); r.Limit != "" {
						t.Fatalf("%d bytes of the burst: got %+v, want no refusal", n, r)
					}
				}
				for range 3 {
					if r := x.pay(c, room, 1); r.Limit != x.limit || r.Wait <= 0 || r.Wait > time.Microsecond {
						t.Fatalf("one byte more: got %+v, want a refusal of %s for at most 1µs", r, x.limit)
					}
				}
				time.Sleep(x.pay(c, room, 1).Wait)
				if r := x.pay(c, room, 1); r.Limit != "" { // although the old clock has not moved
					t.Errorf("after the wait: got %+v, want no refusal", r)
				}
				if refused[x.limit] != 4 || len(refused) != 1 {
					t.Errorf("counted: got %v, want 4 of %s", refused, x.limit)
				}
			})
		})
	}
}

// TestFanout_InDebt_HoldsBackEveryAnswer: a message to a room and an answer use up the same
// budget, and a message also that of the questions.
func TestFanout_InDebt_HoldsBackEveryAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newTest(Config{Caused: 1000})
		for name, use := range map[string]func(*Client){
			"a message": func(c *Client) { c.Fanout(new(RoomBudget), 9000, 1) },
			"an answer": func(c *Client) { c.Spend(9000) },
		} {
			c := b.Client(netip.Addr{})
			use(c)
			for what, r := range map[string]Refusal{"an answer": c.Answer(0), "a question": c.Query()} {
				if got := r.Wait.Round(time.Millisecond); r.Limit != Caused || got != 5*time.Second {
					t.Errorf("after %s, %s: got %+v, want a refusal for 5s", name, what, r)
				}
			}
			if r := c.Fanout(new(RoomBudget), 100, 1); r.Limit != Caused || r.Wait.Round(time.Millisecond) != 5100*time.Millisecond {
				t.Errorf("after %s, a message: got %+v, want a refusal for 5.1s", name, r)
			}
			if got := c.fanout.Full().Sub(clock.Now()).Round(time.Millisecond); name == "a message" && got != 9*time.Second {
				t.Errorf("after %s: got the budget of messages full in %v, want 9s", name, got)
			}
		}
	})
}

// TestFanout_OneBudgetShort_PaysNothing: a frame that the room's budget refuses costs its
// sender nothing.
func TestFanout_OneBudgetShort_PaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newTest(Config{Caused: 1000, Room: 1000, Total: 1 << 30})
		room, c := new(RoomBudget), b.Client(netip.Addr{})
		b.Client(netip.Addr{}).Fanout(room, 399, 10)
		for range 10 {
			if r := c.Fanout(room, 100, 10); r.Limit != Room {
				t.Fatalf("got %+v, want a refusal of the room", r)
			}
		}
		if r := c.Fanout(new(RoomBudget), 399, 10); r.Limit != "" {
			t.Errorf("to another room: got %+v, want the client's whole burst", r)
		}
	})
}

// TestRelay_RoomsHaveUsedTheTotal_Passes: messages to rooms leave a reserve for signals,
// however much one of them costs, and a client in debt can still signal.
func TestRelay_RoomsHaveUsedTheTotal_Passes(t *testing.T) {
	for name, bytes := range map[string]int{"small": 10, "3 seconds' worth": 300, "more than the burst": 401, "hours' worth": 1 << 20} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, _ := newTest(Config{Caused: 1000, Total: 1000})
				c := b.Client(netip.Addr{})
				for c.Fanout(new(RoomBudget), bytes, 10).Limit == "" || b.Client(netip.Addr{}).Fanout(new(RoomBudget), bytes, 10).Limit == "" {
				}
				c.Spend(10 * bytes)
				if r := c.Relay(900); r.Limit != "" {
					t.Errorf("a signal: got %+v, want no refusal", r)
				}
				if r := c.Relay(200); r.Limit != Total || r.Wait > time.Second {
					t.Errorf("more than the reserve: got %+v, want a refusal of the total for at most 1s", r)
				}
			})
		})
	}
}

// TestFanout_CostsHours_DelaysOnlyItsSender: the next message of others to the room waits only
// for its own bytes, and the sender for at most a minute.
func TestFanout_CostsHours_DelaysOnlyItsSender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newTest(Config{Caused: 1000, Room: 1000, Total: 1000})
		c, other, room := b.Client(netip.Addr{}), b.Client(netip.Addr{}), new(RoomBudget)
		if r := c.Fanout(room, 1<<20, 10); r.Limit != "" {
			t.Fatalf("full budgets: got %+v, want no refusal", r)
		}
		if r := other.Fanout(room, 10, 10); r.Limit != Room || r.Wait > 101*time.Millisecond {
			t.Errorf("another sender's 100 bytes: got %+v, want a refusal of the room for at most 100ms", r)
		}
		r := c.Fanout(room, 10, 10)
		if want := time.Minute + 100*time.Millisecond; r.Limit != Caused || r.Wait.Round(time.Millisecond) != want {
			t.Errorf("the sender's next message: got %+v, want a refusal of the client for %v", r, want)
		}
		time.Sleep(r.Wait)
		if r := c.Fanout(room, 10, 10); r.Limit != "" {
			t.Errorf("after the wait: got %+v, want no refusal", r)
		}
	})
}

var office = netip.MustParseAddr("192.0.2.1")

// TestClient_ConnectsAgainAndAgain_GetsTheRateOfOne: five times a second, for large and small
// frames, and for a frame that costs more than the most debt.
func TestClient_ConnectsAgainAndAgain_GetsTheRateOfOne(t *testing.T) {
	const rate, seconds = 1000, 300
	for cost, want := range map[int]int{100: 4*rate + seconds*rate, 8000: 12*rate + seconds*rate, 100_000: 100_000 * (1 + seconds/50)} {
		synctest.Test(t, func(t *testing.T) {
			b, _ := newTest(Config{Caused: rate})
			sent := 0
			for range 5 * seconds {
				b.cfg.Clock.Store(clock.Now())
				c := b.Client(office)
				for c.Fanout(new(RoomBudget), cost, 1).Limit == "" {
					sent += cost
				}
				b.Ended(office, c)
				time.Sleep(time.Second / 5)
			}
			if sent > want || sent < want/2 {
				t.Errorf("frames of %d: got %d bytes, want about %d", cost, sent, want)
			}
			if c := b.Client(netip.MustParseAddr("192.0.2.2")); c.Fanout(new(RoomBudget), cost, 1).Limit != "" {
				t.Errorf("frames of %d: got another address refused, want its full budget", cost)
			}
		})
	}
}

// TestClient_OfficeInOrdinaryUse_NoticesNothing: 500 clients of one address connect, send and
// leave in one second, each a tenth of the rate.
func TestClient_OfficeInOrdinaryUse_NoticesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newTest(Config{Caused: 1000})
		for i := range 500 {
			c := b.Client(office)
			if r := c.Fanout(new(RoomBudget), 10, 1); r.Limit != "" {
				t.Fatalf("client %d: got %+v, want no refusal", i, r)
			}
			b.Ended(office, c)
			time.Sleep(10 * time.Millisecond)
			b.cfg.Clock.Store(clock.Now())
		}
		if n, _ := b.Counts(); n != 1 {
			t.Errorf("got %d addresses remembered, want 1", n)
		}
	})
}

// TestClient_AddressInDebt_MayStillJoin: who connects after a large debt of the address may
// join rooms and signal, but neither send to rooms nor ask for their members again until the
// debt is paid.
func TestClient_AddressInDebt_MayStillJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newTest(Config{Caused: 1000})
		c := b.Client(office)
		c.Fanout(new(RoomBudget), 1<<20, 1)
		b.Ended(office, c)
		next := b.Client(office)
		if r := next.Answer(0); r.Limit != "" {
			t.Errorf("an answer: got %+v, want no refusal", r)
		}
		if r := next.Relay(1000); r.Limit != "" {
			t.Errorf("a signal: got %+v, want no refusal", r)
		}
		r := next.Fanout(new(RoomBudget), 10, 1)
		if r.Limit != Caused || r.Wait > maxDebt+20*time.Millisecond {
			t.Fatalf("a message to a room: got %+v, want a refusal for at most %v", r, maxDebt)
		}
		query := next.Query()
		if query.Limit != Caused || query.Wait < maxDebt-2*ratelimit.ByteBurst {
			t.Errorf("a query: got %+v, want a refusal until the debt is paid", query)
		}
		time.Sleep(r.Wait)
		if r := next.Query(); r.Limit != "" {
			t.Errorf("a query after the wait: got %+v, want no refusal", r)
		}
		if r := next.Fanout(new(RoomBudget), 10, 1); r.Limit != "" {
			t.Errorf("after the wait: got %+v, want no refusal", r)
		}
	})
}

func TestAnswer_InDebt_RefusesBeforeTheWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newTest(Config{Caused: 1000})
		c := b.Client(netip.Addr{})
		if r := c.Answer(9000); r.Limit != "" {
			t.Fatalf("full budget: got %+v, want no refusal", r)
		}
		c.Spend(9000)
		r := c.Answer(0)
		if r.Limit != Caused || r.Wait.Round(time.Millisecond) != 5*time.Second {
			t.Fatalf("in debt: got %+v, want a refusal for 5s", r)
		}
		time.Sleep(r.Wait)
		if r := c.Answer(0); r.Limit != "" {
			t.Errorf("when the debt is paid: got %+v, want no refusal", r)
		}
	})
}

// TestPersistent_OwnRefusalsWithoutPause_IsTrue, and refusals for what others have spent do
// not count.
func TestPersistent_OwnRefusalsWithoutPause_IsTrue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newTest(Config{Received: 1000, Total: 1000})
		c := b.Client(netip.Addr{})
		refuse := func(pay func(int) Refusal, n int) {
			for range n {
				if r := pay(5000); r.Limit == "" {
					t.Fatal("got no refusal, want one")
				}
			}
		}
		b.Client(netip.Addr{}).Relay(4000)
		c.Receive(4000)
		refuse(c.Relay, 2*maxRefusals)
		refuse(c.Receive, maxRefusals)
		if c.Persistent() {
			t.Errorf("after %d refusals: got persistent, want not", maxRefusals)
		}
		time.Sleep(ratelimit.Forgiven + time.Second)
		c.Receive(12_000) // the bucket is full again: a debt
		refuse(c.Receive, maxRefusals)
		if c.Persistent() {
			t.Errorf("after a pause and %d refusals: got persistent, want not", maxRefusals)
		}
		refuse(c.Receive, 1)
		if !c.Persistent() {
			t.Errorf("after %d refusals: got not persistent, want it", maxRefusals+1)
		}
	})
}

func TestErr_EachLimit_SaysHowLongToWait(t *testing.T) {
	for _, limit := range Names() {
		e := Refusal{Limit: limit, Rate: 77, Wait: 1500 * time.Microsecond}.Err()
		if e == nil || e.Code != proto.RateLimited || e.RetryAfterMS != 2 || e.Message == "" {
			t.Errorf("%s: got %+v, want Rate_Limited for 2 ms", limit, e)
		}
	}
	if e := (Refusal{}).Err(); e != nil {
		t.Errorf("no refusal: got %v, want nil", e)
	}
}

// TestFanout_Concurrent_KeepsTheRate: whoever pays at the same time, what passes is what the
// budget has.
func TestFanout_Concurrent_KeepsTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newTest(Config{Room: 1 << 20})
		b.cfg.Refused = func(LimitName) {}
		room := new(RoomBudget)
		var passed [8]int
		var wg sync.WaitGroup
		for i := range passed {
			wg.Go(func() {
				c := b.Client(netip.Addr{})
				for range 2 * 4 << 20 / 1000 {
					if c.Fanout(room, 100, 10).Limit == "" {
						passed[i] += 1000
					}
				}
			})
		}
		wg.Wait()
		sum := 0
		for _, n := range passed {
			sum += n
		}
		if most := 4<<20 + len(passed)*1000; sum > most || sum < 4<<20-1000 {
			t.Errorf("bytes that passed: got %d, want %d, and at most one frame more for each payer", sum, 4<<20)
		}
	})
}

func TestPay_BudgetsAreFull_AllocatesNothing(t *testing.T) {
	b, _ := newTest(Config{Received: 1 << 40, Caused: 1 << 40, Room: 1 << 40, Total: 1 << 40})
	c, room := b.Client(netip.Addr{}), new(RoomBudget)
	if n := testing.AllocsPerRun(1000, func() {
		c.Receive(300)
		c.Relay(300)
		c.Fanout(room, 300, 5)
	}); n != 0 {
		t.Errorf("got %v allocations a frame, want 0", n)
	}
}
