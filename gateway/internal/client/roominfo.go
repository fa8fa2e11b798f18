package client

import (
	"slices"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// roomInfo answers Room_Info. It asks the room service, because a replica may be behind. If
// the replica is not, the room is not sent again: a client may ask for a large room often.
func (c *Conn) roomInfo(f *proto.Frame, req *bus.Request, w *roomFrame) *proto.Error {
	get := bus.Request{Room: req.Room, Peer: req.Peer, Gateway: req.Gateway, Epoch: req.Epoch, Have: c.tab.cfg.Rooms.ServedBy(c.Session.ID(), req.Room)}
	reply, err := c.tab.cfg.Requests.AskUntil(nil, w.deadline, bus.OpGet, &get)
	if err == nil && reply.State == nil && get.Have != 0 {
		if c.tab.cfg.Rooms.Inform(c.roomCall(f, w), req.Room, reply.Revision) {
			return nil
		}
		get.Have = 0 // the replica is gone, or the peer is not its member any more
		reply, err = c.tab.cfg.Requests.AskUntil(nil, w.deadline, bus.OpGet, &get)
	}
	if err != nil {
		return c.tab.roomError(err, c.Session.ID(), req.Room)
	}
	if reply.State == nil || reply.State.Room == nil {
		return proto.RoomNotFound(req.Room)
	}
	now := reply.State.Room
	if slices.ContainsFunc(now.Members, func(m bus.Member) bool { return m.ID == req.Peer && m.Owner() != c.tab.cfg.Own }) {
		c.tab.cfg.Sessions.ClaimRoom(c.Session, req.Room)
	}
	if c.tab.cfg.Rooms.Inform(c.roomCall(f, w), req.Room, reply.State.Revision) {
		return nil
	}
	close(w.done)
	info := c.tab.cfg.Rooms.Info(now, reply.State.Revision, c.Session.ID(), f.ID)
	c.Budget.Spend(len(info))
	c.Session.Send(info) // it may have moved
	return nil
}
