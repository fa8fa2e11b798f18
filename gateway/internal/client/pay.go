package client

import (
	"p2pconnector/gateway/internal/egress"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// payRoom pays for a room event before the room service is asked. What is answered with the
// list of members is paid for when its size is known: here it is only refused to a client in
// debt. Leaving a room, ending it, and removing members without a ban are always allowed.
func (c *Conn) payRoom(e proto.Event, req *bus.Request) egress.Refusal {
	switch e {
	case proto.UpdateRoom:
		return c.tab.cfg.Rooms.PayUpdate(req.Room, c.Session.ID(), req, c.Budget)
	case proto.UpdateMember:
		return c.tab.cfg.Rooms.PayMemberUpdate(req.Room, c.Session.ID(), len(req.Metadata), c.Budget)
	case proto.SetRole:
		return c.tab.cfg.Rooms.PayRole(req.Room, c.Session.ID(), req.Client, req.Role, c.Budget)
	case proto.RemoveClient:
		if req.Ban {
			return c.tab.cfg.Rooms.PayBan(req.Room, c.Session.ID(), c.Budget)
		}
	case proto.UnbanClient:
		if short := c.Budget.Query(); short.Limit != "" {
			return short
		}
		return c.tab.cfg.Rooms.PayBan(req.Room, c.Session.ID(), c.Budget)
	case proto.RoomInfo:
		return c.Budget.Query()
	case proto.JoinRoom, proto.CreateRoom, proto.AdmitClient:
		return c.Budget.Answer(0)
	}
	return egress.Refusal{}
}
