package ops_test

import (
	"net/http"
	"strings"
	"testing"

	"p2pconnector/e2e/kit"
)

// TestMetrics_EachEvent_IsCounted compares the served metrics with the frames of the test.
func TestMetrics_EachEvent_IsCounted(t *testing.T) {
	s := kit.Start(t, kit.Options{RoomServices: 1, Ops: true})
	const n = 1500 // one in 64 is timed: the probability that one gateway times none is below 10^-10
	exercise(t, s, n)
	first, second, rooms := scrape(t, s.Ops(0)), scrape(t, s.Ops(1)), scrape(t, s.RoomsOps(0))
	for _, w := range []struct {
		in        samples
		name      string
		low, high float64
	}{
		{first, `p2p_gateway_connections`, 2, 2},
		{first, `p2p_gateway_clients{state="attached"}`, 2, 2},
		{first, `p2p_gateway_upgrades_total{status="101"}`, 2, 2},
		{first, `p2p_gateway_frames_in_total{event="Message"}`, 2*n + 1, 2*n + 1},
		{first, `p2p_gateway_frames_in_total{event="Create_Room"}`, 1, 1},
		{first, `p2p_gateway_frames_in_total{event="other"}`, 1, 1},
		{first, `p2p_gateway_frames_out_total{event="Message"}`, n, n},
		{second, `p2p_gateway_frames_out_total{event="Message"}`, n + 1, n + 1},
		{second, `p2p_gateway_frames_out_total{event="Room_Left"}`, 1, 1},
		{first, `p2p_gateway_frames_out_total{event="Error"}`, 2, 2},
		{first, `p2p_gateway_frames_out_total{event="other"}`, 0, 0},
		{first, `p2p_gateway_errors_total{code="Unsupported_Event"}`, 1, 1},
		{first, `p2p_gateway_relays_total{outcome="delivered"}`, n, n},
		{second, `p2p_gateway_relays_total{outcome="delivered"}`, n + 1, n + 1},
		{second, `p2p_gateway_relays_total{outcome="not_found"}`, 1, 1},
		{first, `p2p_gateway_drops_total{reason="Not_Found"}`, 1, 1},
		{first, `p2p_gateway_relay_seconds_count{path="here"}`, 1, n / 16},
		{second, `p2p_gateway_relay_seconds_count{path="nats"}`, 1, n / 16},
		{first, `p2p_gateway_rooms`, 1, 1},
		{first, `p2p_gateway_room_clients{gateway="own"}`, 1, 1},
		{second, `p2p_gateway_rooms`, 0, 1}, // b has just left
		{first, `p2p_gateway_gateways{lease="live"}`, 2, 2},
		{first, `p2p_gateway_nats_connected`, 1, 1},
		{first, `p2p_gateway_queue_bytes`, 0, 1 << 10},
		{first, `p2p_gateway_build_info{commit="",version="dev"}`, 1, 1},
		{first, `go_goroutines`, 5, 1e4},
		{rooms, `p2p_roomsvc_requests_total{endpoint="create",outcome="ok"}`, 1, 1},
		{rooms, `p2p_roomsvc_requests_total{endpoint="leave",outcome="ok"}`, 1, 1},
		{rooms, `p2p_roomsvc_request_seconds_count{endpoint="create"}`, 1, 1},
		{rooms, `p2p_roomsvc_commits_total`, 3, 3},
		{rooms, `p2p_roomsvc_commit_batch_size_count`, 3, 3},
		{rooms, `p2p_roomsvc_bucket_call_seconds_count`, 3, 20},
		{rooms, `p2p_roomsvc_sweeps_total`, 1, 10},
		{rooms, `p2p_roomsvc_gateways{lease="live"}`, 2, 2},
		{rooms, `p2p_roomsvc_nats_connected`, 1, 1},
	} {
		if v, ok := w.in[w.name]; !ok || v < w.low || v > w.high {
			t.Errorf("%s is %v (served: %v), want %v to %v", w.name, v, ok, w.low, w.high)
		}
	}
}

// TestMetrics_NATSReconnect_IsCounted: a restart of NATS shows on both services.
func TestMetrics_NATSReconnect_IsCounted(t *testing.T) {
	s := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1, Ops: true})
	if err := s.NATS(0).Restart(); err != nil {
		t.Fatal(err)
	}
	awaitStatus(t, s.Ops(0)+"/readyz", http.StatusOK, "ready")
	awaitStatus(t, s.RoomsOps(0)+"/readyz", http.StatusOK, "ready")
	if v := scrape(t, s.Ops(0))["p2p_gateway_nats_reconnects_total"]; v < 1 {
		t.Errorf("p2p_gateway_nats_reconnects_total: got %v, want at least 1", v)
	}
	if v := scrape(t, s.RoomsOps(0))["p2p_roomsvc_nats_reconnects_total"]; v < 1 {
		t.Errorf("p2p_roomsvc_nats_reconnects_total: got %v, want at least 1", v)
	}
}

// TestMetrics_Labels_NameNoClient: the metrics contain neither the id of a peer nor of a
// room.
func TestMetrics_Labels_NameNoClient(t *testing.T) {
	s := kit.Start(t, kit.Options{RoomServices: 1, Ops: true})
	c := s.Dial(t, 0)
	c.Create("a-room-with-a-name")
	for _, ops := range []string{s.Ops(0), s.RoomsOps(0)} {
		_, body := kit.Get(t, ops+"/metrics")
		for _, name := range []string{string(c.ID), "a-room-with-a-name", string(c.ID.Home())} {
			if strings.Contains(body, name) {
				t.Errorf("%s/metrics: got %q in it, want it absent", ops, name)
			}
		}
	}
}
