package client

import (
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// accessChanged makes the peer leave the rooms that the connection's access token does not
// cover. The room queue does so after the request that it is carrying out, which may be a
// join that the old token allowed. Requests that wait in the queue need the new token
// anyway. The reader calls accessChanged.
func (c *Conn) accessChanged() {
	a := c.Access.Load()
	if a == nil || a.Rooms == nil {
		return
	}
	c.roomsMu.Lock()
	defer c.roomsMu.Unlock()
	switch {
	case c.Socket.Muted():
	case c.rooms != nil:
		c.rooms.recheck = true
	case len(c.Session.Uncovered(a)) > 0:
		c.newQueueLocked().recheck = true
	}
}

// leaveRetry is the pause before a room is left again that the room service was too busy for.
const leaveRetry = 250 * time.Millisecond

// LeaveUncovered leaves the rooms that the access token does not cover; the client gets
// Room_Left for each. A room that cannot be left in time ends the connection, because the
// client would go on receiving the room's messages. When the client resumes, the rooms are
// checked again.
func (c *Conn) LeaveUncovered() {
	deadline := time.Now().Add(proto.RequestDeadline)
	for _, id := range c.Session.Uncovered(c.Access.Load()) {
		e := c.leaveRoom(id, deadline)
		for e != nil && e.Code == proto.Unavailable && time.Until(deadline) > leaveRetry && !c.tab.ended() {
			select {
			case <-time.After(leaveRetry):
			case <-c.tab.cfg.Ended:
			}
			e = c.leaveRoom(id, deadline)
		}
		switch {
		case e == nil, e.Code == proto.NotFound:
		case !c.Session.Has(&c.Conn), c.tab.ended():
			return // a later connection has a token of its own, and checks the rooms
		default:
			c.Socket.Close(proto.CloseTryAgain, "a room that the token does not cover could not be left", true)
			return
		}
	}
}

// leaveRoom leaves a room for the peer, unless another connection has its session.
func (c *Conn) leaveRoom(id proto.RoomID, deadline time.Time) *proto.Error {
	if !c.Session.Has(&c.Conn) {
		return nil
	}
	req := &bus.Request{
		Room: id, Peer: c.Session.ID(), Gateway: c.tab.cfg.Own, Epoch: c.Epoch, Reason: proto.ReasonLeft,
	}
	w := &roomFrame{room: string(id), deadline: deadline, done: make(chan struct{})}
	return c.changeRoom(&proto.Frame{Event: proto.LeaveRoom}, w, nil, req)
}
