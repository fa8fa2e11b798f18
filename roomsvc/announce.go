package roomsvc

import (
	"slices"

	"p2pconnector/proto/bus"
)

// announceCommit publishes what com did. When com only found operations that had
// been done before, announceCommit announces the state again, because the
// instance that committed it may have died before it could. A gateway that is at
// this revision already ignores the change; any other gateway fetches the room.
func (c *committer) announceCommit(com *commit, revision uint64) {
	repeated := slices.ContainsFunc(com.out, func(o outcome) bool { return o.repeated })
	if !com.dirty && !repeated {
		return
	}
	change := com.change
	change.After = revision
	to := com.notify
	switch {
	case com.before.room == nil && com.after.room == nil:
		if !repeated || com.before.tombstone == nil {
			return
		}
		change = com.before.tombstone.Change
		change.Room, change.After = com.change.Room, revision
		to = slices.Compact(slices.Sorted(slices.Values(slices.Concat(to, com.before.tombstone.Gateways))))
	case !com.dirty:
		change.Before = revision
	}
	c.announce(&change, to)
}

// replies makes the replies of one commit.
type replies struct {
	com      *commit
	snapshot bus.Snapshot // shared by all, read only
}

func newReplies(com *commit, revision uint64) *replies {
	r := &replies{com: com, snapshot: bus.Snapshot{Revision: revision}}
	if com.after.room != nil {
		room := *com.after.room
		room.Recent = removals(room.Recent)
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

func (r *replies) to(op *operation, o *outcome) *bus.Reply {
	reply := &bus.Reply{Retry: op.req.Retry}
	if o.err != nil {
		reply.Error = o.err
		return reply
	}
	reply.Revision = r.snapshot.Revision
	small := r.snapshot.Room == nil || len(r.snapshot.Room.Members) <= bus.SmallRoom
	switch {
	case op.kind == bus.OpGet && (op.req.Have == 0 || op.req.Have != reply.Revision), // who has the revision needs no large list again
		op.kind != bus.OpGet && op.req.Have == 0 && small:
		reply.State = &r.snapshot
	}
	return reply
}
