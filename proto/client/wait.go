package client

import (
	"context"
	"time"

	"p2pconnector/proto"
)

// Admit makes a peer that waits a member of a room that this client created or moderates.
// [Client.Remove] refuses it.
func (c *Client) Admit(ctx context.Context, room proto.RoomID, client proto.PeerID) (proto.RoomData, error) {
	return c.room(ctx, proto.AdmitClient, map[string]any{"room": room, "client": client})
}

// waitLocked lets r, which f answers with Join_Waiting, wait to be admitted.
func (c *Client) waitLocked(f Frame, r request) {
	d, err := f.RoomData()
	if err != nil {
		close(r.answer)
		return
	}
	c.waiting[d.Room] = r
}

// admission passes f to the Join that waits to be admitted, if f ends its wait. Such a frame
// has no id.
func (c *Client) admission(f Frame) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting) == 0 {
		return false
	}
	var room proto.RoomID
	if e := f.Err(); e != nil && e.Event == string(proto.JoinRoom) {
		room = proto.RoomID(e.Room)
	} else if f.Is(proto.ClientAdded) { // a peer that waits gets none before it is admitted
		if d, err := f.RoomData(); err == nil {
			room = d.Room
		}
	}
	r, ok := c.waiting[room]
	if ok {
		delete(c.waiting, room)
		r.answer <- f // has room for one
	}
	return ok
}

// endWaitsLocked interrupts every Join that waits to be admitted, because the frame that ends
// its wait may be lost.
func (c *Client) endWaitsLocked() {
	for room, r := range c.waiting {
		close(r.answer)
		delete(c.waiting, room)
	}
}

// withdrawTimeout bounds the Leave of a Join whose context has ended.
const withdrawTimeout = time.Second

// withdraw ends the wait for a room after ctx has ended, because nobody expects to be
// admitted when Join has returned.
func (c *Client) withdraw(ctx context.Context, room proto.RoomID) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), withdrawTimeout)
	defer cancel()
	if _, err := c.Leave(ctx, room); err != nil {
		c.log.Warn("not withdrawn from the waiting room", "peer", c.ID(), "room", room, "err", err)
	}
}
