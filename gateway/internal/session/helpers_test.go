package session

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"time"

	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/directory"
	"p2pconnector/gateway/internal/egress"
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
	"p2pconnector/gateway/internal/socket"
	"p2pconnector/gateway/internal/socket/sockettest"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// testTable is a table whose gateway has no connection to NATS and records what it reports.
type testTable struct {
	*Table
	sockets *socket.Server
	budgets *egress.Budgets
	wait    func()                                                                                    // for what runs in the background
	ask     func(bus.SessionOperation, *bus.SessionRequest, time.Duration) (*bus.SessionReply, error) // the directory

	mu      sync.Mutex
	kept    map[proto.PeerID][][]byte // frames reported as not delivered, by receiver
	missed  []link.Frame              // frames reported for sessions that did not arrive
	learned map[proto.PeerID]link.Route
}

// Learn implements Relays, like the methods that follow.
func (x *testTable) Learn(p proto.PeerID, to link.Route) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.learned[p] = to
}

func (x *testTable) Serve(proto.PeerID, uint64)      {}
func (x *testTable) Send(link.Frame) proto.ErrorCode { return proto.Unavailable }

func (x *testTable) ReportUndelivered(to proto.PeerID, frames [][]byte) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.kept[to] = append(x.kept[to], frames...)
}

func (x *testTable) ReportTaken(frames []link.Frame) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.missed = append(x.missed, frames...)
}

// SendRoom and RoomMoved implement room.Relays.
func (x *testTable) SendRoom(*room.State, link.Frame) ([]proto.PeerID, bool) { return nil, true }
func (x *testTable) RoomMoved(map[proto.PeerID]proto.GatewayID, map[proto.PeerID]link.Route) {
}

func newTestTable(t *testing.T) *testTable {
	t.Helper()
	own, m, enc := proto.NewGatewayID(), metrics.New(), &frames.Encoder{Wall: time.Now}
	buffers, now := membudget.New(64<<20), new(clock.AtomicInstant)
	now.Store(clock.Now())
	keys, err := auth.NewSessionKeys(auth.SessionKeysConfig{Secrets: "a secret for tests only"})
	if err != nil {
		t.Fatal(err)
	}
	servers, err := ice.New(ice.Config{TURNTTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	x := &testTable{kept: make(map[proto.PeerID][][]byte), learned: make(map[proto.PeerID]link.Route)}
	x.sockets = socket.NewServer(socket.Config{
		MaxMessageBytes: 1 << 16, Clock: now, Budget: buffers, Closed: m.Connections.Closes.Inc, WriterTurned: func() {},
		SlowClient: m.Connections.Slow.Inc, IdleClient: m.Connections.Idle.Inc,
	})
	x.budgets = egress.New(egress.Config{Clock: now, Refused: m.Frames.Limited.Inc})
	var background sync.WaitGroup
	x.wait = background.Wait
	goes := func(f, _ func()) { background.Go(f) }
	ended, end := context.WithCancel(t.Context())
	t.Cleanup(end)
	log, grace := slog.New(slog.DiscardHandler), func() time.Duration { return 15 * time.Second }
	b, liveness := natsbus.New(natsbus.Config{ID: own, Logger: log}), natsbus.NewLiveness(own)
	requests := natsbus.NewRequests(natsbus.RequestsConfig{Own: own, Publish: b.PublishRequest, Ended: ended.Done()})
	x.ask = requests.AskDirectory
	x.Table = NewTable(Config{
		Own: own, Logger: log, Metrics: m, Frames: enc, Keys: keys, ICE: servers, Bus: b, Liveness: liveness,
		Directory: directory.New(directory.Config{Own: own, Liveness: liveness, Clock: now, Ended: ended.Done(), Logger: log,
			Ask: func(op bus.SessionOperation, r *bus.SessionRequest, d time.Duration) (*bus.SessionReply, error) {
				return x.ask(op, r, d)
			}, Conflict: func() {}}),
		Quota: quota.New(quota.Config{Memberships: -1, MembershipsPerAddress: -1, MembershipsPerUser: -1, AwayPerAddress: -1, AwayPerUser: -1}), Buffers: buffers,
		Replay: replay.Limits{Frames: proto.DefaultReplayFrames, Bytes: proto.DefaultReplayBytes},
		Grace:  grace, Limits: func() proto.Limits { return proto.Limits{} }, Draining: func() bool { return false }, Turn: func() {},
		Go: goes, Ended: ended.Done(),
	})
	rooms := room.New(room.Config{
		Own: own, Grace: grace, Logger: log, Metrics: &m.Rooms, Member: func(proto.PeerID) room.Member { return nil },
		Relays: x, Requests: requests, Turns: fairqueue.New(-1), Frame: enc.Room, Go: goes, Ended: ended.Done(),
		Advanced: func() {}, Contest: x.Contest, NotifyJoined: x.NotifyJoined,
	})
	x.Connect(rooms, x)
	return x
}

// testClient is the client's side of a connection.
type testClient struct{ ws *socket.Conn }

func (c testClient) Enqueue(_ proto.PeerID, frame []byte) Result {
	if c.ws.Send(frame) > socket.FlushNeeded {
		return QueueFull
	}
	return Delivered
}
func (testClient) RefuseRooms() []byte { return nil }
func (testClient) LeaveUncovered()     {}

// conn makes a connection over raw with a fresh session, without a reader.
func (x *testTable) conn(raw *sockettest.Net) *Conn {
	w, r := sockettest.Handshake(sockettest.WithoutAnswer(raw))
	ws, err := x.sockets.Upgrade(w, r, "")
	if err != nil {
		panic(err)
	}
	c := &Conn{Socket: ws, Budget: x.budgets.Client(netip.Addr{}), Client: testClient{ws}}
	x.New(netip.Addr{}, "").Start(c)
	return c
}

// away makes a session whose client is away.
func (x *testTable) away() *Session {
	s := x.New(netip.Addr{}, "")
	s.phase, s.since = away, time.Now()
	x.put(s)
	return s
}

// reported returns the frames for a peer that were reported as not delivered.
func (x *testTable) reported(to proto.PeerID) [][]byte {
	x.wait()
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.kept[to]
}

// takeOf returns another gateway's request for session s, whose client presents its newest
// token.
func takeOf(s *Session, by proto.GatewayID, received uint64) *bus.SessionMessage {
	return &bus.SessionMessage{
		Peer: s.id, Gateway: by, Received: &received,
		Token: bus.TokenRef{Owner: s.tab.cfg.Own, Epoch: s.hold.Epoch, Conn: s.conns, Number: s.tokens},
	}
}
