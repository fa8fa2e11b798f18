package room

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/metrics"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// ownGateway is the gateway whose rooms are tested.
const ownGateway = proto.GatewayID("4e5f6071")

// testGateway is a fake of the gateway that rooms need. Other gateways accept everything.
type testGateway struct {
	rooms   *Rooms
	service testService

	mu       sync.Mutex
	members  map[proto.PeerID]*testMember
	notified []proto.GatewayID // by NotifyJoined
}

func newTestGateway() *testGateway {
	g := &testGateway{members: make(map[proto.PeerID]*testMember)}
	g.rooms = New(Config{
		Own: ownGateway, Grace: func() time.Duration { return 10 * time.Second }, Logger: slog.New(slog.DiscardHandler), Metrics: &metrics.New().Rooms,
		Member: g.find, Relays: testRelays{}, Requests: &g.service, Frame: testFrame,
		Go:       func(f, _ func()) { go f() },
		Advanced: func() {}, Contest: func(proto.RoomID, []bus.Member) {},
		NotifyJoined: func(owner proto.GatewayID, _ proto.PeerID, _ proto.RoomID) {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.notified = append(g.notified, owner)
		},
	})
	return g
}

func (g *testGateway) find(id proto.PeerID) Member {
	g.mu.Lock()
	defer g.mu.Unlock()
	if m := g.members[id]; m != nil {
		return m
	}
	return nil
}

// member makes a peer of the gateway.
func (g *testGateway) member() *testMember {
	g.mu.Lock()
	defer g.mu.Unlock()
	m := &testMember{id: proto.NewPeerID(ownGateway)}
	g.members[m.id] = m
	return m
}

// testRelays are other gateways that accept everything.
type testRelays struct{}

func (testRelays) Send(link.Frame) proto.ErrorCode                                         { return "" }
func (testRelays) SendRoom(*State, link.Frame) ([]proto.PeerID, bool)                      { return nil, true }
func (testRelays) RoomMoved(map[proto.PeerID]proto.GatewayID, map[proto.PeerID]link.Route) {}

// errNoReply is the error of a testService that does not reply.
var errNoReply = errors.New("no reply")

// testService is a room service whose replies are set by its test.
type testService struct {
	mu    sync.Mutex
	asked []bus.Operation
	reply *bus.Reply   // to every request; nil: none
	sent  *bus.Request // by Send, the last
}

// Ask implements Requester.
func (s *testService) Ask(op bus.Operation, _ *bus.Request) (*bus.Reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, op)
	switch {
	case s.reply == nil:
		return nil, errNoReply
	case s.reply.Error != nil:
		return nil, s.reply.Error
	}
	return s.reply, nil
}

// answer sets the reply to requests from now on.
func (s *testService) answer(reply *bus.Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reply = reply
}

// AskUntil implements Requester.
func (s *testService) AskUntil(_ <-chan struct{}, _ time.Time, op bus.Operation, req *bus.Request) (*bus.Reply, error) {
	return s.Ask(op, req)
}

// Send implements Requester.
func (s *testService) Send(_ time.Time, op bus.Operation, req *bus.Request, done func(*bus.Reply, error)) uint64 {
	reply, err := s.Ask(op, req)
	if e, refused := errors.AsType[*proto.Error](err); refused {
		reply, err = &bus.Reply{Error: e}, nil
	}
	s.mu.Lock()
	s.sent = req
	s.mu.Unlock()
	done(reply, err)
	return 0
}

// Replies implements Requester.
func (s *testService) Replies() uint64 { return 0 }

// count returns how often an operation was asked for.
func (s *testService) count(op bus.Operation) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.asked {
		if x == op {
			n++
		}
	}
	return n
}

// testMember is a peer of the gateway under test.
type testMember struct {
	id    proto.PeerID
	delta bool

	mu     sync.Mutex
	frames [][]byte // that it was sent
	joined map[proto.RoomID]bool
	owner  proto.GatewayID // another, that has the session now
}

func (m *testMember) ID() proto.PeerID { return m.id }
func (m *testMember) WantsDelta() bool { return m.delta }
func (m *testMember) RenewToken()      {}
func (m *testMember) Live() bool       { return m.OtherOwner() == "" }

func (m *testMember) OtherOwner() proto.GatewayID {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.owner
}

// move makes another gateway the owner of the session; "" brings it back.
func (m *testMember) move(owner proto.GatewayID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.owner = owner
}

func (m *testMember) JoinRoom(id proto.RoomID) (fresh, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.owner != "" {
		return false, false
	}
	if m.joined == nil {
		m.joined = make(map[proto.RoomID]bool)
	}
	fresh = !m.joined[id]
	m.joined[id] = true
	return fresh, true
}

func (m *testMember) LeaveRoom(id proto.RoomID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.joined, id)
}

func (m *testMember) Send(frame []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.frames = append(m.frames, frame)
}

func (m *testMember) Take(f link.Frame) (proto.ErrorCode, *bus.Move) {
	if to := m.OtherOwner(); to != "" {
		return "", &bus.Move{Peer: m.id, Owner: to, Epoch: 1}
	}
	m.Send(f.Data)
	return "", nil
}

func (m *testMember) Relay(f link.Frame) proto.ErrorCode {
	m.Send(f.Data)
	return ""
}

// sent returns the frames that the peer was sent since the last call.
func (m *testMember) sent() [][]byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := m.frames
	m.frames = nil
	return all
}
