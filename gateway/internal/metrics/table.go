package metrics

import (
	"maps"
	"slices"
	"strconv"

	"p2pconnector/gateway/internal/admission"
	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/egress"
	"p2pconnector/gateway/internal/ice"
	"p2pconnector/gateway/internal/membudget"
	"p2pconnector/gateway/internal/quota"
	"p2pconnector/proto"
)

// hungLoopsHelp is the help of the metric that is read without a lock.
const hungLoopsHelp = "1 while a loop hangs that this gateway depends on: bus sends the lease and ends sessions, clock checks the connections, inbox handles messages from NATS, leases receives the leases of other gateways, writers write to connections. Most other metrics are not shown then."

// table lists the metrics that are read from the counters and a snapshot: all metrics but
// the build, the loops and the relay histogram.
var table = []metric{
	{"draining", "1 while the gateway drains.", gauge, nil, func(_ *Metrics, now *Snapshot, put put) { put(flag01(now.Draining)) }},

	{"buffer_bytes", "Bytes of the budget that buffers of clients hold: retransmit (frames written, until the client confirms them), large (single frames above the bound of a queue), replay (for clients that are away), queue (beyond the first 4 KiB of each), requests (frames from clients that wait for room requests).", gauge, []string{"kind"}, kinds((*membudget.Budget).Used)},
	{"buffer_limit_bytes", "The budget of all buffers. When all kinds but retransmit use more than one half, the largest buffers are shed.", gauge, nil, at(func(now *Snapshot) int64 { return now.Buffers.Limit() })},
	{"buffers_refused_total", "Times that a buffer did not grow, because the budget was short or the buffer above its share of it. Frames that were refused for that reason are in drops_total as well.", counter, []string{"kind"}, kinds((*membudget.Budget).Refused)},
	{"buffers_shed_total", "Buffers given up because the budget was short, the largest first: replay buffers of clients that are away, whose frames were reported to their senders, or queues, whose clients did not read and were closed with 1013.", counter, []string{"kind"}, kinds((*membudget.Budget).Sheds)},

	{"pending_connections", "Connections that are not WebSockets yet, or never will be, of what an eighth of the budget of buffers holds at 25 KiB each.", gauge, nil, at(func(now *Snapshot) int { return now.Pending })},
	{"pending_closed_total", "Pending connections closed because there were too many: the oldest, or those of an address that had too many.", counter, nil, at(func(now *Snapshot) uint64 { return now.PendingClosed })},
	{"connections", "Open WebSockets.", gauge, nil, at(func(now *Snapshot) int { return now.Connections })},
	{"connections_accepted_total", "WebSockets accepted.", counter, nil, one(func(m *Metrics) *Counter { return &m.Connections.Accepted })},
	{"upgrades_total", "WebSocket handshakes answered, by HTTP status; 101 is success. A page that gets its refusal over the WebSocket counts with the status that others get.", counter, []string{"status"}, set(func(m *Metrics) *CounterSet[int] { return &m.Handshakes.Statuses }, strconv.Itoa)},
	{"connects_limited_total", "WebSocket handshakes refused by a limit on connections, by the setting.", counter, []string{"limit"}, set(func(m *Metrics) *CounterSet[admission.LimitName] { return &m.Handshakes.Limited }, text)},
	{"connect_rate_addresses", "Addresses whose connect rate is counted, of 65,536: those quiet for longest are evicted.", gauge, nil, at(func(now *Snapshot) int { return now.ConnectAddresses })},
	{"connect_rate_evicted_total", "Addresses whose connect rate was forgotten too early because too many connected at once.", counter, nil, at(func(now *Snapshot) uint64 { return now.ConnectsEvicted })},
	{"egress_addresses", "Addresses whose use of egress-bytes-per-second counts for their next session, of 65,536: those quiet for longest are evicted.", gauge, nil, at(func(now *Snapshot) int { return now.EgressAddresses })},
	{"egress_addresses_evicted_total", "Addresses whose use of egress-bytes-per-second was forgotten too early because too many used it at once.", counter, nil, at(func(now *Snapshot) uint64 { return now.EgressEvicted })},
	{"access_tokens_refused_total", "Access tokens that were checked and refused, of handshakes and of Authenticate.", counter, nil, one(func(m *Metrics) *Counter { return &m.Handshakes.Tokens })},
	{"refused_sockets", "WebSockets that are open only until a page has read why it was refused, of max-refused-pages.", gauge, nil, at(func(now *Snapshot) int { return now.RefusedSockets })},
	{"refused_sockets_full_total", "Pages that did not get the reason for their refusal, because too many such WebSockets were open.", counter, nil, one(func(m *Metrics) *Counter { return &m.Handshakes.Unread })},
	{"closes_total", "Close frames sent, by code.", counter, []string{"code"}, set(func(m *Metrics) *CounterSet[proto.CloseCode] { return &m.Connections.Closes }, func(c proto.CloseCode) string { return strconv.Itoa(int(c)) })},
	{"idle_closed_total", "Connections closed because nothing, not even a pong, was received.", counter, nil, one(func(m *Metrics) *Counter { return &m.Connections.Idle })},
	{"slow_clients_total", "Connections closed because their client did not read and their queue was full.", counter, nil, one(func(m *Metrics) *Counter { return &m.Connections.Slow })},
	{"queue_bytes", "Bytes that wait in the queues of all connections.", gauge, nil, at(func(now *Snapshot) int { return now.QueueBytes })},
	{"queue_bytes_max", "Bytes that wait in the longest queue of a connection.", gauge, nil, at(func(now *Snapshot) int { return now.LongestQueue })},
	{"queued_connections", "Connections whose queue is not empty.", gauge, nil, at(func(now *Snapshot) int { return now.Queued })},

	{"clients", "Clients by state: attached, away (may resume), arriving, lent (another gateway has a copy), or moved (to another gateway).", gauge, []string{"state"}, func(_ *Metrics, now *Snapshot, put put) {
		put(float64(now.Clients.Attached), "attached")
		put(float64(now.Clients.Away), "away")
		put(float64(now.Clients.Arriving), "arriving")
		put(float64(now.Clients.Lent), "lent")
		put(float64(now.Clients.Moved), "moved")
	}},
	{"replay_full_total", "Frames that found no room in the replay buffer of a client that is away.", counter, nil, one(func(m *Metrics) *Counter { return &m.Sessions.ReplayFull })},
	{"away_refused_total", "Sessions that ended as soon as their connection broke, because as many of their address or user as may be were away, by the limit.", counter, []string{"limit"}, set(func(m *Metrics) *CounterSet[quota.Limit] { return &m.Sessions.NotAway }, text)},
	{"resumes_total", "Sessions resumed on the gateway that owned them, taken over from another gateway, or refused.", counter, []string{"outcome"}, set(func(m *Metrics) *CounterSet[ResumeOutcome] { return &m.Sessions.Resumes }, text)},
	{"session_key_fetches_total", "Fetches of the keys that sign session tokens: ok or failed; spared counts tokens of unknown keys for which no fetch was made, because one had ended less than 5 s before.", counter, []string{"outcome"}, set(func(m *Metrics) *CounterSet[auth.FetchOutcome] { return &m.Sessions.KeyFetches }, text)},

	{"ice_fetches_total", "Requests for ICE servers to ice-servers-url, by outcome.", counter, []string{"outcome"}, set(func(m *Metrics) *CounterSet[ice.Outcome] { return &m.ICEFetches }, text)},
	{"ice_credentials_seconds", "Time that the last credentials from ice-servers-url still work; 0 when they have expired, or there were none yet. Shown with ice-servers-url only.", gauge, nil, func(_ *Metrics, now *Snapshot, put put) {
		if now.ICEProvider {
			put(now.ICELeft.Seconds())
		}
	}},

	{"session_moves_total", "Moves of sessions: taken over here, failed, conflict (another gateway took the epoch first), lent to another gateway, taken_back, or outdated (taken over by another gateway without a copy).", counter, []string{"outcome"}, set(func(m *Metrics) *CounterSet[MoveOutcome] { return &m.Sessions.Moves }, text)},

	{"frames_in_total", "Frames from clients, by event.", counter, []string{"event"}, set(func(m *Metrics) *CounterSet[proto.Event] { return &m.Frames.In }, text)},
	{"frames_out_total", "Frames queued for connections, by event; Error is an error frame.", counter, []string{"event"}, set(func(m *Metrics) *CounterSet[proto.Event] { return &m.Frames.out }, text)},
	{"errors_total", "Error frames that answer a client's frame, by code.", counter, []string{"code"}, set(func(m *Metrics) *CounterSet[proto.ErrorCode] { return &m.Frames.Errors }, text)},
	{"bytes_limited_total", "Frames refused because a limit on bytes was reached, by the setting.", counter, []string{"limit"}, set(func(m *Metrics) *CounterSet[egress.LimitName] { return &m.Frames.Limited }, text)},
	{"relays_total", "Relayed frames, for each receiver: delivered, queue_full, not_found, moved (forwarded to another gateway), over_share (too much of the sender waits for a receiver that reads slowly), or not_accepted (the receiver accepts no frames of the sender).", counter, []string{"outcome"}, func(m *Metrics, _ *Snapshot, put put) {
		put(float64(m.Relays.Delivered.Load()), "delivered")
		put(float64(m.Relays.QueueFull.Load()), "queue_full")
		put(float64(m.Relays.NotFound.Load()), "not_found")
		put(float64(m.Relays.Moved.Load()), "moved")
		put(float64(m.Relays.OverShare.Load()), "over_share")
		put(float64(m.Relays.NotAccepted.Load()), "not_accepted")
	}},
	{"drops_total", "Frames that were not delivered, by the code of the error that their sender got.", counter, []string{"reason"}, func(m *Metrics, _ *Snapshot, put put) {
		for _, code := range dropCodes {
			put(float64(m.Relays.Drops.Load(code)), string(code))
		}
	}},
	{"drops_unreported_total", "Errors about dropped frames that did not reach the sender, because its session had ended or its queue was full.", counter, nil, one(func(m *Metrics) *Counter { return &m.Relays.Unreported })},
	{"relays_late_total", "Relays refused because their sender has moved, and later relays from it may have arrived already.", counter, nil, one(func(m *Metrics) *Counter { return &m.Relays.Outdated })},
	{"relays_published_total", "Relays published to other gateways.", counter, nil, at(func(now *Snapshot) uint64 { return now.Links.Published })},
	{"relays_resent_total", "Relays published again, because they were not received.", counter, nil, at(func(now *Snapshot) uint64 { return now.Links.Resent })},
	{"relays_redirected_total", "Relays that came back because their receiver had moved, and were forwarded.", counter, nil, at(func(now *Snapshot) uint64 { return now.Links.Redirects })},
	{"relays_full_total", "Relays refused because a link, the queue of waiting relays for a receiver, or the total was full.", counter, nil, at(func(now *Snapshot) uint64 { return now.Links.Full })},
	{"relays_given_up_total", "Relays given up and reported to their senders: gateway_gone, or not_acknowledged in time.", counter, []string{"reason"}, func(_ *Metrics, now *Snapshot, put put) {
		put(float64(now.Links.LostGateway), "gateway_gone")
		put(float64(now.Links.TooLong), "not_acknowledged")
	}},
	{"links", "Links to other gateways.", gauge, nil, at(func(now *Snapshot) int { return now.Links.Links })},
	{"link_records", "Relays that are not acknowledged yet, of one for each 512 bytes of link-window-bytes on each link.", gauge, nil, at(func(now *Snapshot) int { return now.Links.Records })},
	{"link_bytes", "Bytes of the unacknowledged relays on all links, and of the relays that wait, of 16 times link-window-bytes.", gauge, nil, at(func(now *Snapshot) int { return now.Links.Bytes })},
	{"link_holes_total", "Holes seen in the relays from other gateways.", counter, nil, at(func(now *Snapshot) uint64 { return now.LinkHoles })},
	{"link_polls_total", "Polls sent to other gateways, which ask for an ack.", counter, nil, at(func(now *Snapshot) uint64 { return now.Links.Polls })},
	{"waiting_receivers", "Clients and rooms whose relays wait, at most 256 each: for relays on an earlier route to be acknowledged, or for the directory.", gauge, nil, at(func(now *Snapshot) int { return now.Links.Waiting })},
	{"reorder_frames", "Relays that wait for the newer state of a room by which their receivers were chosen, or behind such relays of the same sender, of 1,024.", gauge, nil, at(func(now *Snapshot) int64 { return now.ReorderFrames })},
	{"routes", "Clients with a known route to a gateway other than the one that issued them, of 131,072: the least recently used are evicted.", gauge, nil, at(func(now *Snapshot) int { return now.Links.Routes })},
	{"directory_lookups", "Clients that are being looked up in the directory, of 1,024.", gauge, nil, at(func(now *Snapshot) int { return now.Links.Lookups })},

	{"rooms", "Rooms with a member here.", gauge, nil, at(func(now *Snapshot) int { return now.Rooms })},
	{"room_clients", "Members of rooms with a member here, counted once in each room, by the gateway that serves them: own or other.", gauge, []string{"gateway"}, func(_ *Metrics, now *Snapshot, put put) {
		put(float64(now.OwnMembers), "own")
		put(float64(now.Members-now.OwnMembers), "other")
	}},
	{"room_waiting", "Clients of this gateway that wait to be admitted to rooms.", gauge, nil, at(func(now *Snapshot) int { return now.Waiting })},
	{"memberships", "Places in rooms that the clients of this gateway take, with those of pending requests.", gauge, nil, at(func(now *Snapshot) int { return now.Memberships })},
	{"memberships_refused_total", "Create_Room and Join_Room refused because the clients of the gateway, of an address or of a user took as many places as they may, by the limit.", counter, []string{"limit"}, set(func(m *Metrics) *CounterSet[quota.Limit] { return &m.Rooms.Refused }, text)},
	{"room_passwords_refused_total", "Passwords of rooms that were wrong, or not checked because a client gave too many (client) or an address too many wrong ones (address).", counter, []string{"reason"}, set(func(m *Metrics) *CounterSet[PasswordOutcome] { return &m.Rooms.Passwords }, text)},
	{"room_password_addresses", "Addresses whose wrong passwords of rooms are counted, of 65,536: those quiet for longest are evicted.", gauge, nil, at(func(now *Snapshot) int { return now.GuessAddresses })},
	{"room_password_evicted_total", "Addresses whose wrong passwords of rooms were forgotten too early because too many gave some at once.", counter, nil, at(func(now *Snapshot) uint64 { return now.GuessesEvicted })},
	{"room_holes_total", "Changes of rooms that arrived before their predecessor.", counter, nil, one(func(m *Metrics) *Counter { return &m.Rooms.Holes })},
	{"room_fetches_total", "Whole rooms fetched from the room service.", counter, nil, one(func(m *Metrics) *Counter { return &m.Rooms.Fetches })},
	{"rooms_lost_total", "Rooms with a member here that ended because JetStream lost them.", counter, nil, one(func(m *Metrics) *Counter { return &m.Rooms.Lost })},
	{"room_queue_full_total", "Frames refused because too many waited for earlier room requests of their connection.", counter, nil, one(func(m *Metrics) *Counter { return &m.Rooms.QueueFull })},
	{"room_requests_refused_total", "Room requests of clients refused because too many of their address or user, or of all clients, were before them.", counter, nil, one(func(m *Metrics) *Counter { return &m.Rooms.RequestsRefused })},
	{"room_requests_waiting", "Room requests of clients, and departures from rooms, that wait for their turn at the room service.", gauge, nil, at(func(now *Snapshot) int { return now.RoomRequestsWaiting })},
	{"room_requests", "Requests that wait for the room service.", gauge, nil, at(func(now *Snapshot) int { return now.RoomRequests })},

	{"gateways", "Gateways by lease, this gateway included: live, dead (no lease for longer than a lease lasts), or ended.", gauge, []string{"lease"}, func(_ *Metrics, now *Snapshot, put put) {
		put(float64(now.GatewaysLive), "live")
		put(float64(now.GatewaysDead), "dead")
		put(float64(now.GatewaysEnded), "ended")
	}},
	{"settings_disagree", "Other gateways and room services that have another value of a setting that all should have in common, by the setting. The smallest value applies.", gauge, []string{"setting"}, func(_ *Metrics, now *Snapshot, put put) {
		for setting, n := range now.SettingsDisagree {
			put(float64(n), setting)
		}
	}},
	{"settings_ignored_total", "Leases whose settings were not compared, because those of 4,352 others are.", counter, nil, at(func(now *Snapshot) uint64 { return now.SettingsIgnored })},
	{"nats_connected", "1 while the gateway is connected to NATS.", gauge, nil, func(_ *Metrics, now *Snapshot, put put) { put(flag01(now.NATSConnected)) }},
	{"nats_reconnects_total", "Reconnects to NATS.", counter, nil, at(func(now *Snapshot) uint64 { return now.NATSReconnects })},
	{"inbox_messages", "Messages from NATS that are not handled yet, of 16,384.", gauge, nil, at(func(now *Snapshot) int { return now.Inbox })},
	{"nats_pending_bytes", "Bytes that wait for the network.", gauge, []string{"direction"}, func(_ *Metrics, now *Snapshot, put put) {
		put(float64(now.NATSPendingBytes), "out")
	}},
	{"nats_dropped_total", "Messages dropped because too many waited for this gateway's callback.", counter, nil, at(func(now *Snapshot) int { return now.InboxDropped })},
	{"bad_subjects_total", "Messages on a subject that no service uses.", counter, nil, one(func(m *Metrics) *Counter { return &m.Faults.BadSubjects })},
	{"panics_total", "Frames and messages whose handling panicked.", counter, nil, one(func(m *Metrics) *Counter { return &m.Faults.Panics })},
}

