// Package heartbeat publishes the lease of this gateway, handles the leases of the others, and
// suspects this gateway when they may have considered it dead.
//
//	lease appeared     its gateway gets ours at once, so that the two may link
//	lease returned     a partition is over: the gateways on the other side may have taken over
//	                   the sessions and the names of this gateway
//	process frozen     as long as others wait for a lease: likewise
//	NATS connected     after a lost connection: likewise
//
// A suspected gateway asks the directory about each session and each name again, as packages
// session and names document. Leases and the room services' messages also carry the settings
// that all instances should have in common; package agreement compares them.
package heartbeat

import (
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/metrics"
	"p2pconnector/gateway/internal/natsbus"
	"p2pconnector/gateway/internal/ops"
	"p2pconnector/proto"
	"p2pconnector/proto/agreement"
	"p2pconnector/proto/bus"
)

// suspectAfter is how long the process must have been frozen before other gateways may
// consider it dead: their requests and its lease take a little less than bus.LeaseTimeout.
const suspectAfter = 3 * time.Second

// Config says what a Heartbeat works with. Every field is required.
type Config struct {
	Own      proto.GatewayID
	Bus      Bus
	Liveness *natsbus.Liveness
	Settings *agreement.Table // that all instances should have in common
	Sessions Sessions
	Conns    Conns
	Rooms    Rooms
	Links    Links
	Topics   Topics
	Dialects Dialects
	Draining func() bool
	Loop     *ops.Loop // that receives leases, for the watchdog
}

// What a Heartbeat needs of the parts of the gateway. Package natsbus, session, client, room,
// relay, topic and registry document the methods.
type (
	// Bus is the connection to NATS.
	Bus interface {
		Connected() bool
		PublishLease(bus.Lease) error
	}
	// Sessions are the sessions of this gateway.
	Sessions interface {
		Len() int
		Suspect()
	}
	// Conns are the connections of clients, which have names.
	Conns interface{ Suspect() }
	// Rooms are the rooms that have members here.
	Rooms interface {
		Len() int
		SyncSoon()
	}
	// Links are the links to other gateways.
	Links interface{ Reconnected() }
	// Topics are the topics that clients here have subscribed to.
	Topics interface{ Alive(proto.GatewayID) }
	// Dialects are the client protocols besides our own.
	Dialects interface {
		Appeared()
		Tracks() bool
	}
)

// Heartbeat is the heartbeat of one gateway. Its methods may be called concurrently, except
// that one goroutine at a time may call Advance, and one Tick.
type Heartbeat struct{ cfg Config }

// New returns a Heartbeat that has published nothing.
func New(cfg Config) *Heartbeat { return &Heartbeat{cfg: cfg} }

// Connected handles a connection to NATS; again is set when an earlier one was lost.
func (h *Heartbeat) Connected(again bool) {
	h.cfg.Rooms.SyncSoon()
	if again {
		h.cfg.Links.Reconnected()
		h.suspect()
	}
}

// suspect records that other gateways may have considered this gateway dead, and given away its
// sessions and its clients' names.
func (h *Heartbeat) suspect() {
	h.cfg.Sessions.Suspect()
	h.cfg.Conns.Suspect()
}

// Publish publishes this gateway's lease; ended marks the last one.
func (h *Heartbeat) Publish(ended bool) {
	// The error is ignored: without NATS no gateway receives leases, and none counts the time.
	_ = h.cfg.Bus.PublishLease(bus.Lease{
		Gateway: h.cfg.Own, Peers: h.cfg.Sessions.Len(), Rooms: h.cfg.Rooms.Len(),
		Draining: h.cfg.Draining(), Ended: ended, Tracker: h.cfg.Dialects.Tracks(), Settings: h.cfg.Settings.Own(),
	})
}

// Receive handles the lease of a gateway, also of this gateway itself.
func (h *Heartbeat) Receive(m natsbus.Message) {
	h.cfg.Loop.Work()
	defer h.cfg.Loop.Rest()
	h.cfg.Settings.Receive(m.Subject, m.Data)
	renewal := h.cfg.Liveness.Receive(m)
	if from, ok := bus.ParseLease(m.Subject); ok && renewal != natsbus.Renewed {
		h.cfg.Topics.Alive(from)
	}
	switch renewal {
	case natsbus.Appeared:
		h.Publish(false) // so that the two may link
		h.cfg.Dialects.Appeared()
	case natsbus.Returned:
		h.suspect()
	}
}

// ReceiveSettings handles the settings that a room service publishes.
func (h *Heartbeat) ReceiveSettings(m natsbus.Message) { h.cfg.Settings.Receive(m.Subject, m.Data) }

// Advance advances the clock that leases are measured by, from the moment last to now.
func (h *Heartbeat) Advance(last, now clock.Instant) {
	if now.Sub(last) > suspectAfter {
		h.suspect()
	}
	h.cfg.Liveness.Tick(now, h.cfg.Bus.Connected())
}

// Tick publishes the lease, and forgets gateways and settings from which none has come for
// long. It is called every bus.LeaseInterval.
func (h *Heartbeat) Tick() {
	h.Publish(false)
	h.cfg.Liveness.Sweep()
	h.cfg.Settings.Tick(h.cfg.Bus.Connected())
}

// Notes returns lines for operators about settings in which instances disagree.
func (h *Heartbeat) Notes() []string { return h.cfg.Settings.Notes() }

// Count adds the gateways and the settings that are known to a snapshot.
func (h *Heartbeat) Count(now *metrics.Snapshot) {
	now.GatewaysLive, now.GatewaysDead, now.GatewaysEnded = h.cfg.Liveness.Counts()
	now.SettingsDisagree, now.SettingsIgnored = h.cfg.Settings.Disagree(), h.cfg.Settings.Ignored()
}
