package client

import (
	"log/slog"
	"sync"
	"unsafe"

	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/directory"
	"p2pconnector/gateway/internal/egress"
	"p2pconnector/gateway/internal/fairqueue"
	"p2pconnector/gateway/internal/frames"
	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/membudget"
	"p2pconnector/gateway/internal/metrics"
	"p2pconnector/gateway/internal/quota"
	"p2pconnector/gateway/internal/ratelimit"
	"p2pconnector/gateway/internal/relay"
	"p2pconnector/gateway/internal/room"
	"p2pconnector/gateway/internal/session"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// Config says how a Table works. Every field is required.
type Config struct {
	Own      proto.GatewayID
	Logger   *slog.Logger
	Metrics  *metrics.Metrics
	Clock    *clock.AtomicInstant // the present moment
	Frames   *frames.Encoder
	Keys     *auth.SessionKeys
	Verifier func() *auth.Verifier // of access tokens; it returns nil when none are needed
	Sessions *session.Table
	Rooms    *room.Rooms
	Requests room.Requester
	Turns    *fairqueue.Queue // of the requests of clients to the room service
	Relays   Relays
	Budgets  *egress.Budgets
	Buffers  *membudget.Budget

	FrameLimit      ratelimit.Limit // of the frames of one client
	MaxMessageBytes int             // of one frame
	MaxRooms        int             // that a peer may be in
	RoomQueueFrames int             // of a connection that wait for its room requests, besides MaxRooms
	RoomPasswords   int             // a second, of one client and wrong ones of one address; 0 or less: no limit
	Quota           quota.Config    // for the texts of refusals

	Shared   func() bus.SharedSettings // that all gateways have in common
	Draining func() bool               // whether this gateway drains
	Go       func(f, refused func())   // runs f on a goroutine, or refused when the gateway ends
	Ended    <-chan struct{}           // closed when callers must not wait any longer
}

// Relays sends frames to peers of other gateways. Safe for concurrent use.
type Relays interface {
	// Connected reports whether this gateway is connected to NATS.
	Connected() bool
	// Send sends a frame to a peer, whichever gateway the peer is at. A code means that it was
	// refused and nothing was sent.
	Send(f link.Frame) proto.ErrorCode
	// SendFor is Send for a client. It asks by.MayLookUp before it looks for a peer that this
	// gateway does not know.
	SendFor(f link.Frame, by relay.LookupLimiter) proto.ErrorCode
	// Undelivered makes the error frame for the sender of a relayed frame that did not reach
	// its receiver, or these members of its room.
	Undelivered(f *link.Frame, code proto.ErrorCode, missed []proto.PeerID) []byte
}

// Table has the connections that are open. Safe for concurrent use.
type Table struct {
	cfg       Config
	wg        sync.WaitGroup       // readers, and workers of room queues
	guesses   *ratelimit.Addresses // wrong passwords of rooms
	suspicion *directory.Suspicion // about names; not that of sessions, because their directory may be slow

	mu     sync.Mutex
	all    map[*Conn]struct{}
	closed bool // nothing more is accepted
}

// NewTable returns an empty table.
func NewTable(cfg Config) *Table {
	return &Table{cfg: cfg, guesses: ratelimit.NewAddresses(passwordLimit(cfg.RoomPasswords)), suspicion: directory.NewSuspicion(), all: make(map[*Conn]struct{})}
}

// ended reports whether this gateway ends.
func (tab *Table) ended() bool {
	select {
	case <-tab.cfg.Ended:
		return true
	default:
		return false
	}
}

// view returns b as a string without a copy; it is valid for the length of a call.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
