package chaos

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

// operate runs one operation after the other on the current room of the group.
func (w *workload) operate(ctx context.Context, grp *group, p *worker, c *client.Client) {
	var at *room
	member := false
	for ctx.Err() == nil {
		pause(ctx, w.pace/2+rand.N(w.pace))
		r := grp.room()
		if r != at {
			if at != nil {
				w.depart(ctx, c, at)
			}
			at, member = r, false
		}
		if !r.enter() {
			grp.next(r)
			continue
		}
		member = w.once(ctx, grp, p, c, r, member)
	}
}

// depart leaves a room once its history is closed, so that the history need not
// account for it. The end of the client makes up for a failure.
func (w *workload) depart(ctx context.Context, c *client.Client, r *room) {
	select {
	case <-r.closed:
	case <-ctx.Done():
		return
	}
	for range 5 {
		ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
		_, err := c.Leave(ctx, r.id)
		cancel()
		if err == nil || client.Code(err) == proto.NotFound || ctx.Err() != nil {
			return
		}
	}
}

// once runs one operation and records it. It returns whether the worker is a
// member now, as far as it knows.
func (w *workload) once(ctx context.Context, grp *group, p *worker, c *client.Client, r *room, member bool) bool {
	in, target := w.draw(grp, p, member)
	before := c.ID()
	call := w.sys.now()
	// An operation may wait for the reconnect, and then has a deadline of its
	// own at the gateway.
	octx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 40*time.Second)
	d, err := carryOut(octx, c, r.id, in, target)
	cancel()
	who := []proto.PeerID{before}
	if after := c.ID(); after != before {
		who = append(who, after)
	}
	out := output{code: client.Code(err)}
	if err != nil && (out.code == "" || out.code == proto.Unavailable) {
		out.code = unknown
	}
	w.stats.ops.Add(1)
	if out.code == unknown || len(who) > 1 {
		w.stats.unknowns.Add(1)
	}
	switch {
	case err == nil:
		r.saw("the answer to "+string(in.kind), noEnd(in.kind, &d))
		r.record(p, who, in, target, out, &d, call)
	case out.code == proto.LimitExceeded || out.code == proto.RateLimited:
		r.abandon() // the gateway refused it, not the room
	case errors.Is(err, client.ErrClosed):
		out.code = unknown
		r.record(p, who, in, target, out, nil, call)
	default:
		r.record(p, who, in, target, out, nil, call)
	}
	return nowMember(in, out.code, member)
}

// noEnd hides what the answer to an end shows: the state before.
func noEnd(k kind, d *proto.RoomData) *proto.RoomData {
	if k == end {
		return &proto.RoomData{}
	}
	return d
}

func nowMember(in input, code proto.ErrorCode, was bool) bool {
	switch {
	case code == "" && (in.kind == create || in.kind == join || in.kind == info), code == proto.AlreadyExists:
		return true
	case code == "" && (in.kind == leave || in.kind == end), slices.Contains([]kind{leave, end, info, say}, in.kind) && code == proto.NotFound, in.kind == info && code == proto.Unauthorised:
		return false
	}
	return was
}

// draw chooses the next operation.
func (w *workload) draw(grp *group, p *worker, member bool) (in input, target proto.PeerID) {
	other := grp.workers[rand.N(len(grp.workers))].id()
	x := rand.N(100)
	if !member {
		x += 100
	}
	switch {
	case x < 35, x >= 195:
		in.kind = info
	case x < 45:
		in.kind, in.value = say, byte(1+rand.N(9))
	case x < 55, x >= 190 && x < 195:
		in.kind = leave
	case x < 60, x >= 185 && x < 190:
		in.kind = end
	case x < 70:
		in.kind, target = remove, other
	case x < 74:
		in.kind, target = ban, other
	case x < 82:
		in.kind, target = unban, other
	case x < 90:
		in.kind, target, in.value = role, other, byte(rand.N(3))
	case x < 94, x >= 170 && x < 185:
		in.kind, in.capacity = create, byte(rand.N(4))
	case x < 100:
		in.kind, in.make = join, true
	case x < 150:
		in.kind, in.make = join, true
	default:
		in.kind = join
	}
	if target == "" && slices.Contains([]kind{remove, ban, unban, role}, in.kind) {
		in.kind = info
	}
	return in, target
}

func carryOut(ctx context.Context, c *client.Client, id proto.RoomID, in input, target proto.PeerID) (proto.RoomData, error) {
	switch in.kind {
	case create:
		return c.Create(ctx, client.RoomOptions{Room: id, Capacity: int(in.capacity)})
	case join:
		return c.Join(ctx, id, client.JoinOptions{Create: in.make})
	case leave:
		return c.Leave(ctx, id)
	case end:
		return c.End(ctx, id)
	case remove:
		return c.Remove(ctx, id, target)
	case ban:
		return c.Ban(ctx, id, target)
	case unban:
		return c.Unban(ctx, id, target)
	case role:
		return c.SetRole(ctx, id, target, []proto.Role{asMember: proto.RoleMember, asModerator: proto.RoleModerator, asCreator: proto.RoleCreator}[in.value])
	case say:
		return c.UpdateMember(ctx, id, in.value)
	}
	return c.Info(ctx, id)
}
