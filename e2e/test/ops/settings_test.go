package ops_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"p2pconnector/e2e/kit"
	"p2pconnector/gateway"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/proto/client"
	"p2pconnector/proto/service"
	"p2pconnector/roomsvc"
)

// lines is a log that a test reads. It may be used by any goroutine.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

// with returns the lines that hold all of the texts.
func (l *lines) with(texts ...string) (found []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
next:
	for line := range strings.Lines(l.buf.String()) {
		for _, text := range texts {
			if !strings.Contains(line, text) {
				continue next
			}
		}
		found = append(found, line)
	}
	return found
}

// deployment starts instances of different settings on one NATS server.
type deployment struct {
	t    *testing.T
	nats []nats.Option
}

// gateway starts a gateway. Its drain takes no time.
func (d *deployment) gateway(s bus.SharedSettings) (g *gateway.Gateway, log *lines, stop func()) {
	d.t.Helper()
	log = new(lines)
	g, err := gateway.New(gateway.Config{
		Listen: "127.0.0.1:0", Ops: service.Ops{Listen: "127.0.0.1:0"}, NATSOptions: d.nats, Logger: slog.New(slog.NewTextHandler(log, nil)),
		DrainWindow: 100 * time.Millisecond, SessionGrace: s.SessionGrace(), MaxRoomMembers: s.MaxRoomMembers, MaxRoomIDBytes: s.MaxRoomIDBytes,
	})
	return g, log, d.run(g, err)
}

func (d *deployment) rooms(s bus.SharedSettings) (r *roomsvc.Service, log *lines, stop func()) {
	d.t.Helper()
	log = new(lines)
	r, err := roomsvc.New(roomsvc.Config{
		Ops: service.Ops{Listen: "127.0.0.1:0"}, NATSOptions: d.nats, Logger: slog.New(slog.NewTextHandler(log, nil)),
		SessionGrace: s.SessionGrace(), MaxRoomMembers: s.MaxRoomMembers,
	})
	return r, log, d.run(r, err)
}

// run runs an instance until the test ends, or until stop, which returns when it has ended.
func (d *deployment) run(s kit.Service, err error) (stop func()) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
	return kit.Run(d.t, s)
}

// disagree waits until an instance counts the others that differ from it.
func (d *deployment) disagree(service, addr string, want map[string]float64) {
	d.t.Helper()
	for setting, n := range want {
		name := fmt.Sprintf("p2p_%s_settings_disagree{setting=%q}", service, setting)
		eventually(d.t, fmt.Sprintf("%s to be %v", name, n), func() bool {
			got, ok := scrape(d.t, "http://"+addr)[name]
			return ok && got == n
		})
	}
}

// dial connects a client that does not come back when its connection breaks.
func (d *deployment) dial(g *gateway.Gateway) *client.Client {
	d.t.Helper()
	return d.dialBy(g, new(kit.Cable))
}

func (d *deployment) dialBy(g *gateway.Gateway, cable *kit.Cable) *client.Client {
	d.t.Helper()
	c, err := client.Dial(d.t.Context(), client.Options{URLs: []string{"ws://" + g.Addr().String() + "/"}, NoResume: true, Dial: cable.Dial})
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { c.Close() }) // its gateway may have ended already
	return c
}

