package metrics

import (
	"p2pconnector/gateway/internal/dialect/nostr"
	"p2pconnector/gateway/internal/dialect/peerjs"
	"p2pconnector/gateway/internal/dialect/webtorrent"
	"p2pconnector/gateway/internal/dialect/wsrelay"
	"p2pconnector/gateway/internal/dialect/yjs"
	"p2pconnector/gateway/internal/names"
)

// Dialects counts what clients do that speak another protocol than the gateway's own, by
// the name of the protocol.
type Dialects struct {
	Accepted   CounterSet[string] // connections
	Ended      CounterSet[string] // of Accepted
	In, Out    CounterSet[string] // texts from and for clients
	Names      CounterSet[names.Outcome]
	PeerJS     CounterSet[peerjs.Event]
	WebTorrent CounterSet[webtorrent.Event]
}

// dialectNames are the protocols that are counted.
var dialectNames = []string{peerjs.Name, webtorrent.Name, yjs.Name, nostr.Name, wsrelay.Name}

func (d *Dialects) init() {
	for _, s := range []*CounterSet[string]{&d.Accepted, &d.Ended, &d.In, &d.Out} {
		s.init(dialectNames...)
	}
	d.Names.init(names.Outcomes()...)
	d.PeerJS.init(peerjs.Events()...)
	d.WebTorrent.init(webtorrent.Events()...)
}

// dialectTable lists the metrics of dialects.
var dialectTable = []metric{
	{"dialect_connections", "Open WebSockets of clients that speak another protocol than the gateway's own.", gauge, []string{"protocol"}, func(m *Metrics, _ *Snapshot, put put) {
		for _, name := range dialectNames {
			put(float64(m.Dialects.Accepted.Load(name)-m.Dialects.Ended.Load(name)), name)
		}
	}},
	{"dialect_accepted_total", "WebSockets accepted of clients that speak another protocol.", counter, []string{"protocol"}, set(func(m *Metrics) *CounterSet[string] { return &m.Dialects.Accepted }, text)},
	{"dialect_frames_in_total", "Frames from clients that speak another protocol.", counter, []string{"protocol"}, set(func(m *Metrics) *CounterSet[string] { return &m.Dialects.In }, text)},
	{"dialect_frames_out_total", "Frames queued for clients that speak another protocol.", counter, []string{"protocol"}, set(func(m *Metrics) *CounterSet[string] { return &m.Dialects.Out }, text)},
	{"held_sockets", "WebSockets of clients of other protocols that are open only to delay their next handshake, of 1,024: the gateway accepts nobody now, or too many connect.", gauge, nil, at(func(now *Snapshot) int { return now.HeldSockets })},
	{"names_total", "Claims of names in the directory of names, by outcome: claimed, taken_over (from the same client's former connection), taken (by another client), full (the directory has no space) or unavailable; and look-ups: looked_up (the directory answered) or busy (256 were under way); unreleased are names that were not given back, because 1,024 releases were under way or nobody answered; and lists of names: listed, and of these cut (there were more than 1,000 names).", counter, []string{"outcome"}, set(func(m *Metrics) *CounterSet[names.Outcome] { return &m.Dialects.Names }, text)},
	{"names_known", "Names whose peers are remembered, of 65,536.", gauge, nil, at(func(now *Snapshot) int { return now.NamesKnown })},
	{"peerjs_frames_total", "Frames of PeerJS clients: relayed to the client with that id, waited for one, expired (the sender got EXPIRE), or ignored, because they are not of the protocol.", counter, []string{"outcome"}, set(func(m *Metrics) *CounterSet[peerjs.Event] { return &m.Dialects.PeerJS }, text)},
	{"peerjs_waiting_frames", "Frames of PeerJS clients that wait for their receivers, of one for each KiB of peerjs-wait-bytes of one client, and 256 times as many of all.", gauge, nil, at(func(now *Snapshot) int64 { return now.PeerJSWaiting })},
	{"peerjs_waiting_bytes", "Bytes of these frames, of peerjs-wait-bytes of one client, and 128 times as many of all.", gauge, nil, at(func(now *Snapshot) int64 { return now.PeerJSWaitingBytes })},
	{"webtorrent_messages_total", "What WebTorrent clients sent, by outcome. At the home of a swarm: announced; offered and answered (offers and answers that went to a member), no_peer (nobody has the peer id that an answer names), scraped. At the client's gateway: refused (malformed, or above a limit), unreached (the home did not get it: the client is asked to announce again soon), moved (a member was registered with a new home).", counter, []string{"outcome"}, set(func(m *Metrics) *CounterSet[webtorrent.Event] { return &m.Dialects.WebTorrent }, text)},
	{"webtorrent_swarms", "Swarms whose home is this gateway.", gauge, nil, at(func(now *Snapshot) int { return now.Swarms })},
	{"webtorrent_members", "Members of these swarms, of 524,288, and 10,000 of one swarm unless --webtorrent-max-peers says otherwise.", gauge, nil, at(func(now *Snapshot) int { return now.SwarmMembers })},
}
