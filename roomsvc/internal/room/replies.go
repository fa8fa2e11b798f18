package room

import (
	"slices"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// Announcement returns the change to be published when c has been committed at revision,
// and the gateways that get it; nil when there is nothing to publish. When c only found
// operations that had been done before, the state is announced again, because the instance
// that committed it may have died before it could. A gateway that is at this revision already
// ignores the change; any other gateway fetches the room.
func (c *Commit) Announcement(revision uint64) (*bus.Change, []proto.GatewayID) {
	repeated := slices.ContainsFunc(c.Outcomes, func(o Outcome) bool { return o.repeated })
	if !c.Dirty && !repeated {
		return nil, nil
	}
	change := c.change
	change.After = revision
	to := c.notify
	switch {
	case c.before.Room == nil && c.After.Room == nil:
		if !repeated || c.before.tombstone == nil {
			return nil, nil
		}
		change = c.before.tombstone.Change
		change.Room, change.After = c.change.Room, revision
		to = slices.Compact(slices.Sorted(slices.Values(slices.Concat(to, c.before.tombstone.Gateways))))
	case !c.Dirty:
		change.Before = revision
	}
	return &change, to
}

// Replies makes the replies of one commit.
type Replies struct {
	snapshot bus.Snapshot // shared by all, read only
}

// Replies returns the replies for c committed at revision.
func (c *Commit) Replies(revision uint64) *Replies {
	r := &Replies{snapshot: bus.Snapshot{Revision: revision}}
	if c.After.Room != nil {
		room := *c.After.Room
		room.Recent = removals(room.Recent)
		room.Password = bus.SaltOnly(saltOf(&room))
		r.snapshot.Room = &room
	}
	return r
}

// removals returns the part of a room's idempotency records that gateways may
// see: why former members have left.
func removals(recent []bus.Done) []bus.Done {
	left := slices.DeleteFunc(slices.Clone(recent), func(d bus.Done) bool { return d.Reason == "" })
	if len(left) == 0 {
		return nil
	}
	return left
}

// To returns the reply to op, whose outcome was o.
func (r *Replies) To(op *Operation, o *Outcome) *bus.Reply {
	reply := &bus.Reply{Retry: op.Request.Retry}
	if o.Err != nil {
		reply.Error = o.Err
		return reply
	}
	reply.Revision = r.snapshot.Revision
	small := r.snapshot.Room == nil || len(r.snapshot.Room.Members) <= bus.SmallRoom
	switch {
	case op.Kind == bus.OpGet && (op.Request.Have == 0 || op.Request.Have != reply.Revision), // who has the revision needs no large list again
		op.Kind != bus.OpGet && op.Request.Have == 0 && small:
		reply.State = &r.snapshot
	}
	return reply
}
