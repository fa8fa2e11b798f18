package gateway

import (
	"slices"

	"p2pconnector/gateway/internal/room"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// roomInfo answers Room_Info from the room service: a replica may be behind.
func (c *conn) roomInfo(f *proto.Frame, req *bus.Request, w *roomFrame) *proto.Error {
	reply, err := c.g.requests.AskUntil(nil, w.deadline, bus.OpGet, &bus.Request{Room: req.Room, Peer: req.Peer, Gateway: req.Gateway, Epoch: req.Epoch})
	if err != nil {
		return c.g.roomError(err, c.session.id, req.Room)
	}
	if reply.State == nil || reply.State.Room == nil {
		return proto.RoomNotFound(req.Room)
	}
	now := reply.State.Room
	if slices.ContainsFunc(now.Members, func(m bus.Member) bool { return m.ID == req.Peer && m.Holder() != c.g.id }) {
		c.g.claimRoom(c.session, req.Room)
	}
	if c.infoOfCopy(req.Room, reply.State.Revision, w, f.ID) {
		return nil
	}
	close(w.told)
	c.session.deliver(c.g.roomInfoFrame(now, reply.State.Revision, f.ID))
	return nil
}

// infoOfCopy answers Room_Info from the replica, once that is at rev. The updates that
// the client gets start from what it was sent last: they must not start from less than
// this answer tells, or a peer that it names, and that leaves before the next update, is
// never said to have left. It is false without a copy that has the peer.
func (c *conn) infoOfCopy(id proto.RoomID, rev uint64, w *roomFrame, echo []byte) (answered bool) {
	r := c.g.rooms.get(id)
	if r == nil {
		return false
	}
	c.g.rooms.hold(r, func() {
		if r.reaches(rev, w.deadline) {
			answered = r.inform(c.session, w.told, echo)
		}
	})
	return answered
}

// inform sends the peer what it has not seen, then the whole room, and closes told before
// that; false when the peer is no local member.
func (r *replica) inform(s *session, told chan<- struct{}, echo []byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	lm := r.local[s.id]
	if r.state.Room == nil || lm == nil || lm.s != s {
		return false
	}
	close(told)
	r.catchUpLocked(lm, nil)
	r.sendLocked(lm, r.g.roomInfoFrame(r.state.Room, r.state.Revision, echo))
	return true
}

func (g *Gateway) roomInfoFrame(now *bus.Room, rev uint64, id []byte) []byte {
	d := room.Data(now, rev)
	d.Members = room.Infos(now.Members)
	return g.roomFrame(proto.TypeInfo, proto.RoomInfo, room.Encode(d, now), id)
}