// TestSettings_InstancesDisagree_StrictestAppliesUntilTheyAgree: two gateways and two room
// services of four opinions. Each logs it once, shows it, and obeys the strictest values;
// clients get these. When the others have been started again with the same settings,
// nothing of it is left.
func TestSettings_InstancesDisagree_StrictestAppliesUntilTheyAgree(t *testing.T) {
	d := &deployment{t: t, nats: []nats.Option{nats.InProcessServer(box(t))}}
	usual := bus.SharedSettings{SessionGraceMS: 300_000, MaxRoomMembers: 50, MaxRoomIDBytes: 128}
	fewer, shorter := usual, usual
	fewer.MaxRoomMembers, shorter.SessionGraceMS, shorter.MaxRoomIDBytes = 3, 500, 64

	_, _, stopFewer := d.rooms(fewer)
	r, rlog, _ := d.rooms(usual)
	a, alog, _ := d.gateway(usual)
	b, blog, stopShorter := d.gateway(shorter)

	d.disagree("gateway", a.OpsAddr(), map[string]float64{"session-grace": 1, "max-room-members": 1, "max-room-id-bytes": 1, "max-metadata-bytes": 0})
	d.disagree("gateway", b.OpsAddr(), map[string]float64{"session-grace": 3, "max-room-members": 1, "max-room-id-bytes": 1})
	d.disagree("roomsvc", r.OpsAddr(), map[string]float64{"session-grace": 1, "max-room-members": 1, "max-room-id-bytes": 0})

	awaitStatus(t, "http://"+a.OpsAddr()+"/readyz?verbose", http.StatusOK, "ready\nsettings disagree: session-grace is 5m0s here and 500ms at gateway "+string(b.ID())+"; 500ms applies\n")
	awaitStatus(t, "http://"+r.OpsAddr()+"/readyz?verbose", http.StatusOK, "; 3 applies\n")
	if _, got := kit.Get(t, "http://"+a.OpsAddr()+"/readyz"); got != "ready\n" {
		t.Errorf("/readyz: got %q, want %q", got, "ready\n")
	}
	for name, texts := range map[string]struct {
		log  *lines
		want []string
	}{
		"gateway a":    {alog, []string{"instance=\"gateway " + string(b.ID()), "setting=session-grace", "own=5m0s", "theirs=500ms", "applies=500ms"}},
		"gateway b":    {blog, []string{"instance=\"gateway " + string(a.ID()), "setting=session-grace", "own=500ms", "theirs=5m0s", "applies=500ms"}},
		"room service": {rlog, []string{"instance=\"room service ", "setting=max-room-members", "own=50", "theirs=3", "applies=3"}},
	} {
		if got := texts.log.with(append(texts.want, "settings disagree")...); len(got) != 1 {
			t.Errorf("%s: got %d log lines with %q, want 1", name, len(got), texts.want)
		}
	}
	d.strict(a)

	stopShorter()
	stopFewer()
	d.rooms(usual)
	b, _, _ = d.gateway(usual)
	agreed := map[string]float64{"session-grace": 0, "max-room-members": 0, "max-room-id-bytes": 0}
	d.disagree("gateway", a.OpsAddr(), agreed)
	d.disagree("gateway", b.OpsAddr(), agreed)
	d.disagree("roomsvc", r.OpsAddr(), agreed)
	awaitStatus(t, "http://"+a.OpsAddr()+"/readyz?verbose", http.StatusOK, "ready\n")
	if got := alog.with("settings no longer disagree", "setting=session-grace"); len(got) != 1 {
		t.Errorf("got %d log lines that the grace is the same again, want 1: %q", len(got), got)
	}
	if l := d.dial(a).Details().Limits; l.MaxRoomMembers != 50 || l.MaxRoomIDBytes != 128 {
		t.Errorf("announced after all agree: got %+v, want 50 members and 128 bytes", l)
	}
}

// strict checks that the strictest settings apply at g, whose own are looser.
func (d *deployment) strict(g *gateway.Gateway) {
	t, ctx := d.t, d.t.Context()
	t.Helper()
	creator := d.dial(g)
	if l := creator.Details().Limits; l.MaxRoomMembers != 3 || l.MaxRoomIDBytes != 64 {
		t.Errorf("announced: got %+v, want 3 members and 64 bytes", l)
	}
	if _, page := kit.Get(t, "http://"+g.Addr().String()+"/"); !strings.Contains(page, "within 0.5 seconds") {
		t.Error("the page does not state the shortest grace, want 0.5 seconds")
	}
	longest := proto.RoomID(strings.Repeat("x", 64))
	if _, err := creator.Create(ctx, client.RoomOptions{Room: longest + "x"}); client.Code(err) != proto.InvalidMessage {
		t.Errorf("a room id of 65 bytes: got %v, want %s", err, proto.InvalidMessage)
	}
	if _, err := creator.Create(ctx, client.RoomOptions{Room: longest}); err != nil {
		t.Errorf("a room id of 64 bytes: got %v, want success", err)
	}
	var cable kit.Cable
	second, third := d.dial(g), d.dialBy(g, &cable)
	for _, c := range []*client.Client{second, third} {
		if _, err := c.Join(ctx, longest, client.JoinOptions{}); err != nil {
			t.Errorf("one of three members: got %v, want success", err)
		}
	}
	if _, err := d.dial(g).Join(ctx, longest, client.JoinOptions{}); client.Code(err) != proto.RoomFull {
		t.Errorf("a fourth member: got %v, want %s", err, proto.RoomFull)
	}
	cable.Cut() // its gateway's own grace is longer than the patience of this test
	late, cancel := context.WithTimeout(ctx, kit.Patience)
	defer cancel()
	for {
		f, err := second.Next(late)
		if err != nil {
			t.Fatalf("the member whose connection broke: got no %s, want it after the shortest grace: %v", proto.ClientRemoved, err)
		}
		if f.Event == string(proto.ClientRemoved) && strings.Contains(string(f.Data), `"client":"`+string(third.ID())) {
			return
		}
	}
}
