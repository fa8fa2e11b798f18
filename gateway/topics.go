package gateway

import (
	"errors"
	"slices"
	"time"

	"p2pconnector/gateway/internal/dialect"
	"p2pconnector/gateway/internal/egress"
	"p2pconnector/gateway/internal/fairqueue"
	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/room"
	"p2pconnector/gateway/internal/topic"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// topicTurnWait is for how long a publication in a topic that this gateway has not joined
// waits for its turn at the room service. The reader of its client reads nothing meanwhile.
const topicTurnWait = 5 * time.Second

func newTopics(g *Gateway) *topic.Table {
	return topic.New(topic.Config{
		Rooms: &topicRooms{g: g}, Topics: g.cfg.MaxTopics, PerAddress: g.cfg.MaxTopicsPerAddr, Subscribers: g.cfg.MaxTopicSubscribers, PerClient: g.cfg.MaxTopicsPerClient,
		PerSecond: g.cfg.TopicsPerSecond, BytesPerSecond: g.cfg.RoomEgressPerSecond,
		Clock: &g.coarse, Go: func(f func()) { g.bg.run(f, func() {}) }, Ended: g.alive.Done(), Logger: g.log,
	})
}

// missedTopic handles the error of a frame that this gateway has sent as a member of topics'
// rooms; it returns false when another peer has sent it.
func (g *Gateway) missedTopic(from proto.PeerID) bool {
	if from != g.topicPeer {
		return false
	}
	g.topics.Missed()
	return true
}

// topicRooms gives topics the rooms of this gateway. It implements topic.Rooms.
type topicRooms struct{ g *Gateway }

// Turn implements topic.Rooms.
func (t *topicRooms) Turn(k fairqueue.Key, d time.Duration) (done func(), ok bool) {
	return t.g.roomTurns.Await(k, d, t.g.alive.Done())
}

// Join implements topic.Rooms. The change of the room calls Table.Joined. It does not when
// the gateway is a member already, by a request whose answer was lost.
func (t *topicRooms) Join(id proto.RoomID) error {
	err := t.change(bus.OpJoin, &bus.Request{Room: id, Create: true})
	if e, is := errors.AsType[*proto.Error](err); is && e.Code == proto.AlreadyExists && t.g.rooms.Resume(t.member(), "", id, 0) {
		err = nil
	}
	if err == nil && t.serves(id) {
		t.g.topics.Joined(id)
		if !t.serves(id) { // the room was lost before Joined, which must not outlast that
			t.g.topics.Left(id)
		}
	}
	return err
}

// serves reports whether this gateway is a member of a room.
func (t *topicRooms) serves(id proto.RoomID) bool { return t.g.rooms.ServedBy(t.member().ID(), id) > 0 }

// Leave implements topic.Rooms.
func (t *topicRooms) Leave(id proto.RoomID) error {
	err := t.change(bus.OpLeave, &bus.Request{Room: id, Reason: proto.ReasonLeft})
	if e, is := errors.AsType[*proto.Error](err); is && e.Code == proto.NotFound {
		err = nil
	}
	if err == nil {
		t.g.topics.Left(id)
	}
	return err
}

// change makes a change of a topic's room, and waits for it.
func (t *topicRooms) change(op bus.Operation, req *bus.Request) error {
	req.Peer, req.Gateway = t.member().ID(), t.g.id
	event := proto.JoinRoom
	if op == bus.OpLeave {
		event = proto.LeaveRoom
	}
	return t.g.rooms.Change(&room.Call{
		Request: room.Request{Event: event}, Member: t.member(),
		Deadline: time.Now().Add(proto.RequestDeadline), Answered: make(chan struct{}),
	}, op, req)
}

// Publish implements topic.Rooms.
func (t *topicRooms) Publish(id proto.RoomID, namespace string, text []byte, from *egress.Client, k fairqueue.Key) (sent bool, short egress.Refusal) {
	f := link.Frame{From: t.member().ID(), Room: id}
	f.Data = (&dialect.Frame{Name: []byte(namespace), From: []byte(f.From), Text: text}).Append(make([]byte, 0, len(text)+128))
	x := t.g.rooms.Relay(f, from)
	if x.NotMember {
		done, ok := t.Turn(k, topicTurnWait)
		if !ok {
			return false, egress.Refusal{}
		}
		defer done()
		var err error
		if x, err = t.g.rooms.RelayOutside(f, from); err != nil {
			return false, egress.Refusal{}
		}
	}
	missed := slices.ContainsFunc(x.Missed, func(p proto.PeerID) bool { return t.g.liveness.Alive(p.Home()) })
	return x.Short.Limit == "" && !missed && t.g.bus.Connected(), x.Short
}

// Shared implements topic.Rooms.
func (t *topicRooms) Shared(id proto.RoomID, with proto.GatewayID) bool {
	return t.g.rooms.HasMember(bus.TopicMember(with), id)
}

func (t *topicRooms) member() topicMember { return topicMember{t.g} }

// topicMember is this gateway as a member of the rooms of topics. It implements room.Member.
type topicMember struct{ g *Gateway }

var _ room.Member = topicMember{}

// ID implements room.Member.
func (m topicMember) ID() proto.PeerID { return m.g.topicPeer }

// WantsDelta, Live and OtherOwner implement room.Member.
func (topicMember) WantsDelta() bool            { return true }
func (topicMember) Live() bool                  { return true }
func (topicMember) OtherOwner() proto.GatewayID { return "" }

// JoinRoom and LeaveRoom implement room.Member.
func (m topicMember) JoinRoom(id proto.RoomID) (fresh, ok bool) { return m.g.topics.Joined(id), true }
func (m topicMember) LeaveRoom(id proto.RoomID)                 { m.g.topics.Left(id) }

// RenewToken and Send implement room.Member. A gateway needs no token and no updates.
func (topicMember) RenewToken() {}
func (topicMember) Send([]byte) {}

// Take implements room.Member: it delivers a publication of another gateway.
func (m topicMember) Take(f link.Frame) (proto.ErrorCode, *bus.Move) {
	x, ok := dialect.Parse(f.Data)
	if !ok || !bus.IsTopic(f.Room) || !m.g.topics.Received(f.Room, x.Text) {
		return proto.NotDelivered, nil
	}
	return "", nil
}

// Relay implements room.Member. No other peer of this gateway is a member.
func (topicMember) Relay(link.Frame) proto.ErrorCode { return "" }
