package room

import (
	"encoding/json"
	"slices"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// Peers of this gateway that wait to be admitted to a room. The room is in the rooms of
// their sessions, so that they count as members for the bounds of a client, are withdrawn
// when the session ends, and go on waiting when it moves. They get no frame about the room.

// waiter is a peer of this gateway that waits to be admitted.
type waiter struct {
	Member
	expires *time.Timer
	expired bool // nobody has answered in time
}

// leaveRetry is the pause before a waiter is withdrawn again that nobody has admitted in
// time, when the room service did not answer or did not do it.
const leaveRetry = 10 * time.Second

// reconcileWaitingLocked brings the waiters in line with the copy, and notifies those that
// begin to wait or are refused. Those in d.Added are members already.
func (r *replica) reconcileWaitingLocked(d *Diff) {
	for i := range d.Waiting {
		m := &d.Waiting[i]
		if m.Owner() == r.rooms.cfg.Own {
			r.beginWaitingLocked(m)
		} else {
			delete(r.leaving, m.ID)
			r.dropWaiterLocked(m.ID)
		}
	}
	for _, m := range slices.Concat(d.Added, d.Moved) {
		if m.Owner() != r.rooms.cfg.Own {
			r.dropWaiterLocked(m.ID) // it moved while it waited
		}
	}
	for _, x := range d.Withdrawn {
		delete(r.leaving, x.ID)
		if w := r.dropWaiterLocked(x.ID); w != nil {
			r.endWaitingLocked(w, x)
		}
	}
	if d.Ended {
		for id := range r.waiters {
			w := r.dropWaiterLocked(id)
			r.refuseLocked(w, proto.Errorf(proto.NotFound, "Room %s has ended while you waited to be admitted. Create it with Create_Room, or join another.", proto.Quote(string(r.id))))
		}
	}
}

// beginWaitingLocked records a waiter of this gateway.
func (r *replica) beginWaitingLocked(m *bus.Member) {
	member := r.rooms.cfg.Member(m.ID)
	var fresh, ok bool
	if member != nil {
		fresh, ok = member.JoinRoom(r.id)
	}
	if !ok { // its session has ended in the meantime
		r.departLaterLocked(m.ID, m.Epoch, 0)
		r.rooms.cfg.Go(func() { r.rooms.hold(r, r.retryDepartures) }, func() {})
		return
	}
	w := r.waiters[m.ID]
	if w == nil {
		w = new(waiter)
		w.expires = time.AfterFunc(proto.MaxWait, func() { r.rooms.hold(r, func() { r.expire(w) }) })
		if r.waiters == nil {
			r.waiters = make(map[proto.PeerID]*waiter)
		}
		r.waiters[m.ID] = w
	}
	w.Member = member
	if !fresh {
		return // it moved here while it waited, and has its answer
	}
	var id []byte
	if req := r.requestOf(m.Op); req != nil && req.Member == member {
		req.answerLocked()
		req.Budget.Spend(r.waitingCostLocked())
		id = req.ID
	}
	w.Send(r.waitingFrame(id))
	w.RenewToken()
}

// waitingFrame encodes the answer to a peer that begins to wait.
func (r *replica) waitingFrame(id []byte) []byte {
	return r.rooms.cfg.Frame(proto.TypeInfo, proto.JoinWaiting, mustMarshal(proto.JoinWaitingData{Room: r.id}), id)
}

// dropWaiterLocked forgets a waiter, which it returns; nil when there is none.
func (r *replica) dropWaiterLocked(id proto.PeerID) *waiter {
	w := r.waiters[id]
	if w != nil {
		w.expires.Stop()
		delete(r.waiters, id)
	}
	return w
}

// endWaitingLocked notifies a peer that it does not wait any more.
func (r *replica) endWaitingLocked(w *waiter, x bus.Removal) {
	switch {
	case x.Reason == proto.ReasonBanned, x.Reason == proto.ReasonRemoved:
		r.refuseLocked(w, r.refusal(x.Reason))
	case w.expired && r.requestOf(x.Op) == nil: // otherwise it has withdrawn itself
		r.refuseLocked(w, proto.Errorf(proto.Refused, "Nobody admitted you to room %s in time. Send Join_Room with data.ask true again to go on waiting.", proto.Quote(string(r.id))))
	default:
		d := proto.RoomData{Room: r.id, Clients: []proto.PeerID{}, Revision: r.state.Revision, Client: x.ID, Reason: x.Reason}
		var id []byte
		if req := r.requestOf(x.Op); req != nil && req.Member == w.Member {
			req.answerLocked()
			id = req.ID
		}
		w.LeaveRoom(r.id)
		w.Send(r.rooms.cfg.Frame(proto.TypeInfo, proto.RoomLeft, mustMarshal(d), id))
		w.RenewToken()
	}
}

// refusal returns the error for a peer that was refused, with a ban or without one.
func (r *replica) refusal(reason proto.Reason) *proto.Error {
	if reason == proto.ReasonBanned {
		return proto.Errorf(proto.Banned, "You are banned from room %s. Ask its creator, or join another room.", proto.Quote(string(r.id)))
	}
	return proto.Errorf(proto.Refused, "The creator or a moderator of room %s did not admit you. Join another room, or ask again later.", proto.Quote(string(r.id)))
}

// refuseLocked sends a peer that waited the error that ends its Join_Room. The error has no
// id, because Join_Waiting has answered that request.
func (r *replica) refuseLocked(w *waiter, e *proto.Error) {
	w.LeaveRoom(r.id)
	d := proto.ErrorData{Message: e.Message, Event: string(proto.JoinRoom), Room: string(r.id)}
	w.Send(r.rooms.cfg.Frame(proto.TypeError, proto.Event(e.Code), mustMarshal(d), nil))
	w.RenewToken()
}

// expire withdraws a peer that nobody has admitted in time.
func (r *replica) expire(w *waiter) {
	r.mu.Lock()
	m := r.state.waiter(w.ID())
	if r.stopped || m == nil || r.waiters[m.ID] != w {
		r.mu.Unlock()
		return
	}
	w.expired = true
	req := &bus.Request{
		Op: r.rooms.nextOp(), Room: r.id, Peer: m.ID, Gateway: r.rooms.cfg.Own, Epoch: m.Epoch,
		Ask: true, Reason: proto.ReasonLeft, Have: r.state.Revision, // it may be admitted by then, and stays
	}
	r.mu.Unlock()
	r.rooms.cfg.Requests.Send(time.Now().Add(proto.RequestDeadline), bus.OpLeave, req, func(reply *bus.Reply, err error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if (err != nil || reply.Error != nil) && !r.stopped && r.waiters[req.Peer] == w {
			w.expires.Reset(leaveRetry)
		}
	})
}

// stopWaitingLocked stops the timers of all waiters.
func (r *replica) stopWaitingLocked() {
	for _, w := range r.waiters {
		w.expires.Stop()
	}
}

// Waiting returns the number of peers of this gateway that wait to be admitted to rooms.
func (t *Rooms) Waiting() (n int) {
	for _, r := range t.list() {
		r.mu.Lock()
		n += len(r.waiters)
		r.mu.Unlock()
	}
	return n
}

// answerWaitingLocked answers a Join_Room with data.ask whose change did not arrive as a change of
// its own. It returns false when the peer is a member, and an error when it was refused in
// the meantime.
func (r *replica) answerWaitingLocked(c *Call) (waits bool, e *proto.Error) {
	switch {
	case !c.Ask || r.state.Member(c.By) != nil:
		return false, nil
	case r.state.Room == nil:
		return false, proto.RoomNotFound(r.id)
	case r.state.waiter(c.By) == nil:
		return false, r.refusal(removalOf(r.state.Room, c.By).Reason)
	}
	c.answerLocked()
	c.Member.Send(r.waitingFrame(c.ID))
	return true, nil
}

// waiter returns the peer with this id that waits; nil for none. The caller must not modify
// it.
func (s *State) waiter(id proto.PeerID) *bus.Member {
	if s.Room == nil {
		return nil
	}
	if i := slices.IndexFunc(s.Room.Waiting, func(m bus.Member) bool { return m.ID == id }); i >= 0 {
		return &s.Room.Waiting[i]
	}
	return nil
}

// waitingAfter returns the peers that wait after c. It modifies none of waiting.
func waitingAfter(waiting []bus.Member, c *bus.Change) []bus.Member {
	if len(waiting)+len(c.Waiting) == 0 {
		return nil
	}
	over := make(map[proto.PeerID]bool, len(c.Added)+len(c.Withdrawn))
	for _, m := range c.Added {
		over[m.ID] = true
	}
	for _, x := range c.Withdrawn {
		over[x.ID] = true
	}
	after := slices.DeleteFunc(slices.Clone(waiting), func(m bus.Member) bool { return over[m.ID] })
	for _, m := range c.Waiting {
		if i := slices.IndexFunc(after, func(x bus.Member) bool { return x.ID == m.ID }); i >= 0 {
			after[i] = m
		} else {
			after = append(after, m)
		}
	}
	return after
}

// compareWaiting fills d with the differences between those that wait in the state and in
// room.
func (s *State) compareWaiting(d *Diff, room *bus.Room) {
	still := make(map[proto.PeerID]bool, len(room.Waiting)+len(room.Members))
	for _, m := range room.Members {
		still[m.ID] = true // it was admitted
	}
	for _, m := range room.Waiting {
		still[m.ID] = true
		if was := s.waiter(m.ID); was == nil || was.Owner() != m.Owner() {
			d.Waiting = append(d.Waiting, m)
		}
	}
	if s.Room == nil {
		return
	}
	for _, m := range s.Room.Waiting {
		if !still[m.ID] {
			d.Withdrawn = append(d.Withdrawn, removalOf(room, m.ID))
		}
	}
}

// sameWaiting reports whether the same peers wait in both lists, in the same order.
func sameWaiting(x, y []bus.Member) bool {
	return slices.EqualFunc(x, y, func(a, b bus.Member) bool { return a.ID == b.ID && a.Op == b.Op })
}

// waitingOf returns what the creator and moderators see of those that wait; never nil.
func waitingOf(room *bus.Room) []proto.Waiting {
	list := make([]proto.Waiting, 0, len(room.Waiting))
	for _, m := range room.Waiting {
		list = append(list, proto.Waiting{Client: m.ID, User: m.User, Metadata: m.Metadata})
	}
	return list
}

// moderatesIn reports whether a peer is the creator or a moderator of a room.
func moderatesIn(room *bus.Room, p proto.PeerID) bool {
	return room.Creator == p || slices.ContainsFunc(room.Members, func(m bus.Member) bool { return m.ID == p && m.Moderator })
}

func mustMarshal(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // a type of our own that does not encode: a bug, not input
	}
	return b
}