// text returns the value of a label that is a string.
func text[K ~string](k K) string { return string(k) }

func flag01(on bool) float64 {
	if on {
		return 1
	}
	return 0
}

// at reads a number of the snapshot.
func at[N int | int64 | uint64](field func(*Snapshot) N) func(*Metrics, *Snapshot, put) {
	return func(_ *Metrics, now *Snapshot, put put) { put(float64(field(now))) }
}

// kinds reads a number of the budget for each kind of buffer.
func kinds[N int64 | uint64](of func(*membudget.Budget, membudget.Kind) N) func(*Metrics, *Snapshot, put) {
	return func(_ *Metrics, now *Snapshot, put put) {
		for _, k := range membudget.Kinds() {
			put(float64(of(now.Buffers, k)), k.String())
		}
	}
}

// one reads a counter without labels.
func one(field func(*Metrics) *Counter) func(*Metrics, *Snapshot, put) {
	return func(m *Metrics, _ *Snapshot, put put) { put(float64(field(m).Load())) }
}

// set reads a counter set with one label. Values without a counter of their own are "other".
func set[K comparable](field func(*Metrics) *CounterSet[K], name func(K) string) func(*Metrics, *Snapshot, put) {
	return func(m *Metrics, _ *Snapshot, put put) {
		s := field(m)
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
