package topicroom

import (
	"errors"
	"slices"
	"time"

	"p2pconnector/gateway/internal/dialect"
	"p2pconnector/gateway/internal/egress"
	"p2pconnector/gateway/internal/fairqueue"
	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/room"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// TurnWait is for how long a publication in a topic that this gateway has not joined
// waits for its turn at the room service. The reader of its client reads nothing meanwhile.
const TurnWait = 5 * time.Second

// Turn implements topic.Rooms.
func (m *Member) Turn(k fairqueue.Key, d time.Duration) (done func(), ok bool) {
	return m.cfg.Turns.Await(k, d, m.cfg.Ended)
}

// Join implements topic.Rooms. The change of the room calls Table.Joined. It does not when
// the gateway is a member already, by a request whose answer was lost.
func (m *Member) Join(id proto.RoomID) error {
	err := m.change(bus.OpJoin, &bus.Request{Room: id, Create: true})
	if e, is := errors.AsType[*proto.Error](err); is && e.Code == proto.AlreadyExists && m.rooms.Resume(m, "", id, 0) {
		err = nil
	}
	if err == nil { // the loss of the room calls Table.Left with the same lock held, and so after Joined
		m.rooms.WhileServed(m.id, id, func() { m.topics.Joined(id) })
	}
	return err
}

// Leave implements topic.Rooms.
func (m *Member) Leave(id proto.RoomID) error {
	err := m.change(bus.OpLeave, &bus.Request{Room: id, Reason: proto.ReasonLeft})
	if e, is := errors.AsType[*proto.Error](err); is && e.Code == proto.NotFound {
		err = nil
	}
	if err == nil {
		m.topics.Left(id)
	}
	return err
}

// change makes a change of a topic's room, and waits for it.
func (m *Member) change(op bus.Operation, req *bus.Request) error {
	req.Peer, req.Gateway = m.id, m.cfg.Own
	event := proto.JoinRoom
	if op == bus.OpLeave {
		event = proto.LeaveRoom
	}
	return m.rooms.Change(&room.Call{
		Request: room.Request{Event: event}, Member: m,
		Deadline: time.Now().Add(proto.RequestDeadline), Answered: make(chan struct{}),
	}, op, req)
}

// Publish implements topic.Rooms.
func (m *Member) Publish(id proto.RoomID, namespace string, text []byte, from *egress.Client, k fairqueue.Key) (sent bool, short egress.Refusal) {
	f := link.Frame{From: m.id, Room: id}
	f.Data = (&dialect.Frame{Name: []byte(namespace), From: []byte(f.From), Text: text}).Append(make([]byte, 0, len(text)+128))
	x := m.rooms.Relay(f, from)
	if x.NotMember {
		done, ok := m.Turn(k, TurnWait)
		if !ok {
			return false, egress.Refusal{}
		}
		defer done()
		var err error
		if x, err = m.rooms.RelayOutside(f, from); err != nil {
			return false, egress.Refusal{}
		}
	}
	missed := slices.ContainsFunc(x.Missed, func(p proto.PeerID) bool { return m.cfg.Alive(p.Home()) })
	return x.Short.Limit == "" && !missed && m.cfg.Connected(), x.Short
}

// Shared implements topic.Rooms.
func (m *Member) Shared(id proto.RoomID, with proto.GatewayID) bool {
	return m.rooms.HasMember(bus.TopicMember(with), id)
}
