package heartbeat

import (
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/metrics"
	"p2pconnector/gateway/internal/natsbus"
	"p2pconnector/gateway/internal/ops"
	"p2pconnector/proto"
	"p2pconnector/proto/agreement"
	"p2pconnector/proto/bus"
)

// fixture is a gateway around a Heartbeat. It records what the Heartbeat does to its parts.
type fixture struct {
	t        *testing.T
	h        *Heartbeat
	down     bool // NATS is not connected: no lease comes back
	draining bool
	leases   []bus.Lease // published
	calls    []string    // of the parts
}

// part is a part of the gateway that has a number of things.
type part struct {
	of   *fixture
	name string
	n    int
}

func (p part) Len() int                { return p.n }
func (p part) Tracks() bool            { return true }
func (p part) Suspect()                { p.did("suspect") }
func (p part) SyncSoon()               { p.did("sync") }
func (p part) Reconnected()            { p.did("reconnected") }
func (p part) Appeared()               { p.did("appeared") }
func (p part) Alive(g proto.GatewayID) { p.did("alive " + string(g)) }
func (p part) did(what string)         { p.of.calls = append(p.of.calls, p.name+": "+what) }

func (f *fixture) Connected() bool { return !f.down }

// PublishLease gives the lease back to the Heartbeat, as NATS does.
func (f *fixture) PublishLease(x bus.Lease) error {
	f.leases = append(f.leases, x)
	if !f.down {
		f.receive(x)
	}
	return nil
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t}
	own := proto.NewGatewayID()
	f.h = New(Config{
		Own: own, Bus: f, Liveness: natsbus.NewLiveness(own), Settings: agreement.New(agreement.Gateway(own), settings(15000), slog.New(slog.DiscardHandler)),
		Sessions: part{f, "sessions", 3}, Conns: part{f, "conns", 0}, Rooms: part{f, "rooms", 2}, Links: part{f, "links", 0},
		Topics: part{f, "topics", 0}, Dialects: part{f, "dialects", 0},
		Draining: func() bool { return f.draining }, Loop: ops.NewLoop("leases", nil),
	})
	return f
}

func settings(graceMS int64) bus.SharedSettings {
	return bus.SharedSettings{SessionGraceMS: graceMS, MaxRoomMembers: 100}
}

// receive hands a lease to the Heartbeat.
func (f *fixture) receive(x bus.Lease) {
	f.t.Helper()
	subject, err := bus.LeaseSubject(x.Gateway)
	if err != nil {
		f.t.Fatal(err)
	}
	f.h.Receive(natsbus.Message{Subject: subject, Data: f.encode(x)})
}

func (f *fixture) encode(x any) []byte {
	f.t.Helper()
	b, err := json.Marshal(x)
	if err != nil {
		f.t.Fatal(err)
	}
	return b
}

// pass lets time pass as the loops of a gateway do.
func (f *fixture) pass(d time.Duration) {
	for n := range d / clock.Tick {
		if n%(bus.LeaseInterval/clock.Tick) == 0 {
			f.h.Tick()
		}
		last := clock.Now()
		time.Sleep(clock.Tick) // of the bubble's clock
		f.h.Advance(last, clock.Now())
	}
}

// expect fails the test unless the parts were called thus since the last time.
func (f *fixture) expect(when string, want ...string) {
	f.t.Helper()
	if !slices.Equal(f.calls, want) {
		f.t.Errorf("%s: got calls %q, want %q", when, f.calls, want)
	}
	f.calls = nil
}

// expectAlive fails the test unless that many gateways are alive, dead and ended.
func (f *fixture) expectAlive(when string, live, dead, ended int) {
	f.t.Helper()
	var now metrics.Snapshot
	f.h.Count(&now)
	if now.GatewaysLive != live || now.GatewaysDead != dead || now.GatewaysEnded != ended {
		f.t.Errorf("%s: got %d alive, %d dead and %d ended gateways, want %d, %d and %d", when, now.GatewaysLive, now.GatewaysDead, now.GatewaysEnded, live, dead, ended)
	}
}

func TestConnected_AfterALostConnection_Suspects(t *testing.T) {
	f := newFixture(t)
	f.h.Connected(false)
	f.expect("the first connection", "rooms: sync")
	f.h.Connected(true)
	f.expect("a connection after a lost one", "rooms: sync", "links: reconnected", "sessions: suspect", "conns: suspect")
}

