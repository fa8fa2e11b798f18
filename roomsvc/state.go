package roomsvc

import (
	"slices"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// held is what is known of a room: its state at a revision, or, when room is
// nil, what the delete marker says. It is never changed once made.
type held struct {
	revision  uint64             // 0: the bucket knows nothing of the room
	room      *bus.Room          // nil: no such room
	tombstone *bus.RoomTombstone // nil when there is a room, or no marker
	size      int                // bytes of the value in the bucket
	proven    bool               // known to have been the latest at some moment since the present batch began
}

// limits are the bounds of a room that this service enforces.
type limits struct {
	members int  // a room may have
	bytes   int  // of a room's value
	full    bool // the bucket is: nothing in it may grow
}

// operation is one thing to be done to one room. All its fields are fixed when
// it is queued.
type operation struct {
	kind bus.Operation
	req  *bus.Request
	gone []proto.GatewayID // sweep: whose members leave

	deadline time.Time        // when the operation is given up
	epoch    uint64           // of the NATS connection it came by
	answer   func(*bus.Reply) // called once; nil: dropped, and the requester gets no reply
}

// opSweep removes every member that one of a set of gateways serves. Only the
// sweeper submits it.
const opSweep bus.Operation = "sweep"

// outcome is the result of one operation of a batch.
type outcome struct {
	taken    bool         // false: it has to wait for the next commit
	err      *proto.Error // refused
	repeated bool         // it had taken effect before
	removed  int          // sweep: members removed
}

// commit is what a batch does to a room. apply makes it, and it is read only
// after that.
type commit struct {
	before *held
	lim    limits
	now    time.Time

	exists  bool
	room    bus.Room                // after; its Members are set by finish
	members []bus.Member            // a removed member has no id
	at      map[proto.PeerID]int    // index into members
	live    int                     // number of members that are not removed
	head    int                     // index before which all members are removed
	done    []bus.Done              // idempotency records, oldest first
	known   map[bus.OpID]int        // index into done
	left    map[proto.PeerID]uint64 // the newest epoch of each peer in done, where it is above 0
	size    int                     // upper bound of the room's size as JSON, in bytes
	touched map[proto.PeerID]bool   // peers that this commit added, removed or moved
	added   []int                   // index into members
	extra   []proto.GatewayID       // to be notified besides those with members
	change  bus.Change              // After is set once the commit is written
	full    int                     // operations refused because the bucket is full
	dirty   bool                    // there is something to write
	set     bool                    // the settings changed, or the room is new
	out     []outcome               // one for each operation
	after   held                    // without revision
	notify  []proto.GatewayID       // had or have a member
}

// apply does as many of ops as may stand in one commit, in their order, and records
// the outcome of each. There must be at least one. apply is a pure function and does
// not change before. It answers reads from the state after all other operations, which
// is as good an order as any, because all of them wait at the same time.
func apply(before *held, ops []*operation, now time.Time, lim limits) *commit {
	c := begin(before, now, lim)
	c.change.Room = ops[0].req.Room
	c.out = make([]outcome, len(ops))
	waiting := false
	for i, op := range ops {
		if op.kind == bus.OpGet {
			continue
		}
		// Later operations must not overtake: the requester may have meant them
		// in order.
		if waiting = waiting || c.mustWait(op); waiting {
			continue
		}
		c.out[i] = c.do(op)
	}
	for i, op := range ops {
		if op.kind == bus.OpGet {
			c.out[i] = outcome{taken: true, err: c.mayRead(op.req)}
		}
	}
	c.finish()
	return c
}

func begin(before *held, now time.Time, lim limits) *commit {
	c := &commit{before: before, lim: lim, now: now.UTC().Truncate(time.Millisecond), size: before.size}
	if r := before.room; r != nil {
		c.exists = true
		c.room = *r
		c.members = slices.Clone(r.Members)
		c.live = len(r.Members)
		c.done = slices.Clone(r.Recent)
	} else if before.tombstone != nil {
		c.done = slices.Clone(before.tombstone.Done)
	}
	c.at = make(map[proto.PeerID]int, len(c.members))
	for i := range c.members {
		c.at[c.members[i].ID] = i
	}
	c.known = make(map[bus.OpID]int, len(c.done))
	c.left = make(map[proto.PeerID]uint64)
	for i := range c.done {
		c.known[c.done[i].Op] = i
		c.noteEpoch(&c.done[i])
	}
	c.touched = make(map[proto.PeerID]bool)
	c.change.Before = before.revision
	return c
}

// do carries out one operation that need not wait. Whatever the outcome, it moves
// the member record of a peer that another gateway serves now.
func (c *commit) do(op *operation) outcome {
	if o, ok := c.repeated(op.req); ok {
		return o
	}
	o := outcome{taken: true}
	if o.err = c.stale(op.req); o.err == nil {
		o = c.carryOut(op)
		if c.follows(op.req) {
			c.move(c.at[op.req.Peer], op.req)
		}
	}
	if o.err != nil && op.req.Retry {
		c.remember(bus.Done{Op: op.req.Op, Error: o.err})
		c.dirty = true
	}
	return o
}

func (c *commit) carryOut(op *operation) outcome {
	o := outcome{taken: true}
	switch op.kind {
	case bus.OpCreate:
		o.err = c.create(op.req)
	case bus.OpJoin:
		o.err = c.join(op.req)
	case bus.OpLeave:
		o.err = c.leave(op.req)
	case bus.OpEnd:
		o.err = c.end(op.req)
	case bus.OpRemove:
		o.err = c.removeClient(op.req)
	case bus.OpUpdate:
		o.err = c.update(op.req)
	case bus.OpResume:
		o.err = c.resume(op.req)
	case opSweep:
		o.removed = c.sweep(op.gone)
	}
	return o
}

// mustWait reports whether op may not stand in this commit after what is in it:
// a Change names each peer once, and holds one update of the settings at most,
// so that gateways need not guess an order.
func (c *commit) mustWait(op *operation) bool {
	if !c.dirty {
		return false
	}
	if c.change.Ended {
		return true
	}
	moves := c.touched[op.req.Peer] && c.follows(op.req) // and a Change names the peer already
	switch op.kind {
	case bus.OpEnd:
		return true
	case bus.OpUpdate:
		return c.set || moves
	case bus.OpRemove:
		return c.touched[op.req.Client] || moves
	case opSweep:
		for p := range c.touched {
			if i, ok := c.at[p]; ok && slices.Contains(op.gone, c.members[i].Owner()) {
				return true
			}
		}
		return false
	}
	return c.touched[op.req.Peer] && !c.knows(op.req)
}

// add makes m the newest member.
func (c *commit) add(m bus.Member) {
	c.at[m.ID] = len(c.members)
	c.added = append(c.added, len(c.members))
	c.members = append(c.members, m)
	c.live++
	c.size += sizeOf(&m)
	c.touched[m.ID] = true
	c.dirty = true
}

// remove removes member number i. The room ends with its last member. When the
// creator leaves, the longest-standing member becomes the creator.
func (c *commit) remove(i int, reason proto.Reason, op bus.OpID) {
	m := c.members[i]
	c.members[i].ID = ""
	delete(c.at, m.ID)
	c.live--
	c.touched[m.ID] = true
	c.dirty = true
	c.change.Removed = append(c.change.Removed, bus.Removal{ID: m.ID, Reason: reason, Op: op})
	c.remember(bus.Done{Op: op, Peer: m.ID, Epoch: m.Epoch, Reason: reason})
	c.remember(bus.Done{Op: m.Op, Peer: m.ID, Epoch: m.Epoch}) // or a late copy of its join would bring it back
	if c.live == 0 {
		c.exists = false
		c.change.Ended = true
		return
	}
	for c.members[c.head].ID == "" {
		c.head++
	}
	if c.room.Creator == m.ID {
		c.room.Creator = c.members[c.head].ID
	}
}

// finish sets the state to be written and the change to be announced.
func (c *commit) finish() {
	c.change.Creator = c.room.Creator
	c.trimDone()
	if c.exists {
		members := make([]bus.Member, 0, c.live)
		for i := range c.members {
			if c.members[i].ID != "" {
				members = append(members, c.members[i])
			}
		}
		for _, i := range c.added {
			c.change.Added = append(c.change.Added, c.members[i])
		}
		c.room.Members, c.room.Recent = members, c.done
		c.after.room = &c.room
		if c.set {
			c.change.Set = &bus.Settings{Name: c.room.Name, Capacity: c.room.Capacity, Locked: c.room.Locked, Metadata: c.room.Metadata}
		}
	}
	c.notify = c.gateways()
	if !c.exists {
		g := &bus.RoomTombstone{Done: c.done}
		switch {
		case c.before.room != nil:
			g.Change, g.Gateways = c.change, c.notify
		case c.before.tombstone != nil:
			g.Change, g.Gateways = c.before.tombstone.Change, c.before.tombstone.Gateways
		}
		c.after.tombstone = g
	}
}

// gateways returns the gateways that serve or served a member, and those in
// extra.
func (c *commit) gateways() []proto.GatewayID {
	set := make(map[proto.GatewayID]struct{}, 4)
	for _, r := range []*bus.Room{c.before.room, c.after.room} {
		if r == nil {
			continue
		}
		for i := range r.Members {
			set[r.Members[i].Owner()] = struct{}{}
		}
	}
	for _, g := range c.extra {
		set[g] = struct{}{}
	}
	list := make([]proto.GatewayID, 0, len(set))
	for g := range set {
		if g.Valid() {
			list = append(list, g)
		}
	}
	slices.Sort(list)
	return list
}
