package topicroom

import (
	"p2pconnector/gateway/internal/dialect"
	"p2pconnector/gateway/internal/fairqueue"
	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/room"
	"p2pconnector/gateway/internal/topic"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// Config says how a Member works. Every field is required.
type Config struct {
	Own       proto.GatewayID
	Turns     *fairqueue.Queue           // of requests to the room service
	Alive     func(proto.GatewayID) bool // another gateway
	Connected func() bool                // to NATS
	Ended     <-chan struct{}            // closed when the gateway ends
}

// Member is the gateway as a member of the rooms of topics. Safe for concurrent use.
type Member struct {
	cfg    Config
	id     proto.PeerID
	rooms  *room.Rooms
	topics *topic.Table
}

var (
	_ topic.Rooms = (*Member)(nil)
	_ room.Member = (*Member)(nil)
)

// New returns a Member. Connect it before it is used.
func New(cfg Config) *Member { return &Member{cfg: cfg, id: bus.TopicMember(cfg.Own)} }

// Connect gives the member the rooms and the topics of this gateway, which need the member.
func (m *Member) Connect(rooms *room.Rooms, topics *topic.Table) { m.rooms, m.topics = rooms, topics }

// ID implements room.Member.
func (m *Member) ID() proto.PeerID { return m.id }

// WantsDelta, Live and OtherOwner implement room.Member.
func (*Member) WantsDelta() bool            { return true }
func (*Member) Live() bool                  { return true }
func (*Member) OtherOwner() proto.GatewayID { return "" }

// JoinRoom and LeaveRoom implement room.Member.
func (m *Member) JoinRoom(id proto.RoomID) (fresh, ok bool) { return m.topics.Joined(id), true }
func (m *Member) LeaveRoom(id proto.RoomID)                 { m.topics.Left(id) }

// RenewToken and Send implement room.Member. A gateway needs no token and no updates.
func (*Member) RenewToken() {}
func (*Member) Send([]byte) {}

// Take implements room.Member: it delivers a publication of another gateway.
func (m *Member) Take(f link.Frame) (proto.ErrorCode, *bus.Move) {
	x, ok := dialect.Parse(f.Data)
	if !ok || !bus.IsTopic(f.Room) || !m.topics.Received(f.Room, x.Text) {
		return proto.NotDelivered, nil
	}
	return "", nil
}

// Relay implements room.Member. No other peer of this gateway is a member.
func (*Member) Relay(link.Frame) proto.ErrorCode { return "" }

// Missed handles the error of a frame that this gateway has sent as a member of topics'
// rooms; it returns false when another peer has sent it.
func (m *Member) Missed(from proto.PeerID) bool {
	if from != m.id {
		return false
	}
	m.topics.Missed()
	return true
}
