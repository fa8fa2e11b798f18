package room

import (
	"slices"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// Peers that wait to be admitted to a locked room. They are in the room's value, so that they
// survive every process; their gateways get the room's changes as those of members do.

// waiter returns the index of a peer that waits; -1 for none.
func (c *Commit) waiter(p proto.PeerID) int {
	return slices.IndexFunc(c.waiting, func(m bus.Member) bool { return m.ID == p })
}

// ask makes the requester wait to be admitted.
func (c *Commit) ask(r *bus.Request) *proto.Error {
	if len(c.waiting) >= proto.MaxWaiting {
		return proto.Errorf(proto.LimitExceeded, "%d clients wait to be admitted to room %s, the most that may. Try again later.", proto.MaxWaiting, proto.Quote(string(r.Room)))
	}
	m := newMember(r, r.Metadata)
	grown := sizeOf(&m) + len(`"waiting":[],`)
	if err := c.mayGrow(grown); err != nil {
		return err
	}
	c.size += grown
	c.waiting = append(c.waiting, m)
	c.change.Waiting = append(c.change.Waiting, m)
	c.changed[m.ID], c.Dirty = true, true
	return nil
}

// admit makes a peer that waits a member.
func (c *Commit) admit(r *bus.Request) *proto.Error {
	if err := c.mayModerate(r, "admit a client to"); err != nil {
		return err
	}
	i := c.waiter(r.Client)
	if _, in := c.at[r.Client]; i < 0 && in {
		return c.nothing(r) // admitted already
	}
	if i < 0 {
		return proto.Errorf(proto.NotFound, "Client with given id %s does not wait to be admitted to room %s. It may have left; Room_Info tells who waits.", proto.Quote(string(r.Client)), proto.Quote(string(r.Room)))
	}
	if most := c.capacity(); c.live >= most {
		return proto.Errorf(proto.RoomFull, "Room %s is full: it has %d of %d members. Raise its capacity with Update_Room, or remove a member first.", proto.Quote(string(r.Room)), c.live, most)
	}
	c.enter(i)
	c.claim(r)
	return nil
}

// enter makes the i-th waiter a member.
func (c *Commit) enter(i int) {
	m := c.waiting[i]
	c.waiting = slices.Delete(c.waiting, i, i+1)
	c.add(m)
}

// admitAll admits those that wait when the room is no longer locked, as many as it has places
// for. The others go on waiting.
func (c *Commit) admitAll() {
	for len(c.waiting) > 0 && c.live < c.capacity() {
		c.enter(0)
	}
}

// withdraw ends the wait of the i-th waiter.
func (c *Commit) withdraw(i int, reason proto.Reason, op bus.OpID) {
	m := c.waiting[i]
	c.waiting = slices.Delete(c.waiting, i, i+1)
	c.change.Withdrawn = append(c.change.Withdrawn, bus.Removal{ID: m.ID, Reason: reason, Op: op})
	c.changed[m.ID], c.Dirty = true, true
	c.record(bus.Done{Op: op, Peer: m.ID, Epoch: m.Epoch, Reason: reason})
	c.record(bus.Done{Op: m.Op, Peer: m.ID, Epoch: m.Epoch}) // or a late copy of its join would make it wait again
}

// withdrawAll ends the wait of the waiters that match, and returns how many did.
func (c *Commit) withdrawAll(match func(bus.Member) bool, reason proto.Reason, op bus.OpID) (n int) {
	for i := len(c.waiting) - 1; i >= 0; i-- {
		if match(c.waiting[i]) {
			c.withdraw(i, reason, op)
			n++
		}
	}
	return n
}

// endWaiting records, when the room ends, that nobody waits any more.
func (c *Commit) endWaiting() {
	for _, m := range c.waiting {
		c.record(bus.Done{Op: m.Op, Peer: m.ID, Epoch: m.Epoch})
	}
	c.waiting = nil
}

// resumeWaiting sets the i-th waiter's record to the requesting gateway.
func (c *Commit) resumeWaiting(i int, r *bus.Request) *proto.Error {
	m := &c.waiting[i]
	if m.Owner() == r.Gateway && m.Epoch == r.Epoch {
		return nil
	}
	m.Gateway, m.Epoch = memberGateway(r), r.Epoch
	c.size += movedBytes(r)
	c.changed[m.ID], c.Dirty = true, true
	c.change.Waiting = append(c.change.Waiting, *m)
	c.record(bus.Done{Op: r.Op, Peer: r.Peer, Epoch: r.Epoch})
	return nil
}

// waitersChanged reports whether this commit has changed a waiter that matches.
func (c *Commit) waitersChanged(match func(bus.Member) bool) bool {
	return slices.ContainsFunc(c.waiting, func(m bus.Member) bool { return c.changed[m.ID] && match(m) })
}
