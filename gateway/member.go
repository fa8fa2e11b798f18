package gateway

import (
	"encoding/json"
	"slices"

	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/natsbus"
	"p2pconnector/gateway/internal/ownership"
	"p2pconnector/gateway/internal/room"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// newRooms makes the table of rooms, whose members are sessions.
func newRooms(g *Gateway) *room.Rooms {
	return room.New(room.Config{
		Own: g.id, Grace: g.grace, Logger: g.log, Metrics: &g.metrics.Rooms,
		Member: func(id proto.PeerID) room.Member {
			if s := g.sessions.get(id); s != nil {
				return s
			}
			return nil
		},
		Relays: g.links, Requests: g.requests, Frame: g.roomFrame,
		Go: g.background, Ended: g.alive.Done(),
		Advanced: g.releaseSoon, Contest: g.contest, NotifyJoined: g.notifyJoined,
	})
}

var (
	_ room.Member    = (*session)(nil)
	_ room.Relays    = (*links)(nil)
	_ room.Requester = (*natsbus.Requests)(nil)
)

// ID implements room.Member.
func (s *session) ID() proto.PeerID { return s.id }

// Send implements room.Member. When the peer has just moved, and other gateways may not
// know that yet, Send forwards the frame to the peer's new gateway.
func (s *session) Send(frame []byte) {
	if s.deliver(frame) == redirected {
		s.g.links.send(&link.Frame{To: s.id, Data: frame}, nil)
	}
}

// Take implements room.Member.
func (s *session) Take(f link.Frame) (proto.ErrorCode, *bus.Move) {
	v, move := s.take(&f)
	v.count(&s.g.metrics.Relays)
	return codeOf(v), move
}

// Relay implements room.Member.
func (s *session) Relay(f link.Frame) proto.ErrorCode {
	v, ok := s.takeDirect(&f)
	if !ok {
		return s.g.links.send(&f, nil)
	}
	v.count(&s.g.metrics.Relays)
	return codeOf(v)
}

// shared returns a room that the peer shares with the receiver of its frame, if the
// receiver's gateway may not know that yet.
func (s *session) shared(to proto.PeerID) (proto.RoomID, uint64) {
	if !s.g.rooms.ChangedRecently() { // before the lock, because this is on the path of every relay
		return "", 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.g.rooms.Shared(s.rooms, to)
}

// WantsDelta implements room.Member: it reports whether the peer's connection asked for
// changes only.
func (s *session) WantsDelta() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn != nil && s.conn.delta
}

// JoinRoom and LeaveRoom implement room.Member: they change the set of rooms that the
// session token carries. JoinRoom adds nothing to a session that has ended or that another
// gateway may own, because the list of rooms to leave has already been taken from the set.
func (s *session) JoinRoom(id proto.RoomID) (fresh, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase >= lent {
		return false, false
	}
	if slices.Contains(s.rooms, id) {
		return false, true
	}
	s.setRoomsLocked(append(s.rooms, id))
	if c := s.conn; c != nil && !c.access.Load().Covers(id) { // a join that an earlier token allowed
		s.g.background(c.leaveUncovered, func() {})
	}
	return true, true
}

func (s *session) LeaveRoom(id proto.RoomID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := slices.DeleteFunc(s.rooms, func(r proto.RoomID) bool { return r == id })
	if len(left) == 0 {
		left = nil
	}
	s.setRoomsLocked(left)
}

// setRoomsLocked records the rooms that the peer is a member of through this gateway.
func (s *session) setRoomsLocked(rooms []proto.RoomID) {
	s.rooms = rooms
	s.places.SetRooms(len(rooms))
}

// OtherOwner implements room.Member: it returns the gateway that the session was lent to or
// has moved to; "" when the session is here or has ended.
func (s *session) OtherOwner() proto.GatewayID {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase == lent || s.phase == moved {
		return s.hold.Other
	}
	return ""
}

// Live implements room.Member: it reports whether the peer may be a member of rooms through
// this gateway.
func (s *session) Live() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase < lent
}

// stateChanged applies a committed change to the room that it is about.
func (g *Gateway) stateChanged(token string, data []byte) {
	c := new(bus.Change)
	if err := json.Unmarshal(data, c); err != nil {
		g.log.Error("rooms: unreadable change", "room", token, "err", err)
		return
	}
	g.rooms.Changed(token, c)
}

// sawReply handles what a reply of the room service reports about its bucket. The reader
// of the inbox calls it, so other goroutines do the work that follows.
func (g *Gateway) sawReply(reply *bus.Reply) {
	if !g.rooms.Saw(reply.First) {
		return
	}
	select { // the keys may have been lost with the rooms
	case g.keysNow <- struct{}{}:
	default:
	}
}

// notifyJoined asks the owner of a session to take over a room that names this gateway for
// the peer, because a join was pending when the session moved.
func (g *Gateway) notifyJoined(to proto.GatewayID, peer proto.PeerID, id proto.RoomID) {
	err := g.bus.NotifyGateway(to, bus.SessionMessage{Peer: peer, Gateway: g.id, Room: id})
	if err != nil {
		g.log.Warn("rooms: owner of a late member not notified", "peer", string(peer), "room", string(id), "gateway", string(to), "err", err)
	}
}

// contest handles peers that this gateway may own although a room names other gateways for
// them. If the room names a later epoch, another gateway may have taken the session over; if
// it names an earlier one, the room does not know this gateway's epoch yet. contest is called
// with the lock of the room held.
func (g *Gateway) contest(id proto.RoomID, members []bus.Member) {
	members = slices.DeleteFunc(slices.Clone(members), func(m bus.Member) bool {
		s := g.sessions.get(m.ID)
		return s == nil || !s.owned()
	})
	if len(members) == 0 {
		return
	}
	g.background(func() { // one after another, because they may be thousands
		for _, m := range members {
			if s := g.sessions.get(m.ID); s != nil && g.alive.Err() == nil {
				g.contestOne(s, id, m)
			}
		}
	}, func() {})
}

func (g *Gateway) contestOne(s *session, id proto.RoomID, m bus.Member) {
	switch {
	case !s.owned():
	case m.Epoch <= s.epoch():
		g.takeRoom(s, id, s.epoch())
	default:
		if a := g.directory.Look(m.ID); a.Kind == ownership.Entry && a.Owner != g.id {
			g.step(s, ownership.Event{Kind: ownership.Outdated, By: a.Owner, Epoch: a.Epoch})
		}
	}
}