func TestReceive_EachChangeOfAGateway_HasItsEffect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		other := bus.Lease{Gateway: proto.NewGatewayID()}
		alive := "topics: alive " + string(other.Gateway)
		f.pass(bus.LeaseInterval)
		f.expect("its own leases")

		before := len(f.leases)
		f.receive(other)
		f.expect("the first lease of another gateway", alive, "dialects: appeared")
		if got := len(f.leases) - before; got != 1 {
			t.Errorf("the first lease of another gateway: got %d leases published at once, want 1", got)
		}
		for range 3 {
			f.pass(bus.LeaseInterval)
			f.receive(other)
		}
		f.expect("later leases")
		f.expectAlive("later leases", 2, 0, 0)

		f.pass(bus.LeaseTimeout + bus.LeaseInterval)
		f.expect("no leases")
		f.expectAlive("no leases", 1, 1, 0)
		f.receive(other)
		f.expect("a lease after that", alive, "sessions: suspect", "conns: suspect")

		other.Ended = true
		f.receive(other)
		f.expect("the last lease")
		f.expectAlive("the last lease", 1, 0, 1)
	})
}

// TestAdvance_WithoutNATS_TimeDoesNotCount: no lease can come then.
func TestAdvance_WithoutNATS_TimeDoesNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.pass(bus.LeaseInterval)
		f.receive(bus.Lease{Gateway: proto.NewGatewayID()})
		f.down = true
		before := f.h.cfg.Liveness.Now()
		f.pass(time.Minute)
		if got := f.h.cfg.Liveness.Now() - before; got > clock.Tick {
			t.Errorf("a minute without NATS: got %v counted, want none", got)
		}
		f.expectAlive("after a minute without NATS", 2, 0, 0)
	})
}

// TestAdvance_ProcessFrozen_Suspects: other gateways may have considered this gateway dead.
func TestAdvance_ProcessFrozen_Suspects(t *testing.T) {
	f := newFixture(t)
	now := clock.Now()
	f.h.Advance(now, now.Add(suspectAfter))
	f.expect("frozen for less than a lease lasts")
	now = now.Add(suspectAfter)
	f.h.Advance(now, now.Add(suspectAfter+clock.Tick))
	f.expect("frozen for longer", "sessions: suspect", "conns: suspect")
}

func TestPublish_Lease_SaysWhatTheGatewayHas(t *testing.T) {
	f := newFixture(t)
	f.h.Tick()
	f.draining = true
	f.h.Publish(true)
	own := settings(15000)
	want := bus.Lease{Gateway: f.h.cfg.Own, Peers: 3, Rooms: 2, Tracker: true, Settings: &own}
	last := want
	last.Draining, last.Ended = true, true
	if got, want := string(f.encode(f.leases)), string(f.encode([]bus.Lease{want, last})); got != want {
		t.Errorf("got leases %s, want %s", got, want)
	}
}

// TestTick_RoomServiceGone_ItsSettingsAreForgotten: but not in time in which none could come.
func TestTick_RoomServiceGone_ItsSettingsAreForgotten(t *testing.T) {
	f := newFixture(t)
	f.h.ReceiveSettings(natsbus.Message{Subject: bus.RoomsSettingsSubject, Data: f.encode(bus.RoomsSettings{Instance: "rooms1", Settings: settings(5000)})})
	disagree := func(when string, want int) {
		t.Helper()
		var now metrics.Snapshot
		f.h.Count(&now)
		if got := now.SettingsDisagree["session-grace"]; got != want || len(f.h.Notes()) != want || want > 0 && !strings.Contains(f.h.Notes()[0], "session-grace") {
			t.Errorf("%s: got %d instances with another grace, notes %q, want %d", when, got, f.h.Notes(), want)
		}
	}
	disagree("at first", 1)
	const long = int(4 * bus.LeaseTimeout / bus.LeaseInterval)
	f.down = true
	for range long {
		f.h.Tick()
	}
	disagree("after ticks without NATS", 1)
	f.down = false
	for range long {
		f.h.Tick()
	}
	disagree("after ticks with NATS", 0)
}
