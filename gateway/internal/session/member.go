package session

import (
	"slices"

	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/ownership"
	"p2pconnector/gateway/internal/room"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

var _ room.Member = (*Session)(nil)

// ID implements room.Member.
func (s *Session) ID() proto.PeerID { return s.id }

// Dialect returns the name of the client's protocol; "" for our own.
func (s *Session) Dialect() string { return s.dialect }

// Send implements room.Member. When the peer has just moved, and other gateways may not
// know that yet, Send forwards the frame to the peer's new gateway.
func (s *Session) Send(frame []byte) {
	if s.Deliver(frame) == Redirected {
		s.tab.relays.Send(link.Frame{To: s.id, Data: frame})
	}
}

// Take implements room.Member.
func (s *Session) Take(f link.Frame) (proto.ErrorCode, *bus.Move) {
	v, move := s.Receive(&f)
	v.Count(&s.tab.cfg.Metrics.Relays)
	return v.Code(), move
}

// Relay implements room.Member.
func (s *Session) Relay(f link.Frame) proto.ErrorCode {
	v, ok := s.TakeDirect(&f)
	if !ok {
		return s.tab.relays.Send(f)
	}
	v.Count(&s.tab.cfg.Metrics.Relays)
	return v.Code()
}

// Shared returns a room that the peer shares with the receiver of its frame, if the
// receiver's gateway may not know that yet.
func (s *Session) Shared(to proto.PeerID) (proto.RoomID, uint64) {
	if !s.tab.rooms.ChangedRecently() { // before the lock, because this is on the path of every relay
		return "", 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tab.rooms.Shared(s.rooms, to)
}

// WantsDelta implements room.Member: it reports whether the peer's connection asked for
// changes only.
func (s *Session) WantsDelta() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn != nil && s.conn.Delta
}

// JoinRoom and LeaveRoom implement room.Member: they change the set of rooms that the
// session token carries. JoinRoom adds nothing to a session that has ended or that another
// gateway may own, because the list of rooms to leave has already been taken from the set.
func (s *Session) JoinRoom(id proto.RoomID) (fresh, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase >= lent {
		return false, false
	}
	if slices.Contains(s.rooms, id) {
		return false, true
	}
	s.setRoomsLocked(append(s.rooms, id))
	if c := s.conn; c != nil && !c.Access.Load().Covers(id) { // a join that an earlier token allowed
		s.tab.cfg.Go(c.Client.LeaveUncovered, func() {})
	}
	return true, true
}

func (s *Session) LeaveRoom(id proto.RoomID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := slices.DeleteFunc(s.rooms, func(r proto.RoomID) bool { return r == id })
	if len(left) == 0 {
		left = nil
	}
	s.setRoomsLocked(left)
}

// setRoomsLocked records the rooms that the peer is a member of through this gateway.
func (s *Session) setRoomsLocked(rooms []proto.RoomID) {
	s.rooms = rooms
	s.places.SetRooms(len(rooms))
}

// OtherOwner implements room.Member: it returns the gateway that the session was lent to or
// has moved to; "" when the session is here or has ended.
func (s *Session) OtherOwner() proto.GatewayID {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase == lent || s.phase == moved {
		return s.hold.Other
	}
	return ""
}

// Live implements room.Member: it reports whether the peer may be a member of rooms through
// this gateway.
func (s *Session) Live() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase < lent
}

// NotifyJoined asks the owner of a session to take over a room that names this gateway for
// the peer, because a join was pending when the session moved.
func (tab *Table) NotifyJoined(to proto.GatewayID, peer proto.PeerID, id proto.RoomID) {
	err := tab.cfg.Bus.NotifyGateway(to, bus.SessionMessage{Peer: peer, Gateway: tab.cfg.Own, Room: id})
	if err != nil {
		tab.cfg.Logger.Warn("rooms: owner of a late member not notified", "peer", string(peer), "room", string(id), "gateway", string(to), "err", err)
	}
}

// Contest handles peers that this gateway may own although a room names other gateways for
// them. If the room names a later epoch, another gateway may have taken the session over; if
// it names an earlier one, the room does not know this gateway's epoch yet. Contest is called
// with the lock of the room held.
func (tab *Table) Contest(id proto.RoomID, members []bus.Member) {
	members = slices.DeleteFunc(slices.Clone(members), func(m bus.Member) bool {
		s := tab.Get(m.ID)
		return s == nil || !s.owned()
	})
	if len(members) == 0 {
		return
	}
	tab.cfg.Go(func() { // one after another, because they may be thousands
		for _, m := range members {
			if s := tab.Get(m.ID); s != nil && !tab.ended() {
				tab.contestOne(s, id, m)
			}
		}
	}, func() {})
}

func (tab *Table) contestOne(s *Session, id proto.RoomID, m bus.Member) {
	switch {
	case !s.owned():
	case m.Epoch <= s.epoch():
		tab.takeRoom(s, id, s.epoch())
	default:
		if a := tab.cfg.Directory.Look(m.ID); a.Kind == ownership.Entry && a.Owner != tab.cfg.Own {
			tab.step(s, ownership.Event{Kind: ownership.Outdated, By: a.Owner, Epoch: a.Epoch})
		}
	}
}

// ClaimRoom makes a room that the peer is a member of name this gateway, when it names
// another: the peer moved while it joined, and the gateway that it joined through died
// before it could notify this gateway.
func (tab *Table) ClaimRoom(s *Session, id proto.RoomID) {
	if !s.InRoom(id) {
		tab.cfg.Go(func() { tab.takeRoom(s, id, s.epoch()) }, func() {})
	}
}
