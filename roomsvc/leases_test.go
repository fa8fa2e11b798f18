package roomsvc

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/kv"
	"p2pconnector/roomsvc/internal/metrics"
)

// yard is a sweeper with a fake bucket, in a synctest bubble.
type yard struct {
	*sweeper
	start time.Time

	mu     sync.Mutex
	rooms  map[proto.RoomID][]bus.Member
	swept  map[proto.RoomID]time.Duration // since start, when its last ghost was removed
	owned  map[proto.PeerID]proto.GatewayID
	ended  map[proto.PeerID]time.Duration // since start
	named  map[string]proto.PeerID        // by key
	cutOff bool                           // JetStream does not answer
	onScan func()                         // called first in each scan
	begin  func()                         // starts the sweeper: the first scan sees what was put before
}

func newYard(t *testing.T) *yard {
	y := &yard{rooms: make(map[proto.RoomID][]bus.Member), swept: make(map[proto.RoomID]time.Duration), start: time.Now()}
	y.owned, y.ended = make(map[proto.PeerID]proto.GatewayID), make(map[proto.PeerID]time.Duration)
	y.named = make(map[string]proto.PeerID)
	y.sweeper = &sweeper{
		leases: newLeases(proto.SessionGrace), log: slog.New(slog.DiscardHandler), metrics: metrics.New(),
		reach: func(context.Context) error { return y.answers() },
		scan:  y.scanRooms, submit: y.sweepRoom,
		scanSessions: y.scanDirectory, endSession: y.endOne,
		scanNames: y.scanNames, releaseName: y.releaseOne,
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	y.leases.connected()
	y.begin = sync.OnceFunc(func() {
		go func() {
			defer close(ended)
			y.run(ctx)
		}()
	})
	t.Cleanup(func() {
		cancel()
		y.begin()
		<-ended
	})
	return y
}

func (y *yard) answers() error {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.cutOff {
		return errors.New("no answer")
	}
	return nil
}

func (y *yard) setCutOff(v bool) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.cutOff = v
}

func (y *yard) scanRooms(_ context.Context, f func(string, kv.Record) error) error {
	if err := y.answers(); err != nil {
		return err
	}
	y.mu.Lock()
	if y.onScan != nil {
		y.onScan()
	}
	all := make(map[proto.RoomID][]byte)
	for id, members := range y.rooms {
		all[id], _ = json.Marshal(&bus.Room{ID: id, Members: members})
	}
	y.mu.Unlock()
	for id, value := range all {
		if err := f(bus.RoomToken(id), kv.Record{Revision: 1, Value: value}); err != nil {
			return err
		}
	}
	return nil
}

func (y *yard) sweepRoom(room proto.RoomID, gone []proto.GatewayID, done func(bool)) {
	y.mu.Lock()
	y.rooms[room] = slices.DeleteFunc(y.rooms[room], func(m bus.Member) bool { return slices.Contains(gone, m.Owner()) })
	y.swept[room] = time.Since(y.start)
	y.mu.Unlock()
	done(true)
}

func (y *yard) scanDirectory(_ context.Context, f func(string, kv.Record) error) error {
	if err := y.answers(); err != nil {
		return err
	}
	y.mu.Lock()
	all := maps.Clone(y.owned)
	y.mu.Unlock()
	for p, g := range all {
		key, err := bus.SessionKey(p)
		if err != nil {
			return err
		}
		value, _ := json.Marshal(bus.SessionEntry{Owner: g, Epoch: 1})
		if err := f(key, kv.Record{Revision: 1, Value: value}); err != nil {
			return err
		}
	}
	return f(barrierKey, kv.Record{Revision: 2, Deleted: true})
}

func (y *yard) endOne(r *bus.SessionRequest, done func(bool)) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.owned[r.Peer] == r.Owner && r.Epoch == 1 && r.Revision == 1 {
		delete(y.owned, r.Peer)
		y.ended[r.Peer] = time.Since(y.start)
	}
	done(true)
}

