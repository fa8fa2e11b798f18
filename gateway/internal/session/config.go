package session

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/directory"
	"p2pconnector/gateway/internal/frames"
	"p2pconnector/gateway/internal/ice"
	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/membudget"
	"p2pconnector/gateway/internal/metrics"
	"p2pconnector/gateway/internal/natsbus"
	"p2pconnector/gateway/internal/quota"
	"p2pconnector/gateway/internal/replay"
	"p2pconnector/gateway/internal/room"
	"p2pconnector/proto"
)

// Config says how a Table works. Every field is required.
type Config struct {
	Own        proto.GatewayID
	AcceptFrom proto.Senders // whose frames a peer gets that does not choose
	Logger     *slog.Logger
	Metrics    *metrics.Metrics
	Frames     *frames.Encoder
	Keys       *auth.SessionKeys
	ICE        *ice.Servers
	Bus        *natsbus.Conn
	Liveness   *natsbus.Liveness
	Directory  *directory.Client
	Quota      *quota.Table
	Buffers    *membudget.Budget
	Replay     replay.Limits

	Grace    func() time.Duration    // how long a peer may be away
	Limits   func() proto.Limits     // that clients get
	Draining func() bool             // whether this gateway drains
	Turn     func()                  // notes that a loop over many sessions makes progress
	Go       func(f, refused func()) // runs f on a goroutine, or refused when the gateway ends
	Ended    <-chan struct{}         // closed when this gateway ends
}

// Relays sends frames to other peers, for sessions. Safe for concurrent use.
type Relays interface {
	Learn(p proto.PeerID, to link.Route)                // records the route to a peer
	Serve(p proto.PeerID, epoch uint64)                 // records that this gateway serves a peer
	Send(f link.Frame) proto.ErrorCode                  // sends a frame to a peer on any gateway
	ReportUndelivered(to proto.PeerID, frames [][]byte) // reports frames that a peer did not get to their senders
	ReportTaken(frames []link.Frame)                    // reports frames that came for a session that this gateway did not get
}

// Table has the sessions of the peers that this gateway serves, waits for, or knows to have
// moved. Safe for concurrent use.
type Table struct {
	cfg       Config
	rooms     *room.Rooms
	relays    Relays
	resuming  exclusive
	attempts  atomic.Uint64 // to take sessions over, so far
	suspicion *directory.Suspicion

	mu  sync.RWMutex
	all map[proto.PeerID]*Session
}

// NewTable returns an empty table. Connect it before it has sessions.
func NewTable(cfg Config) *Table {
	return &Table{cfg: cfg, suspicion: directory.NewSuspicion(), all: make(map[proto.PeerID]*Session)}
}

// Connect gives the table the rooms and the relays of this gateway, which need the table.
func (tab *Table) Connect(rooms *room.Rooms, relays Relays) { tab.rooms, tab.relays = rooms, relays }

// ended reports whether this gateway ends.
func (tab *Table) ended() bool {
	select {
	case <-tab.cfg.Ended:
		return true
	default:
		return false
	}
}
