package sweep

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/kv"
	"p2pconnector/roomsvc/internal/metrics"
)

const (
	gwA proto.GatewayID = "aaaaaaaa"
	gwB proto.GatewayID = "bbbbbbbb"
)

// fixture is a sweeper of two buckets in memory, in a synctest bubble. A key with a dot is in
// the second one.
type fixture struct {
	*Sweeper
	start time.Time

	mu     sync.Mutex
	owners map[string][]proto.GatewayID // by key
	swept  map[string]time.Duration     // since start, when something was last removed under the key
	cutOff bool                         // JetStream does not answer
	onScan func()                       // called first in each scan of the first bucket
	begin  func()                       // starts the sweeper: the first scan sees what was put before
}

func newFixture(t *testing.T) *fixture {
	y := &fixture{owners: make(map[string][]proto.GatewayID), swept: make(map[string]time.Duration), start: time.Now()}
	y.Sweeper = &Sweeper{
		Leases: NewLeases(proto.SessionGrace), Log: slog.New(slog.DiscardHandler), Metrics: metrics.New(),
		Reach: func(context.Context) error { return y.answers() },
		Parts: []Part{y.part(false), y.part(true)},
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	y.Leases.Connected()
	y.begin = sync.OnceFunc(func() {
		go func() {
			defer close(ended)
			y.Run(ctx)
		}()
	})
	t.Cleanup(func() {
		cancel()
		y.begin()
		<-ended
	})
	return y
}

func (y *fixture) answers() error {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.cutOff {
		return errors.New("no answer")
	}
	return nil
}

func (y *fixture) setCutOff(v bool) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.cutOff = v
}

// part returns the part of keys with or without a dot.
func (y *fixture) part(dot bool) Part {
	return Part{
		Scan: func(_ context.Context, f func(string, kv.Record) error) error {
			if err := y.answers(); err != nil {
				return err
			}
			y.mu.Lock()
			if y.onScan != nil && !dot {
				y.onScan()
			}
			keys := slices.Collect(maps.Keys(y.owners))
			y.mu.Unlock()
			for _, key := range keys {
				if strings.Contains(key, ".") != dot {
					continue
				}
				if err := f(key, kv.Record{Revision: 1}); err != nil {
					return err
				}
			}
			return f("barrier", kv.Record{Revision: 2, Deleted: true})
		},
		Left: func(key string, rec kv.Record) ([]proto.GatewayID, func([]proto.GatewayID, func(bool))) {
			if rec.Deleted {
				return nil, nil
			}
			return y.left(key), func(dead []proto.GatewayID, done func(bool)) { y.remove(key, dead); done(true) }
		},
	}
}

// left returns the owners of what is left under key.
func (y *fixture) left(key string) []proto.GatewayID {
	y.mu.Lock()
	defer y.mu.Unlock()
	return slices.Clone(y.owners[key])
}

func (y *fixture) remove(key string, dead []proto.GatewayID) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.owners[key] = slices.DeleteFunc(y.owners[key], func(g proto.GatewayID) bool { return slices.Contains(dead, g) })
	y.swept[key] = time.Since(y.start)
}

func (y *fixture) put(key string, owners ...proto.GatewayID) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.owners[key] = append(y.owners[key], owners...)
}

// live lets gateways renew their leases for d.
func (y *fixture) live(d time.Duration, gateways ...proto.GatewayID) {
	y.begin()
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(bus.LeaseInterval) {
		for _, g := range gateways {
			y.Leases.Renewed(g)
		}
	}
	synctest.Wait()
}

// The members of a dead gateway are removed after the grace, and before 20 s.
// The living gateway keeps its members.
func TestSweep_GatewayDies_RemovesItsMembersAfterTheGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newFixture(t)
		y.put("r", gwA, gwB)
		y.live(90*time.Second, gwA, gwB)
		if len(y.left("r")) != 2 {
			t.Fatal("members of living gateways: got some swept, want all kept")
		}
		died := time.Since(y.start) // its last lease was up to an interval before
		y.live(25*time.Second, gwB)
		after := y.swept["r"] - died
		if len(y.left("r")) != 1 || after < proto.SessionGrace || after > 19*time.Second {
			t.Errorf("got %d members, swept %v after its gateway's death; want 1, after the grace and before 19s", len(y.left("r")), after)
		}
		if len(y.Leases.known) != 1 {
			t.Errorf("gateways known: got %d, want 1", len(y.Leases.known))
		}
	})
}

// Two gateways that die one shortly after the other are both swept in time.
func TestSweep_TwoGatewaysDie_RemovesTheMembersOfBothInTime(t *testing.T) {
	for _, apart := range []time.Duration{time.Second, 2 * time.Second, 3 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			y := newFixture(t)
			y.put("a", gwA)
			y.put("b", gwB)
			y.live(10*time.Second, gwA, gwB)
			first := time.Since(y.start)
			y.live(apart, gwB)
			second := time.Since(y.start)
			y.live(25 * time.Second)
			for room, died := range map[string]time.Duration{"a": first, "b": second} {
				if after := y.swept[room] - died; len(y.left(room)) != 0 || after < proto.SessionGrace || after > 19*time.Second {
					t.Errorf("%v apart: got room %s swept %v after its gateway's death, want after the grace and before 19s", apart, room, after)
				}
			}
		})
	}
}

