package gateway

import (
	"maps"
	"slices"
	"strconv"
	"sync/atomic"

	"p2pconnector/proto"
)

// families lists every metric of a gateway but the relay histogram. Counters
// begin at 0 with all their labels, so that a query finds them before the first
// event.
var families = []family{
	{"build_info", "The build: always 1.", gauge, []string{"version", "commit"}, func(g *Gateway, _ *snapshot, put put) { put(1, g.cfg.Version, g.cfg.Commit) }},
	{"draining", "1 while the gateway drains.", gauge, nil, func(g *Gateway, _ *snapshot, put put) { put(flag01(g.draining.Load())) }},

	{"connections", "WebSockets that are open.", gauge, nil, func(_ *Gateway, now *snapshot, put put) { put(float64(now.conns)) }},
	{"connections_accepted_total", "WebSockets accepted.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.accepted })},
	{"upgrades_total", "WebSocket handshakes answered, by HTTP status; 101 is success.", counter, []string{"status"}, set(func(s *stats) *counterSet[int] { return &s.upgrades }, strconv.Itoa)},
	{"closes_total", "Close frames sent, by code.", counter, []string{"code"}, set(func(s *stats) *counterSet[proto.CloseCode] { return &s.closes }, func(c proto.CloseCode) string { return strconv.Itoa(int(c)) })},
	{"idle_closed_total", "Connections closed since nothing, not even a pong, came from them.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.idleClosed })},
	{"slow_clients_total", "Connections closed since their client did not read and their queue was full.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.slowPeers })},
	{"queue_bytes", "Bytes that wait in the queues of all connections.", gauge, nil, func(_ *Gateway, now *snapshot, put put) { put(float64(now.queued)) }},
	{"queue_bytes_max", "Bytes that wait in the longest of these queues.", gauge, nil, func(_ *Gateway, now *snapshot, put put) { put(float64(now.longest)) }},
	{"queued_connections", "Connections that have something in their queue.", gauge, nil, func(_ *Gateway, now *snapshot, put put) { put(float64(now.behind)) }},

	{"clients", "Clients by where they are: attached, away (may resume), arriving or moved (to another gateway).", gauge, []string{"state"}, func(_ *Gateway, now *snapshot, put put) {
		for i, name := range phaseNames {
			put(float64(now.phases[i]), name)
		}
	}},
	{"replay_bytes", "Bytes kept for clients that are away.", gauge, nil, func(g *Gateway, _ *snapshot, put put) { put(float64(g.keptBytes.Load())) }},
	{"replay_full_total", "Frames that found no room in what is kept for a client that is away.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.keptFull })},
	{"resumes_total", "Sessions resumed here, taken over from elsewhere, or refused.", counter, []string{"outcome"}, set(func(s *stats) *counterSet[string] { return &s.resumes }, func(s string) string { return s })},
	{"farewells", "Subscriptions for peers that have just left for another gateway, of 65,536.", gauge, nil, func(g *Gateway, _ *snapshot, put put) { put(float64(g.farewells.len())) }},
	{"eras", "Peers that have moved between gateways and were heard in the last five minutes, of 65,536: late frames of theirs are refused.", gauge, nil, func(g *Gateway, _ *snapshot, put put) { put(float64(g.eras.n.Load())) }},
	{"claims_waiting", "Words to other gateways that a session has moved here, not answered yet, of 131,072.", gauge, nil, func(g *Gateway, _ *snapshot, put put) { put(float64(g.claims.len())) }},
	{"handovers_total", "Sessions handed to another gateway.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.handedOver })},

	{"frames_in_total", "Frames from clients, by event.", counter, []string{"event"}, set(func(s *stats) *counterSet[proto.Event] { return &s.frames }, eventName)},
	{"frames_out_total", "Frames queued for connections, by event; Error is an error frame.", counter, []string{"event"}, set(func(s *stats) *counterSet[proto.Event] { return &s.framesOut }, eventName)},
	{"errors_total", "Error frames that answer a client's frame, by code.", counter, []string{"code"}, set(func(s *stats) *counterSet[proto.ErrorCode] { return &s.refusals }, codeName)},
	{"relays_total", "Relayed frames, for each receiver: delivered, queue_full, not_found, or moved (passed on to another gateway).", counter, []string{"outcome"}, func(g *Gateway, _ *snapshot, put put) {
		for v, name := range verdictNames {
			if verdict(v) == pressed {
				continue // counted as delivered
			}
			put(float64(g.stats.verdicts[v].Load()), name)
		}
	}},
	{"relays_published_total", "Relays published to other gateways.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.published })},
	{"relays_doubted_total", "Relays whose senders were told that they may be lost, since the way over NATS broke.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.doubted })},
	{"relays_late_total", "Relays refused since they came late, from a gateway that was out of reach, and later ones of their sender may be there already.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.late })},
	{"drops_total", "Frames that were not delivered and whose sender was told, by the code it got.", counter, []string{"reason"}, func(g *Gateway, _ *snapshot, put put) {
		for _, c := range []proto.ErrorCode{proto.NotDelivered, proto.NotFound, proto.Unavailable} {
			put(float64(g.stats.drops.by[c].Load()), string(c))
		}
	}},
	{"drops_repeated_total", "Words about dropped frames that were said again, since the way over NATS had broken.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.repeated })},
	{"drop_words", "Words about dropped frames that are remembered, to be said again after an outage, of 8,192: the oldest give way.", gauge, nil, func(g *Gateway, _ *snapshot, put put) { put(float64(g.words.len())) }},
	{"outages_told", "Outages of the way over NATS that other gateways are being told of, of 8: the oldest gives way.", gauge, nil, func(g *Gateway, _ *snapshot, put put) { put(float64(g.outages.len())) }},
	{"silences_told", "Gateways that are being told that they were not heard for a while, of 4,096.", gauge, nil, func(g *Gateway, _ *snapshot, put put) { put(float64(g.silences.len())) }},
	{"drops_untold_total", "Words about a dropped frame that did not find its sender any more.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.lostUntold })},
	{"stalled_receivers", "Receivers whose frames wait for their gateway to reconnect.", gauge, nil, func(g *Gateway, _ *snapshot, put put) { put(float64(g.stalls.n.Load())) }},

	{"rooms", "Rooms with a member here.", gauge, nil, func(g *Gateway, _ *snapshot, put put) { put(float64(g.rooms.len())) }},
	{"room_clients", "Members of these rooms, each in each of its rooms, by who holds them.", gauge, []string{"held"}, func(_ *Gateway, now *snapshot, put put) {
		put(float64(now.membersHere), "here")
		put(float64(now.members-now.membersHere), "elsewhere")
	}},
	{"link_gaps_total", "Gaps seen in the relays of another gateway, whose senders were told.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.linkGaps })},
	{"room_gaps_total", "Changes of rooms that came before their predecessor.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.gaps })},
	{"room_fetches_total", "Rooms fetched whole.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.refetches })},
	{"room_requests", "Requests that wait for the room service.", gauge, nil, func(g *Gateway, _ *snapshot, put put) { put(float64(g.requests.len())) }},

	{"gateways", "Gateways by lease, this one included: live, silent, or ended.", gauge, []string{"lease"}, func(_ *Gateway, now *snapshot, put put) {
		put(float64(now.live), "live")
		put(float64(now.silent), "silent")
		put(float64(now.ended), "ended")
	}},
	{"nats_connected", "1 while the connection to NATS stands.", gauge, nil, func(g *Gateway, _ *snapshot, put put) { put(flag01(g.nc.IsConnected())) }},
	{"nats_reconnects_total", "Reconnects to NATS.", counter, nil, func(g *Gateway, _ *snapshot, put put) { put(float64(g.nc.Stats().Reconnects)) }},
	{"inbox_messages", "Messages from NATS that are not handled yet, of 16,384.", gauge, nil, func(_ *Gateway, now *snapshot, put put) {
		put(float64(now.pendingIn))
	}},
	{"nats_pending_bytes", "Bytes that wait for the network.", gauge, []string{"direction"}, func(_ *Gateway, now *snapshot, put put) {
		put(float64(now.pendingOut), "out")
	}},
	{"nats_dropped_total", "Messages dropped since too much waited for this gateway's callback.", counter, nil, func(_ *Gateway, now *snapshot, put put) { put(float64(now.dropped)) }},
	{"bad_subjects_total", "Messages on a subject that no service uses.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.badSubjects })},
	{"panics_total", "Frames and messages whose handling panicked.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.panics })},
}

var (
	phaseNames   = [...]string{attached: "attached", away: "away", arriving: "arriving", moved: "moved"}
	verdictNames = [...]string{handed: "delivered", full: "queue_full", gone: "not_found", elsewhere: "moved"}
)

func eventName(e proto.Event) string    { return string(e) }
func codeName(c proto.ErrorCode) string { return string(c) }

func flag01(on bool) float64 {
	if on {
		return 1
	}
	return 0
}

// one reads a counter without labels.
func one(field func(*stats) *atomic.Uint64) func(*Gateway, *snapshot, put) {
	return func(g *Gateway, _ *snapshot, put put) { put(float64(field(g.stats).Load())) }
}

// set reads a counter with one label. What has no label of its own is "other".
func set[K comparable](field func(*stats) *counterSet[K], name func(K) string) func(*Gateway, *snapshot, put) {
	return func(g *Gateway, _ *snapshot, put put) {
		s := field(g.stats)
		byName := make(map[string]uint64, len(s.by))
		for k, n := range s.by {
			byName[name(k)] = n.Load()
		}
		for _, k := range slices.Sorted(maps.Keys(byName)) {
			put(float64(byName[k]), k)
		}
		put(float64(s.other.Load()), "other")
	}
}
