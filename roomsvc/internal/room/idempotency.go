package room

import (
	"slices"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// maxDone bounds the idempotency records of a room, whatever their age.
const maxDone = 4096

// MaxBatch bounds the operations of one commit: the room can record all of them, with the
// joins that they undo.
const MaxBatch = maxDone / 2

// doneBytes is the most that an idempotency record takes as JSON, without its error.
const doneBytes = 224

// repeated returns the outcome of r, and true, when its operation was done
// before.
func (c *Commit) repeated(r *bus.Request) (Outcome, bool) {
	if r.Op == "" {
		return Outcome{}, false
	}
	if i, ok := c.known[r.Op]; ok {
		d := &c.done[i]
		if d.Error != nil {
			return Outcome{Done: true, Err: d.Error}, true
		}
		// The commit may never have been announced. The announcement must also
		// reach gateways that the room's state no longer names.
		for i := range c.done { // a ban removes several
			if c.done[i].Op == r.Op {
				c.notifyToo(c.done[i].Peer.Home())
			}
		}
		c.notifyToo(r.Gateway)
		return Outcome{Done: true, repeated: true}, true
	}
	if c.entered(r) {
		return Outcome{Done: true, repeated: true}, true
	}
	return Outcome{}, false
}

// knows reports whether repeated would find r.
func (c *Commit) knows(r *bus.Request) bool {
	if r.Op == "" {
		return false
	}
	if _, ok := c.known[r.Op]; ok {
		return true
	}
	return c.entered(r)
}

// entered reports whether r made its peer a member, or made it wait.
func (c *Commit) entered(r *bus.Request) bool {
	if i := c.waiter(r.Peer); i >= 0 && c.waiting[i].Op == r.Op {
		return true
	}
	i, ok := c.at[r.Peer]
	return ok && c.members[i].Op == r.Op
}

func (c *Commit) notifyToo(g proto.GatewayID) {
	if g.Valid() {
		c.extra = append(c.extra, g)
	}
}

// record records an operation that is done.
func (c *Commit) record(d bus.Done) {
	if d.Op == "" {
		return
	}
	d.At = c.now
	c.known[d.Op] = len(c.done)
	c.done = append(c.done, d)
	c.noteEpoch(&d)
	c.size += doneBytes
	if d.Error != nil {
		c.size += 2 * len(d.Error.Message)
	}
}

// noteEpoch makes c refuse later requests of earlier epochs of the session,
// even when the peer is no longer a member.
func (c *Commit) noteEpoch(d *bus.Done) {
	if d.Epoch > c.epochs[d.Peer] {
		c.epochs[d.Peer] = d.Epoch
	}
}

// trimDone drops the records of operations that no requester repeats any more.
// It keeps all records when this commit writes nothing.
func (c *Commit) trimDone() {
	if !c.Dirty {
		return
	}
	c.done = slices.DeleteFunc(c.done, func(d bus.Done) bool { return c.now.Sub(d.At) > bus.RememberOps })
	if over := len(c.done) - maxDone; over > 0 {
		c.done = slices.Delete(c.done, 0, over)
	}
	if len(c.done) == 0 {
		c.done = nil
	}
	c.known, c.epochs = nil, nil // they describe the records before the trim
}