// Sessions end with their owners, whichever gateway issued the peers' ids. An
// owner is tracked although it never had a member in a room.
func TestSweep_OwnerOfSessionsDies_EndsThemAfterTheGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newFixture(t)
		const gwC proto.GatewayID = "cccccccc"
		y.put("session.1", gwB)
		y.put("session.2", gwC)
		y.live(90*time.Second, gwB, gwC)
		if got := y.left("session.1"); len(got) != 1 {
			t.Fatalf("owner while it lives: got %q, want %q", got, gwB)
		}
		died := time.Since(y.start)
		y.live(25*time.Second, gwC)
		if after := y.swept["session.1"] - died; len(y.left("session.1")) != 0 || after < proto.SessionGrace || after > 19*time.Second {
			t.Errorf("session of the dead owner: got owner %q, ended %v after its death, want none, after %v to 19s", y.left("session.1"), after, proto.SessionGrace)
		}
		if got := y.left("session.2"); len(got) != 1 {
			t.Errorf("owner of the living gateway's session: got %q, want %s", got, gwC)
		}
	})
}

// A gateway that is in the bucket and sends no lease has died while no room
// service was running.
func TestSweep_GatewayWithoutLeaseAtTheStart_IsSweptLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newFixture(t)
		y.put("r", gwA, gwB)
		y.live(bus.FirstLeaseTimeout-time.Second, gwB)
		if len(y.left("r")) != 2 {
			t.Fatal("got members swept before FirstLeaseTimeout, want none")
		}
		y.live(3*time.Second, gwB)
		if len(y.left("r")) != 1 || y.swept["r"] > bus.FirstLeaseTimeout+2*time.Second {
			t.Errorf("got %d members, swept after %v; want 1, soon after FirstLeaseTimeout", len(y.left("r")), y.swept["r"])
		}
	})
}

// A periodic pass finds a gateway without a lease that appears in the bucket
// later.
func TestSweep_GatewayWithoutLeaseAppears_IsFoundByAPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newFixture(t)
		y.live(30 * time.Second)
		y.put("r", gwA)
		y.live(scanInterval + scanInterval/4 + bus.FirstLeaseTimeout + 3*time.Second)
		if len(y.left("r")) != 0 {
			t.Error("member: got it still there, want it removed")
		}
	})
}

// An outage of any length removes no member, and neither does the time right
// after it.
func TestSweep_Outage_RemovesNobody(t *testing.T) {
	for name, cut := range map[string]struct{ down, up func(*fixture) }{
		"disconnected": {func(y *fixture) { y.Leases.Disconnected() }, func(y *fixture) { y.Leases.Connected() }},
		// The instance reaches its own NATS server, but not the rest of the cluster.
		"partition": {func(y *fixture) { y.setCutOff(true) }, func(y *fixture) { y.setCutOff(false) }},
	} {
		for _, d := range []time.Duration{4 * time.Second, 14 * time.Second, 15 * time.Second, 16 * time.Second, 17 * time.Second, 18 * time.Second, time.Minute, time.Hour} {
			t.Run(name+" "+d.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					y := newFixture(t)
					y.put("r", gwA, gwB)
					y.put("session.1", gwA)
					y.live(30*time.Second, gwA, gwB)
					cut.down(y)
					y.live(d) // no leases arrive
					cut.up(y)
					time.Sleep(bus.LeaseInterval - time.Millisecond) // nor right after the outage
					y.live(3*time.Minute, gwA, gwB)
					if len(y.left("r")) != 2 || len(y.left("session.1")) != 1 {
						t.Fatalf("got %d members left, session owned by %q; want 2, %q", len(y.left("r")), y.left("session.1"), gwA)
					}
					// A gateway that died meanwhile is found all the same.
					y.live(25*time.Second, gwA)
					if len(y.left("r")) != 1 {
						t.Errorf("members left after a death: got %d, want 1", len(y.left("r")))
					}
				})
			})
		}
	}
}

// A process that was stopped has received no leases, and must not suspect the
// gateways because of that.
func TestLeases_ProcessWasFrozen_SuspectNobody(t *testing.T) {
	now := time.Unix(0, 0)
	l := NewLeases(proto.SessionGrace)
	l.now = func() time.Time { return now }
	l.Connected()
	l.Renewed(gwA)
	for range 10 {
		l.tick()
		now = now.Add(tickInterval)
	}
	now = now.Add(time.Hour) // SIGSTOP
	l.tick()
	if l.suspects() {
		t.Error("after a standstill: got a suspect, want none")
	}
	for now = now.Add(tickInterval); !l.suspects(); now = now.Add(tickInterval) {
		l.tick()
	}
	if waited := now.Sub(time.Unix(0, 0)) - time.Hour - 5*time.Second; waited < proto.SessionGrace {
		t.Errorf("got a suspect after %v, want none before %v", waited, proto.SessionGrace)
	}
}

// A gateway whose lease arrives while its rooms are being swept keeps its
// remaining members.
func TestSweep_LeaseArrivesMeanwhile_KeepsTheMembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newFixture(t)
		y.put("r", gwA)
		y.live(5*time.Second, gwA)
		y.mu.Lock()
		y.onScan = func() {
			if len(y.Leases.dead(0)) > 0 {
				y.Leases.Renewed(gwA) // it was only slow
			}
		}
		y.mu.Unlock()
		y.live(25 * time.Second)
		if len(y.left("r")) != 1 {
			t.Error("got the member swept, want it kept")
		}
	})
}

func TestLeases_ManyGateways_AreBounded(t *testing.T) {
	l := NewLeases(proto.SessionGrace)
	for range maxGateways + 10 {
		l.Renewed(proto.NewGatewayID())
	}
	l.Notice("not a gateway")
	if len(l.known) > maxGateways {
		t.Errorf("gateways known: got %d, want at most %d", len(l.known), maxGateways)
	}
}
