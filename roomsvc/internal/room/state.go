package room

import (
	"slices"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// State is what is known of a room: the room at a revision, or, when there is none, what the
// delete marker says. It is not changed once made.
type State struct {
	Revision  uint64             // 0: the bucket knows nothing of the room
	Room      *bus.Room          // nil: no such room
	tombstone *bus.RoomTombstone // nil when there is a room, or no marker
	Size      int                // bytes of the value in the bucket
	Latest    bool               // known to have been the latest at some moment since the present batch began
}

// Limits are the bounds of a room.
type Limits struct {
	Members int  // a room may have
	Bytes   int  // of a room's value
	Full    bool // the bucket is: nothing in it may grow
}

// Operation is one thing to be done to one room.
type Operation struct {
	Kind    bus.Operation
	Request *bus.Request
	Dead    []proto.GatewayID // of OpSweep: the gateways whose members leave
}

// OpSweep removes the members of dead gateways. No request asks for it.
const OpSweep bus.Operation = "sweep"

// Outcome is the result of one operation of a batch.
type Outcome struct {
	Done     bool         // false: it has to wait for the next commit
	Err      *proto.Error // refused
	repeated bool         // it had taken effect before
	Removed  int          // sweep: members removed
}

// Commit is what a batch does to a room. Apply makes it, and it is only read after that.
type Commit struct {
	Dirty    bool      // there is something to write
	After    State     // the state after it, without the revision that the write returns
	Outcomes []Outcome // one for each operation
	Full     int       // operations refused because the bucket is full

	before *State
	lim    Limits
	now    time.Time

	exists  bool
	room    bus.Room                // after; its Members are set by finish
	members []bus.Member            // a removed member has no id
	at      map[proto.PeerID]int    // index into members
	live    int                     // number of members that are not removed
	head    int                     // index before which all members are removed
	waiting []bus.Member            // peers that wait to be admitted
	done    []bus.Done              // idempotency records, oldest first
	known   map[bus.OpID]int        // index into done
	epochs  map[proto.PeerID]uint64 // the newest epoch of each peer in done, where it is above 0
	size    int                     // upper bound of the room's size as JSON, in bytes
	changed map[proto.PeerID]bool   // peers that this commit added, removed or moved
	added   []int                   // index into members
	set     bool                    // the settings changed, or the room is new

	change bus.Change        // After is set once the commit is written
	notify []proto.GatewayID // had or have a member
	extra  []proto.GatewayID // to be notified as well
}

// Apply does as many of ops as may stand in one commit, in their order, and records
// the outcome of each. There must be at least one. Apply does not change before. It answers reads from the state after all other operations, which
// is as good an order as any, because all of them wait at the same time.
func Apply(before *State, ops []*Operation, now time.Time, lim Limits) *Commit {
	c := begin(before, now, lim)
	c.change.Room = ops[0].Request.Room
	c.Outcomes = make([]Outcome, len(ops))
	waiting := false
	for i, op := range ops {
		if op.Kind == bus.OpGet {
			continue
		}
		// Later operations must not overtake: the requester may have meant them
		// in order.
		if waiting = waiting || c.mustWait(op); waiting {
			continue
		}
		c.Outcomes[i] = c.do(op)
	}
	for i, op := range ops {
		if op.Kind == bus.OpGet {
			c.Outcomes[i] = Outcome{Done: true, Err: c.mayRead(op.Request)}
		}
	}
	c.finish()
	return c
}

func begin(before *State, now time.Time, lim Limits) *Commit {
	c := &Commit{before: before, lim: lim, now: now.UTC().Truncate(time.Millisecond), size: before.Size}
	if r := before.Room; r != nil {
		c.exists = true
		c.room = *r
		c.members = slices.Clone(r.Members)
		c.live = len(r.Members)
		c.waiting = slices.Clone(r.Waiting)
		c.done = slices.Clone(r.Recent)
	} else if before.tombstone != nil {
		c.done = slices.Clone(before.tombstone.Done)
	}
	c.at = make(map[proto.PeerID]int, len(c.members))
	for i := range c.members {
		c.at[c.members[i].ID] = i
	}
	c.known = make(map[bus.OpID]int, len(c.done))
	c.epochs = make(map[proto.PeerID]uint64)
	for i := range c.done {
		c.known[c.done[i].Op] = i
		c.noteEpoch(&c.done[i])
	}
	c.changed = make(map[proto.PeerID]bool)
	c.change.Before = before.Revision
	return c
}

// do carries out one operation that need not wait. Whatever the outcome, it moves
// the member record of a peer that another gateway serves now.
func (c *Commit) do(op *Operation) Outcome {
	if o, ok := c.repeated(op.Request); ok {
		return o
	}
	o := Outcome{Done: true}
	if o.Err = c.stale(op.Request); o.Err == nil {
		o = c.carryOut(op)
		if c.follows(op.Request) {
			c.move(c.at[op.Request.Peer], op.Request)
		}
	}
	if o.Err != nil && op.Request.Retry {
		c.record(bus.Done{Op: op.Request.Op, Error: o.Err})
		c.Dirty = true
	}
	return o
}

func (c *Commit) carryOut(op *Operation) Outcome {
	o := Outcome{Done: true}
	switch op.Kind {
	case bus.OpCreate:
		o.Err = c.create(op.Request)
	case bus.OpJoin:
		o.Err = c.join(op.Request)
	case bus.OpLeave:
		o.Err = c.leave(op.Request)
	case bus.OpEnd:
		o.Err = c.end(op.Request)
	case bus.OpRemove:
		o.Err = c.removeClient(op.Request)
	case bus.OpUnban:
		o.Err = c.unban(op.Request)
	case bus.OpRole:
		o.Err = c.setRole(op.Request)
	case bus.OpAdmit:
		o.Err = c.admit(op.Request)
	case bus.OpUpdate:
		o.Err = c.update(op.Request)
	case bus.OpMember:
		o.Err = c.updateMember(op.Request)
	case bus.OpResume:
		o.Err = c.resume(op.Request)
	case OpSweep:
		o.Removed = c.sweep(op.Dead)
	}
	return o
}

// mustWait reports whether op may not stand in this commit after what is in it:
// a Change names each peer once, and holds one update of the settings at most,
// so that gateways need not guess an order.
func (c *Commit) mustWait(op *Operation) bool {
	if !c.Dirty {
		return false
	}
	if c.change.Ended {
		return true
	}
	if last := c.live == 1 && (op.Kind == bus.OpLeave || op.Kind == bus.OpRemove); c.change.By != "" && (last || op.Kind == OpSweep) {
		return true // else the room's end, for want of members, would look like an End_Room of By
	}
	moves := c.changed[op.Request.Peer] && c.follows(op.Request) // and a Change names the peer already
	switch op.Kind {
	case bus.OpEnd:
		return true
	case bus.OpUpdate: // it may admit those that wait
		return c.change.By != "" || moves || c.waitersChanged(func(bus.Member) bool { return true })
	case bus.OpAdmit:
		return c.change.By != "" || c.changed[op.Request.Client] || moves
	case bus.OpUnban:
		return c.change.By != "" || moves
	case bus.OpRole:
		return c.change.By != "" || c.changed[op.Request.Client] || c.changed[c.room.Creator] || moves
	case bus.OpRemove:
		return c.changed[op.Request.Client] || moves || op.Request.Ban && (c.change.By != "" || c.changedOf(op.Request.Client))
	case bus.OpMember:
		return c.changed[subject(op.Request)] && !c.knows(op.Request)
	case OpSweep:
		for p := range c.changed {
			if i, ok := c.at[p]; ok && slices.Contains(op.Dead, c.members[i].Owner()) {
				return true
			}
		}
		return c.waitersChanged(func(m bus.Member) bool { return slices.Contains(op.Dead, m.Owner()) })
	}
	return c.changed[op.Request.Peer] && !c.knows(op.Request)
}

// add makes m the newest member.
func (c *Commit) add(m bus.Member) {
	c.at[m.ID] = len(c.members)
	c.added = append(c.added, len(c.members))
	c.members = append(c.members, m)
	c.live++
	c.size += sizeOf(&m)
	c.changed[m.ID] = true
	c.Dirty = true
}

// remove removes member number i. The room ends with its last member. When the
// creator leaves, the longest-standing member becomes the creator.
func (c *Commit) remove(i int, reason proto.Reason, op bus.OpID) {
	m := c.members[i]
	c.members[i].ID = ""
	delete(c.at, m.ID)
	c.live--
	c.changed[m.ID] = true
	c.Dirty = true
	c.change.Removed = append(c.change.Removed, bus.Removal{ID: m.ID, Reason: reason, Op: op})
	c.record(bus.Done{Op: op, Peer: m.ID, Epoch: m.Epoch, Reason: reason})
	c.record(bus.Done{Op: m.Op, Peer: m.ID, Epoch: m.Epoch}) // or a late copy of its join would bring it back
	if c.live == 0 {
		c.endWaiting()
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
func (c *Commit) finish() {
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
		c.room.Members, c.room.Waiting, c.room.Recent = members, c.waiting, c.done
		c.After.Room = &c.room
		if c.set {
			c.change.Set = &bus.Settings{Name: c.room.Name, Capacity: c.room.Capacity, Locked: c.room.Locked, Salt: saltOf(&c.room), Metadata: c.room.Metadata}
		}
	}
	c.notify = c.gateways()
	if !c.exists {
		g := &bus.RoomTombstone{Done: c.done}
		switch {
		case c.before.Room != nil:
			g.Change, g.Gateways = c.change, c.notify
		case c.before.tombstone != nil:
			g.Change, g.Gateways = c.before.tombstone.Change, c.before.tombstone.Gateways
		}
		c.After.tombstone = g
	}
}

// gateways returns the gateways that serve or served a member or a waiter, and those in
// extra.
func (c *Commit) gateways() []proto.GatewayID {
	set := make(map[proto.GatewayID]struct{}, 4)
	for _, r := range []*bus.Room{c.before.Room, c.After.Room} {
		if r == nil {
			continue
		}
		for i := range r.Members {
			set[r.Members[i].Owner()] = struct{}{}
		}
		for i := range r.Waiting {
			set[r.Waiting[i].Owner()] = struct{}{}
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
