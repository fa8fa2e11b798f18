// Package sessiontest makes a table of sessions for tests of packages that use one.
package sessiontest

import (
	"cmp"
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"time"

	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/directory"
	"p2pconnector/gateway/internal/fairqueue"
	"p2pconnector/gateway/internal/frames"
	"p2pconnector/gateway/internal/ice"
	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/membudget"
	"p2pconnector/gateway/internal/metrics"
	"p2pconnector/gateway/internal/natsbus"
	"p2pconnector/gateway/internal/quota"
	"p2pconnector/gateway/internal/replay"
	"p2pconnector/gateway/internal/room"
	"p2pconnector/gateway/internal/session"
	"p2pconnector/gateway/internal/socket"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// Gateway is what a table of sessions needs, and the table: all of a gateway but the
// connections of clients and the relays to other gateways. It has no connection to NATS.
type Gateway struct {
	ID       proto.GatewayID
	Sessions *session.Table
	Rooms    *room.Rooms
	Requests *natsbus.Requests
	Turns    *fairqueue.Queue
	Metrics  *metrics.Metrics
	Buffers  *membudget.Budget
	Sockets  *socket.Server
	Keys     *auth.SessionKeys
	ICE      *ice.Servers
	Frames   *frames.Encoder
	Clock    clock.AtomicInstant
	Shared   bus.SharedSettings
	Quota    quota.Config
	Ended    <-chan struct{}
	End      context.CancelFunc

	// Publish publishes room requests. It may be set before the first.
	Publish func(subject, reply string, data []byte) error

	background sync.WaitGroup
}

// Options are the settings that tests change.
type Options struct {
	Logger          *slog.Logger // nil discards
	MaxMessageBytes int          // 0 is 65,536
	MaxRoomRequests int          // 0 is no limit
}

// New makes a gateway.
func New(t testing.TB, o Options) *Gateway {
	t.Helper()
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	alive, end := context.WithCancel(context.Background())
	t.Cleanup(end)
	g := &Gateway{
		ID: proto.NewGatewayID(), Metrics: metrics.New(), Buffers: membudget.New(64 << 20), Turns: fairqueue.New(cmp.Or(o.MaxRoomRequests, -1)), Frames: &frames.Encoder{Wall: time.Now},
		Quota: quota.Config{Memberships: -1, MembershipsPerAddress: -1, MembershipsPerUser: -1, AwayPerAddress: -1, AwayPerUser: -1},
		Shared: bus.SharedSettings{
			SessionGraceMS: 15_000, MaxRoomIDBytes: proto.MaxRoomIDBytes, MaxRoomNameBytes: proto.MaxRoomNameBytes,
			MaxMetadataBytes: proto.MaxMetadataBytes, MaxMemberMetadata: proto.MaxMemberMetadata,
		},
		Ended: alive.Done(), End: end,
	}
	g.Clock.Store(clock.Now())
	var err error
	if g.Keys, err = auth.NewSessionKeys(auth.SessionKeysConfig{Secrets: "a secret for tests only"}); err != nil {
		t.Fatal(err)
	}
	if g.ICE, err = ice.New(ice.Config{TURNTTL: time.Hour}); err != nil {
		t.Fatal(err)
	}
	g.Sockets = socket.NewServer(socket.Config{
		MaxMessageBytes: cmp.Or(o.MaxMessageBytes, 1<<16), Clock: &g.Clock, Budget: g.Buffers, Closed: g.Metrics.Connections.Closes.Inc, WriterTurned: func() {},
		SlowClient: g.Metrics.Connections.Slow.Inc, IdleClient: g.Metrics.Connections.Idle.Inc,
	})
	g.connect(o.Logger)
	return g
}

// connect makes the table of sessions and the rooms.
func (g *Gateway) connect(log *slog.Logger) {
	b, liveness := natsbus.New(natsbus.Config{ID: g.ID, Logger: log}), natsbus.NewLiveness(g.ID)
	g.Publish = b.PublishRequest
	g.Requests = natsbus.NewRequests(natsbus.RequestsConfig{
		Own: g.ID, Publish: func(subject, reply string, data []byte) error { return g.Publish(subject, reply, data) }, Ended: g.Ended,
	})
	g.Sessions = session.NewTable(session.Config{
		Own: g.ID, Logger: log, Metrics: g.Metrics, Frames: g.Frames, Keys: g.Keys, ICE: g.ICE, Bus: b, Liveness: liveness,
		Directory: directory.New(directory.Config{
			Own: g.ID, Liveness: liveness, Clock: &g.Clock, Ended: g.Ended, Logger: log, Ask: g.Requests.AskDirectory, Conflict: func() {},
		}),
		Quota: quota.New(g.Quota), Buffers: g.Buffers, Replay: replay.Limits{Frames: proto.DefaultReplayFrames, Bytes: proto.DefaultReplayBytes},
		Grace: g.Shared.SessionGrace, Limits: func() proto.Limits { return proto.Limits{} }, Draining: func() bool { return false },
		Turn: func() {}, Go: g.Go, Ended: g.Ended,
	})
	g.Rooms = room.New(room.Config{
		Own: g.ID, Grace: g.Shared.SessionGrace, Logger: log, Metrics: &g.Metrics.Rooms,
		Member: func(id proto.PeerID) room.Member {
			if s := g.Sessions.Get(id); s != nil {
				return s
			}
			return nil
		},
		Relays: Relays{}, Requests: g.Requests, Turns: g.Turns, Frame: g.Frames.Room, Go: g.Go, Ended: g.Ended,
		Advanced: func() {}, Contest: g.Sessions.Contest, NotifyJoined: g.Sessions.NotifyJoined,
	})
	g.Sessions.Connect(g.Rooms, Relays{})
}

// Go runs f on a goroutine that Wait waits for.
func (g *Gateway) Go(f, _ func()) { g.background.Go(f) }

// Wait waits for what runs in the background.
func (g *Gateway) Wait() { g.background.Wait() }

// Answer answers the room request with a reply subject.
func (g *Gateway) Answer(reply string, r *bus.Reply) {
	if in, ok := bus.ParseInbound(reply); ok {
		g.Requests.Answered(in.First, natsbus.Message{Data: frames.Marshal(r)})
	}
}

// Changed applies a committed change to its room.
func (g *Gateway) Changed(c *bus.Change) { g.Rooms.Changed(bus.RoomToken(c.Room), c) }

// Moved is the message of another gateway that it has taken over the session of a new peer.
func (g *Gateway) Moved(id proto.PeerID, to proto.GatewayID) {
	g.Sessions.Message(id, natsbus.Message{Data: frames.Marshal(bus.SessionMessage{Peer: id, Gateway: to, Seated: true, Epoch: 1})})
}

// Start gives c a fresh session, without a Client_Details.
func (g *Gateway) Start(c *session.Conn) { g.StartAs(c, netip.Addr{}, "") }

// StartAs is Start for a user at an address.
func (g *Gateway) StartAs(c *session.Conn, addr netip.Addr, user string) {
	client := c.Client
	c.Client = silent{}
	g.Sessions.New(addr, user).Start(c)
	c.Client = client
}

// silent is a client that gets nothing.
type silent struct{}

func (silent) Enqueue(proto.PeerID, []byte) session.Result { return session.Delivered }
func (silent) RefuseRooms() []byte                         { return nil }
func (silent) LeaveUncovered()                             {}

// Relays are those of a gateway that is not connected to NATS.
type Relays struct{}

// Its methods send nothing.
func (Relays) Connected() bool                                         { return false }
func (Relays) Send(link.Frame) proto.ErrorCode                         { return proto.Unavailable }
func (Relays) SendRoom(*room.State, link.Frame) ([]proto.PeerID, bool) { return nil, true }
func (Relays) Learn(proto.PeerID, link.Route)                          {}
func (Relays) Serve(proto.PeerID, uint64)                              {}
func (Relays) ReportUndelivered(proto.PeerID, [][]byte)                {}
func (Relays) ReportTaken([]link.Frame)                                {}
func (Relays) RoomMoved(map[proto.PeerID]proto.GatewayID, map[proto.PeerID]link.Route) {
}
func (Relays) Undelivered(*link.Frame, proto.ErrorCode, []proto.PeerID) []byte { return nil }