func (y *yard) scanNames(_ context.Context, f func(string, kv.Record) error) error {
	if err := y.answers(); err != nil {
		return err
	}
	y.mu.Lock()
	all := maps.Clone(y.named)
	y.mu.Unlock()
	for key, p := range all {
		value, _ := json.Marshal(bus.NameEntry{Peer: p, Owner: p.Home()})
		if err := f(key, kv.Record{Revision: 1, Value: value}); err != nil {
			return err
		}
	}
	return f(barrierKey, kv.Record{Revision: 2, Deleted: true})
}

func (y *yard) releaseOne(r *bus.NameRequest, done func(bool)) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if key, ok := bus.NameKey(r.Namespace, r.Name); ok && y.named[key] == r.Peer {
		delete(y.named, key)
	}
	done(true)
}

func (y *yard) owner(p proto.PeerID) proto.GatewayID {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.owned[p]
}

func (y *yard) put(room proto.RoomID, peers ...proto.PeerID) {
	y.mu.Lock()
	defer y.mu.Unlock()
	for _, p := range peers {
		y.rooms[room] = append(y.rooms[room], bus.Member{ID: p})
	}
}

func (y *yard) members(room proto.RoomID) int {
	y.mu.Lock()
	defer y.mu.Unlock()
	return len(y.rooms[room])
}

// live lets gateways renew their leases for d.
func (y *yard) live(d time.Duration, gateways ...proto.GatewayID) {
	y.begin()
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(bus.LeaseInterval) {
		for _, g := range gateways {
			y.leases.heard(g)
		}
	}
	synctest.Wait()
}

// The members of a dead gateway are removed after the grace, and before 20 s.
// The living gateway keeps its members.
func TestDeadGatewayIsSwept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t)
		y.put("r", ann, ben)
		y.live(90*time.Second, gwA, gwB)
		if y.members("r") != 2 {
			t.Fatal("members of living gateways: got some swept, want all kept")
		}
		died := time.Since(y.start) // its last lease was up to an interval before
		y.live(25*time.Second, gwB)
		after := y.swept["r"] - died
		if y.members("r") != 1 || after < proto.SessionGrace || after > 19*time.Second {
			t.Errorf("got %d members, swept %v after its gateway's death; want 1, after the grace and before 19s", y.members("r"), after)
		}
		if y.leases.count() != 1 {
			t.Errorf("gateways known: got %d, want 1", y.leases.count())
		}
	})
}

// Two gateways that die one shortly after the other are both swept in time.
func TestTwoDeadGateways(t *testing.T) {
	for _, gap := range []time.Duration{time.Second, 2 * time.Second, 3 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			y := newYard(t)
			y.put("a", ann)
			y.put("b", ben)
			y.live(10*time.Second, gwA, gwB)
			first := time.Since(y.start)
			y.live(gap, gwB)
			second := time.Since(y.start)
			y.live(25 * time.Second)
			for room, died := range map[proto.RoomID]time.Duration{"a": first, "b": second} {
				if after := y.swept[room] - died; y.members(room) != 0 || after < proto.SessionGrace || after > 19*time.Second {
					t.Errorf("gap %v: got room %s swept %v after its gateway's death, want after the grace and before 19s", gap, room, after)
				}
			}
		})
	}
}

// Sessions end with their owners, whichever gateway issued the peers' ids. An
// owner is tracked although it never had a member in a room.
func TestSweep_OwnerOfSessionsDies_EndsThemAfterTheGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t)
		y.mu.Lock()
		y.owned[ann], y.owned[cas] = gwB, "cccccccc" // both issued by A
		y.mu.Unlock()
		y.live(90*time.Second, gwB, "cccccccc")
		if got := y.owner(ann); got != gwB {
			t.Fatalf("owner while it lives: got %q, want %q", got, gwB)
		}
		died := time.Since(y.start)
		y.live(25*time.Second, "cccccccc")
		if after := y.ended[ann] - died; y.owner(ann) != "" || after < proto.SessionGrace || after > 19*time.Second {
			t.Errorf("session of the dead owner: got owner %q, ended %v after its death, want none, after %v to 19s", y.owner(ann), after, proto.SessionGrace)
		}
		if got := y.owner(cas); got != "cccccccc" {
			t.Errorf("owner of the living gateway's session: got %q, want cccccccc", got)
		}
	})
}

