package relay

import (
	"log/slog"

	"p2pconnector/gateway/internal/directory"
	"p2pconnector/gateway/internal/frames"
	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/metrics"
	"p2pconnector/gateway/internal/natsbus"
	"p2pconnector/gateway/internal/room"
	"p2pconnector/gateway/internal/session"
	"p2pconnector/proto"
)

// Config says how Links reach the rest of their gateway. Every field is required.
type Config struct {
	Own       proto.GatewayID
	Logger    *slog.Logger
	Metrics   *metrics.Metrics
	Frames    *frames.Encoder
	Bus       Bus
	Liveness  *natsbus.Liveness
	Directory *directory.Client
	Window    link.Window // of each link

	// ServeDialect handles a frame for this gateway itself; false when there is no such peer.
	ServeDialect func(to proto.PeerID, frame []byte) bool
	// Missed handles the error of a frame that this gateway itself has sent; false when it did
	// not send as that peer.
	Missed func(from proto.PeerID) bool
	Wake   func()                  // makes the reader of the inbox call ReleaseWanted
	Go     func(f, refused func()) // runs f on a goroutine, or refused when the gateway ends
}

// Bus is the part of the connection to NATS that links need. Its methods keep no argument.
type Bus interface {
	Connected() bool
	Publish(subject string, data []byte) error
	PublishRequest(subject, reply string, data []byte) error
	PublishMessage(m natsbus.Message) error
}

// LookupLimiter limits the look-ups of peers in the session directory for a client.
type LookupLimiter interface {
	MayLookUp() bool
}

// New returns links to no gateway yet. Connect them before they are used.
func New(cfg Config) *Links {
	l := &Links{cfg: cfg, received: make(map[proto.GatewayID]*receiver)}
	l.router = link.NewRouter(cfg.Own, l, cfg.Window)
	return l
}

// Connect gives the links the sessions and the rooms of this gateway, which need the links.
func (l *Links) Connect(sessions *session.Table, rooms *room.Rooms) {
	l.sessions, l.rooms = sessions, rooms
}
