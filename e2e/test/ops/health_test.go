package ops_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"p2pconnector/e2e/kit"
	"p2pconnector/e2e/natsbox"
	"p2pconnector/gateway"
	"p2pconnector/proto/client"
	"p2pconnector/proto/service"
	"p2pconnector/roomsvc"
)

// awaitStatus waits until the path of ops returns the status and the text.
func awaitStatus(t *testing.T, url string, status int, text string) {
	t.Helper()
	var got int
	var body string
	eventually(t, url+" to answer "+text, func() bool {
		got, body = kit.Get(t, url)
		return got == status && strings.Contains(body, text)
	})
}

// TestReadiness_DependencyAway_IsNamed stops the services' dependencies, one at a time: /readyz names
// the missing one, and recovers when it is back. /livez is not affected.
func TestReadiness_DependencyAway_IsNamed(t *testing.T) {
	s := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1, Ops: true})
	ops, rooms := s.Ops(0), s.RoomsOps(0)
	awaitStatus(t, ops+"/readyz", http.StatusOK, "ready")
	awaitStatus(t, rooms+"/readyz", http.StatusOK, "ready")

	s.NATS(0).Stop()
	awaitStatus(t, ops+"/readyz", http.StatusServiceUnavailable, "no connection to NATS")
	awaitStatus(t, rooms+"/readyz", http.StatusServiceUnavailable, "no connection to NATS")
	awaitStatus(t, ops+"/livez", http.StatusOK, "ok")
	awaitStatus(t, rooms+"/livez", http.StatusOK, "ok")
	if err := s.NATS(0).Restart(); err != nil {
		t.Fatal(err)
	}
	awaitStatus(t, ops+"/readyz", http.StatusOK, "ready")
	awaitStatus(t, rooms+"/readyz", http.StatusOK, "ready")

	s.StopRooms(t, 0)
	awaitStatus(t, ops+"/readyz", http.StatusServiceUnavailable, "the room service does not answer")
	awaitStatus(t, ops+"/livez", http.StatusOK, "ok")
	s.StartRooms(t, 0)
	awaitStatus(t, ops+"/readyz", http.StatusOK, "ready")
}

// instance runs a service until the test ends, or until stop.
func instance(t *testing.T, run func(context.Context) error) (stop context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return cancel
}

func box(t *testing.T) *natsbox.Server {
	t.Helper()
	b, err := natsbox.Start(natsbox.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// freeAddress returns an address on which no process listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	addrs, err := natsbox.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	return addrs[0]
}

// TestReadiness_NoRoomService_GatewayWaits: a gateway that waits for a room service is alive, names the
// room service on /readyz, serves its metrics, and becomes ready when one
// starts.
func TestReadiness_NoRoomService_GatewayWaits(t *testing.T) {
	b := box(t)
	addr := freeAddress(t)
	g, err := gateway.New(gateway.Config{
		Listen: "127.0.0.1:0", Ops: service.Ops{Listen: addr}, NATSOptions: []nats.Option{nats.InProcessServer(b)},
		Logger: kit.Logger(t, slog.LevelInfo), DrainWindow: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	instance(t, g.Run)
	eventually(t, "the gateway to answer operators", func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	awaitStatus(t, "http://"+addr+"/livez", http.StatusOK, "ok")
	awaitStatus(t, "http://"+addr+"/readyz", http.StatusServiceUnavailable, "the room service does not answer")
	if v, ok := scrape(t, "http://"+addr)["p2p_gateway_connections"]; !ok || v != 0 {
		t.Errorf("p2p_gateway_connections is %v, served: %v", v, ok)
	}
	r, err := roomsvc.New(roomsvc.Config{NATSOptions: []nats.Option{nats.InProcessServer(b)}})
	if err != nil {
		t.Fatal(err)
	}
	instance(t, r.Run)
	awaitStatus(t, "http://"+addr+"/readyz", http.StatusOK, "ready")
}

// TestReadiness_Draining_IsNotReady: a gateway that drains is not ready, and gives the reason. Its
// peer does not reconnect, so the drain takes its whole window.
func TestReadiness_Draining_IsNotReady(t *testing.T) {
	s := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	g, err := gateway.New(gateway.Config{
		Listen: "127.0.0.1:0", Ops: service.Ops{Listen: "127.0.0.1:0"}, NATSOptions: []nats.Option{nats.InProcessServer(s.NATS(0))},
		Logger: kit.Logger(t, slog.LevelInfo), DrainWindow: 3 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	stop := instance(t, g.Run)
	<-g.Ready()
	c, err := client.Dial(t.Context(), client.Options{URLs: []string{"ws://" + g.Addr().String() + "/"}, NoResume: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() }) // closed by the drain already
	stop()
	awaitStatus(t, "http://"+g.OpsAddr()+"/readyz", http.StatusServiceUnavailable, "draining")
}

// TestOps_Profiles_AreServedWhenAsked: profiles are served only when they are enabled.
func TestOps_Profiles_AreServedWhenAsked(t *testing.T) {
	b := box(t)
	for name, tc := range map[string]struct {
		on     bool
		status int
	}{"on": {true, http.StatusOK}, "off": {false, http.StatusNotFound}} {
		t.Run(name, func(t *testing.T) {
			r, err := roomsvc.New(roomsvc.Config{NATSOptions: []nats.Option{nats.InProcessServer(b)}, Ops: service.Ops{Listen: "127.0.0.1:0", Pprof: tc.on}})
			if err != nil {
				t.Fatal(err)
			}
			instance(t, r.Run)
			<-r.Ready()
			g, err := gateway.New(gateway.Config{
				Listen: "127.0.0.1:0", Ops: service.Ops{Listen: "127.0.0.1:0", Pprof: tc.on}, DrainWindow: time.Second,
				NATSOptions: []nats.Option{nats.InProcessServer(b)},
			})
			if err != nil {
				t.Fatal(err)
			}
			instance(t, g.Run)
			<-g.Ready()
			for _, addr := range []string{g.OpsAddr(), r.OpsAddr()} {
				if status, _ := kit.Get(t, "http://"+addr+"/debug/pprof/goroutine?debug=1"); status != tc.status {
					t.Errorf("a profile answers %d, want %d", status, tc.status)
				}
			}
		})
	}
}

// TestOps_AddressInUse_NamesTheSetting: a configured address that is in use ends the service at its
// start, with an error that names the setting; so does an invalid address.
func TestOps_AddressInUse_NamesTheSetting(t *testing.T) {
	b := box(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	g, err := gateway.New(gateway.Config{Listen: "127.0.0.1:0", Ops: service.Ops{Listen: taken.Addr().String()}, NATSOptions: []nats.Option{nats.InProcessServer(b)}})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "ops-listen") {
		t.Errorf("Run returned %v", err)
	}
	r, err := roomsvc.New(roomsvc.Config{Ops: service.Ops{Listen: taken.Addr().String()}, NATSOptions: []nats.Option{nats.InProcessServer(b)}})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "ops-listen") {
		t.Errorf("Run returned %v", err)
	}
	if _, err := gateway.New(gateway.Config{Ops: service.Ops{Listen: "nowhere"}}); err == nil || !strings.Contains(err.Error(), "ops-listen") {
		t.Errorf("New returned %v", err)
	}
}
