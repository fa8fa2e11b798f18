package gateway

import (
	"maps"
	"slices"
	"strconv"
	"sync/atomic"

	"p2pconnector/gateway/internal/admission"
	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/link"
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
	{"upgrades_total", "WebSocket handshakes answered, by HTTP status; 101 is success. A page that gets its refusal over the WebSocket counts with the status that others get.", counter, []string{"status"}, set(func(s *stats) *counterSet[int] { return &s.upgrades }, strconv.Itoa)},
	{"connects_limited_total", "WebSocket handshakes refused by a limit on connections, by the setting.", counter, []string{"limit"}, set(func(s *stats) *counterSet[admission.LimitName] { return &s.limits }, func(l admission.LimitName) string { return string(l) })},
	{"connect_rate_addresses", "Addresses whose connect rate is being counted, of 65,536: those quiet for longest give way.", gauge, nil, func(g *Gateway, _ *snapshot, put put) {
		n, _ := g.admission.RateCounts()
		put(float64(n))
	}},
	{"connect_rate_evicted_total", "Addresses whose connect rate was forgotten too early because too many connected at once.", counter, nil, func(g *Gateway, _ *snapshot, put put) {
		_, n := g.admission.RateCounts()
		put(float64(n))
	}},
	{"refused_sockets", "WebSockets that are open only until a page has read why it is refused, of 256.", gauge, nil, func(g *Gateway, _ *snapshot, put put) { put(float64(g.refusals.Len())) }},
	{"refused_sockets_full_total", "Pages that could not be given the reason of a refusal, because too many such WebSockets were open.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.refusedFull })},
	{"closes_total", "Close frames sent, by code.", counter, []string{"code"}, set(func(s *stats) *counterSet[proto.CloseCode] { return &s.closes }, func(c proto.CloseCode) string { return strconv.Itoa(int(c)) })},
	{"idle_closed_total", "Connections closed since nothing, not even a pong, came from them.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.idleClosed })},
	{"slow_clients_total", "Connections closed since their client did not read and their queue was full.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.slowPeers })},
	{"queue_bytes", "Bytes that wait in the queues of all connections.", gauge, nil, func(_ *Gateway, now *snapshot, put put) { put(float64(now.queued)) }},
	{"queue_bytes_max", "Bytes that wait in the longest of these queues.", gauge, nil, func(_ *Gateway, now *snapshot, put put) { put(float64(now.longest)) }},
	{"queued_connections", "Connections that have something in their queue.", gauge, nil, func(_ *Gateway, now *snapshot, put put) { put(float64(now.behind)) }},

	{"clients", "Clients by where they are: attached, away (may resume), arriving, lent (a copy is with another gateway), or moved (to another gateway).", gauge, []string{"state"}, func(_ *Gateway, now *snapshot, put put) {
		for i, name := range phaseNames {
			put(float64(now.phases[i]), name)
		}
	}},
	{"replay_bytes", "Bytes kept for clients that are away.", gauge, nil, func(g *Gateway, _ *snapshot, put put) { put(float64(g.keptBytes.Load())) }},
	{"replay_full_total", "Frames that found no room in what is kept for a client that is away.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.keptFull })},
	{"resumes_total", "Sessions resumed here, taken over from elsewhere, or refused.", counter, []string{"outcome"}, set(func(s *stats) *counterSet[string] { return &s.resumes }, func(s string) string { return s })},
	{"session_key_fetches_total", "Fetches of the keys that sign session tokens: ok or failed; spared counts tokens of unknown keys for which no fetch was made, because one had ended less than 5 s before.", counter, []string{"outcome"}, set(func(s *stats) *counterSet[auth.FetchOutcome] { return &s.keyFetches }, func(o auth.FetchOutcome) string { return string(o) })},

	{"session_moves_total", "Moves of sessions: taken over here, failed, conflict (another gateway took the epoch first), lent to another gateway, taken_back, or outdated (taken over by another gateway without a copy).", counter, []string{"outcome"}, set(func(s *stats) *counterSet[string] { return &s.moves }, func(s string) string { return s })},

	{"frames_in_total", "Frames from clients, by event.", counter, []string{"event"}, set(func(s *stats) *counterSet[proto.Event] { return &s.frames }, eventName)},
	{"frames_out_total", "Frames queued for connections, by event; Error is an error frame.", counter, []string{"event"}, set(func(s *stats) *counterSet[proto.Event] { return &s.framesOut }, eventName)},
	{"errors_total", "Error frames that answer a client's frame, by code.", counter, []string{"code"}, set(func(s *stats) *counterSet[proto.ErrorCode] { return &s.refusals }, codeName)},
	{"relays_total", "Relayed frames, for each receiver: delivered, queue_full, not_found, or moved (sent on to another gateway).", counter, []string{"outcome"}, func(g *Gateway, _ *snapshot, put put) {
		for v, name := range resultNames {
			if result(v) == flushNeeded {
				continue // counted as delivered
			}
			put(float64(g.stats.results[v].Load()), name)
		}
	}},
	{"drops_total", "Frames that were not delivered and whose sender was told, by the code it got.", counter, []string{"reason"}, func(g *Gateway, _ *snapshot, put put) {
		for _, c := range []proto.ErrorCode{proto.NotDelivered, proto.NotFound, proto.Unavailable} {
			put(float64(g.stats.drops.by[c].Load()), string(c))
		}
	}},

	{"drops_untold_total", "Errors about dropped frames that did not reach the sender: it has ended, or its queue is full.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.untold })},
	{"relays_late_total", "Relays refused because their sender has moved since, and later ones of it may be there already.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.late })},
	{"relays_published_total", "Relays published to other gateways.", counter, nil, linked(func(c *link.Counts) float64 { return float64(c.Published) })},
	{"relays_resent_total", "Relays published again, because they were not received.", counter, nil, linked(func(c *link.Counts) float64 { return float64(c.Resent) })},
	{"relays_redirected_total", "Relays that came back since their receiver had moved, and were sent on.", counter, nil, linked(func(c *link.Counts) float64 { return float64(c.Redirects) })},
	{"relays_full_total", "Relays refused because a link, what waits for a receiver, or the sum of all was full.", counter, nil, linked(func(c *link.Counts) float64 { return float64(c.Full) })},
	{"relays_given_up_total", "Relays given up and reported to their senders: gateway_gone, or not_acknowledged in time.", counter, []string{"reason"}, func(_ *Gateway, now *snapshot, put put) {
		put(float64(now.links.LostGateway), "gateway_gone")
		put(float64(now.links.TooLong), "not_acknowledged")
	}},
	{"links", "Links to other gateways.", gauge, nil, linked(func(c *link.Counts) float64 { return float64(c.Links) })},
	{"link_records", "Relays that are not acknowledged yet, of 8,192 on each link.", gauge, nil, linked(func(c *link.Counts) float64 { return float64(c.Records) })},
	{"link_bytes", "Bytes of these, and of the relays that wait, of 64 MiB.", gauge, nil, linked(func(c *link.Counts) float64 { return float64(c.Bytes) })},
	{"link_holes_total", "Gaps seen in the relays of other gateways.", counter, nil, func(_ *Gateway, now *snapshot, put put) { put(float64(now.holes)) }},
	{"link_polls_total", "Questions to other gateways what they have received.", counter, nil, linked(func(c *link.Counts) float64 { return float64(c.Polls) })},
	{"waiting_receivers", "Clients and rooms whose relays wait, at most 256 each: for what was sent on an earlier route, or for the directory.", gauge, nil, linked(func(c *link.Counts) float64 { return float64(c.Waiting) })},
	{"reorder_frames", "Relays that wait for a newer state of a room, by which their receivers were chosen, or behind such relays of the same sender, of 1,024.", gauge, nil, func(g *Gateway, _ *snapshot, put put) { put(float64(g.reorder.frames.Load())) }},
	{"routes", "Clients that are known not to be where they were issued, of 131,072: those not used for longest give way.", gauge, nil, linked(func(c *link.Counts) float64 { return float64(c.Routes) })},
	{"directory_lookups", "Clients that the directory is being asked for, of 1,024.", gauge, nil, linked(func(c *link.Counts) float64 { return float64(c.Lookups) })},

	{"rooms", "Rooms with a member here.", gauge, nil, func(g *Gateway, _ *snapshot, put put) { put(float64(g.rooms.len())) }},
	{"room_clients", "Members of these rooms, each in each of its rooms, by who holds them.", gauge, []string{"held"}, func(_ *Gateway, now *snapshot, put put) {
		put(float64(now.membersHere), "here")
		put(float64(now.members-now.membersHere), "elsewhere")
	}},
	{"room_gaps_total", "Changes of rooms that came before their predecessor.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.gaps })},
	{"room_fetches_total", "Rooms fetched whole.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.refetches })},
	{"rooms_lost_total", "Rooms with a member here that ended because JetStream lost them.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.roomsLost })},
	{"room_queue_full_total", "Frames refused since too much waited for the earlier room requests of their connection.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.roomQueueFull })},
	{"room_requests", "Requests that wait for the room service.", gauge, nil, func(g *Gateway, _ *snapshot, put put) { put(float64(g.requests.Len())) }},

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
	{hungLoops, "1 while a loop hangs that this gateway depends on: bus sends the lease and ends sessions, clock looks after connections, inbox handles what comes from NATS, leases hears other gateways, writers write. Most others are not shown then.", gauge, []string{"loop"}, func(g *Gateway, _ *snapshot, put put) {
		for _, l := range g.watchdog.loops() {
			put(flag01(l.hung.Load()), l.name)
		}
	}},
	{"bad_subjects_total", "Messages on a subject that no service uses.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.badSubjects })},
	{"panics_total", "Frames and messages whose handling panicked.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.panics })},
}

var (
	phaseNames  = [...]string{attached: "attached", away: "away", arriving: "arriving", lent: "lent", moved: "moved"}
	resultNames = [...]string{delivered: "delivered", queueFull: "queue_full", notFound: "not_found", redirected: "moved"}
)

func eventName(e proto.Event) string    { return string(e) }
func codeName(c proto.ErrorCode) string { return string(c) }

func flag01(on bool) float64 {
	if on {
		return 1
	}
	return 0
}

// linked reads what the router has counted.
func linked(field func(*link.Counts) float64) func(*Gateway, *snapshot, put) {
	return func(_ *Gateway, now *snapshot, put put) { put(field(&now.links)) }
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