// A gateway that is in the bucket and sends no lease has died while no room
// service was running.
func TestGatewayNeverHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t)
		y.put("r", ann, ben)
		y.live(bus.FirstLeaseTimeout-time.Second, gwB)
		if y.members("r") != 2 {
			t.Fatal("got members swept before FirstLeaseTimeout, want none")
		}
		y.live(3*time.Second, gwB)
		if y.members("r") != 1 || y.swept["r"] > bus.FirstLeaseTimeout+2*time.Second {
			t.Errorf("got %d members, swept after %v; want 1, soon after FirstLeaseTimeout", y.members("r"), y.swept["r"])
		}
	})
}

// A periodic pass finds a gateway without a lease that appears in the bucket
// later.
func TestUnheardGatewayAppearsLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t)
		y.live(30 * time.Second)
		y.put("r", ann)
		y.live(scanInterval + scanInterval/4 + bus.FirstLeaseTimeout + 3*time.Second)
		if y.members("r") != 0 {
			t.Error("ghost: got it still there, want it removed")
		}
	})
}

// An outage of any length removes no member, and neither does the time right
// after it.
func TestOutageReapsNobody(t *testing.T) {
	for name, cut := range map[string]struct{ down, up func(*yard) }{
		"disconnected": {func(y *yard) { y.leases.disconnected() }, func(y *yard) { y.leases.connected() }},
		// The instance reaches its own NATS server, but not the rest of the cluster.
		"partition": {func(y *yard) { y.setCutOff(true) }, func(y *yard) { y.setCutOff(false) }},
	} {
		for _, d := range []time.Duration{4 * time.Second, 14 * time.Second, 15 * time.Second, 16 * time.Second, 17 * time.Second, 18 * time.Second, time.Minute, time.Hour} {
			t.Run(name+" "+d.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					y := newYard(t)
					y.put("r", ann, ben)
					y.mu.Lock()
					y.owned[ann] = gwA
					y.mu.Unlock()
					y.live(30*time.Second, gwA, gwB)
					cut.down(y)
					y.live(d) // no leases arrive
					cut.up(y)
					time.Sleep(bus.LeaseInterval - time.Millisecond) // nor right after the outage
					y.live(3*time.Minute, gwA, gwB)
					if y.members("r") != 2 || y.owner(ann) != gwA {
						t.Fatalf("got %d members left, session owned by %q; want 2, %q", y.members("r"), y.owner(ann), gwA)
					}
					// A gateway that died meanwhile is found all the same.
					y.live(25*time.Second, gwA)
					if y.members("r") != 1 {
						t.Errorf("members left after a death: got %d, want 1", y.members("r"))
					}
				})
			})
		}
	}
}

// A process that was stopped has received no leases, and must not suspect the
// gateways because of that.
func TestStandstillReapsNobody(t *testing.T) {
	now := time.Unix(0, 0)
	l := newLeases(proto.SessionGrace)
	l.now = func() time.Time { return now }
	l.connected()
	l.heard(gwA)
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
	if silence := now.Sub(time.Unix(0, 0)) - time.Hour - 5*time.Second; silence < proto.SessionGrace {
		t.Errorf("got a suspect after %v, want none before %v", silence, proto.SessionGrace)
	}
}

// A gateway whose lease arrives while its rooms are being swept keeps its
// remaining members.
func TestHeardDuringSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t)
		y.put("r", ann)
		y.live(5*time.Second, gwA)
		y.mu.Lock()
		y.onScan = func() {
			if len(y.leases.gone(0)) > 0 {
				y.leases.heard(gwA) // it was only slow
			}
		}
		y.mu.Unlock()
		y.live(25 * time.Second)
		if y.members("r") != 1 {
			t.Error("got the member swept, want it kept")
		}
	})
}

func TestLeasesAreBounded(t *testing.T) {
	l := newLeases(proto.SessionGrace)
	for range maxGateways + 10 {
		l.heard(proto.NewGatewayID())
	}
	l.notice("not a gateway")
	if l.count() > maxGateways {
		t.Errorf("gateways known: got %d, want at most %d", l.count(), maxGateways)
	}
}
