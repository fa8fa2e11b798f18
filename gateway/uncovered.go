package gateway

import (
	"slices"
	"time"

	"p2pconnector/gateway/internal/auth"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// accessChanged makes the peer leave the rooms that the connection's access token does not
// cover. The room queue does so after the request that it is carrying out, which may be a
// join that the old token allowed. Requests that wait in the queue need the new token
// anyway. The reader calls accessChanged.
func (c *conn) accessChanged() {
	a := c.access.Load()
	if a == nil || a.Rooms == nil {
		return
	}
	c.roomsMu.Lock()
	defer c.roomsMu.Unlock()
	switch {
	case c.ws.Muted():
	case c.rooms != nil:
		c.rooms.recheck = true
	case len(c.session.uncovered(a)) > 0:
		c.newQueueLocked().recheck = true
	}
}

// leaveUncovered leaves the rooms that the access token does not cover; the client gets
// Room_Left for each. A room that cannot be left ends the connection, because the client
// would go on receiving the room's messages. The session ends too, unless the client
// resumes it, and then the rooms are checked again.
func (c *conn) leaveUncovered() {
	for _, id := range c.session.uncovered(c.access.Load()) {
		if !c.session.has(c) {
			return // a later connection has a token of its own
		}
		req := &bus.Request{
			Room: id, Peer: c.session.id, Gateway: c.g.id, Epoch: c.epoch, Reason: proto.ReasonLeft,
		}
		w := &roomFrame{room: string(id), deadline: time.Now().Add(proto.RequestDeadline), told: make(chan struct{})}
		e := c.changeRoom(&proto.Frame{Event: proto.LeaveRoom}, req, w)
		if e != nil && e.Code != proto.NotFound {
			c.ws.Close(proto.CloseToken, "a room that the token does not cover could not be left", true)
			return
		}
	}
}

// uncovered returns the rooms of the peer that a does not cover.
func (s *session) uncovered(a *auth.Access) []proto.RoomID {
	s.mu.Lock()
	rooms := slices.Clone(s.rooms)
	s.mu.Unlock()
	return slices.DeleteFunc(rooms, a.Covers)
}
