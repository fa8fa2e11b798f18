package room

import (
	"time"

	"p2pconnector/gateway/internal/fairqueue"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// Depart removes a peer whose session here has ended, or has moved, from a room, and tries
// until that is confirmed. epoch is the epoch of the session. Depart begins after wait; if
// another gateway that owns the session makes the room name it in that time, there is
// nothing to do. The departure takes its turn at the room service as a request of key.
func (t *Rooms) Depart(id proto.RoomID, peer proto.PeerID, key fairqueue.Key, epoch uint64, wait time.Duration) {
	r := t.pin(id)
	defer t.unpin(r)
	r.departLater(peer, epoch, wait)
	r.departAs(peer, key)
	if wait > 0 {
		r.retryIn(wait)
		return
	}
	r.retryDepartures()
}

// leave sends the departure of peer, which holds one pin of r, and calls done when it is
// answered, or not needed. sync tries a departure that is not confirmed again; the replica
// stays until then.
func (t *Rooms) leave(r *replica, peer proto.PeerID, done func()) {
	ended := func() { t.unpin(r); done() }
	m := t.cfg.Member(peer)
	if m != nil && m.Live() {
		r.cameBack(peer)
		ended()
		return
	}
	epoch, mine := r.leaves(peer)
	if !mine {
		r.departed(peer)
		ended()
		return
	}
	if m != nil {
		if to := m.OtherOwner(); to != "" && r.leavesSince(peer) < t.cfg.Grace() {
			t.cfg.NotifyJoined(to, peer, r.id)
			r.departLater(peer, epoch, notifyJoinedPause)
			r.retryIn(notifyJoinedPause)
			ended()
			return
		}
	}
	req := &bus.Request{
		Op: t.nextOp(), Room: r.id, Peer: peer, Gateway: t.cfg.Own, Epoch: epoch,
		Reason: proto.ReasonDisconnected, Have: r.revision(),
	}
	t.cfg.Requests.Send(time.Now().Add(proto.RequestDeadline), bus.OpLeave, req, func(reply *bus.Reply, err error) {
		defer ended()
		if err != nil {
			r.departLater(peer, epoch, 0)
			return
		}
		r.departed(peer)
		if reply.Error == nil && reply.Revision > 0 && !r.alone() {
			r.await(reply.Revision)
		}
	})
}

// notifyJoinedPause is the time between two messages to an owner about a join that named
// this gateway.
const notifyJoinedPause = 2 * time.Second

// leaves returns the epoch in which a peer is to leave the room. mine is false when it has
// left, or the room names another gateway for the peer, which is then responsible for it.
func (r *replica) leaves(id proto.PeerID) (epoch uint64, mine bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	x, wanted := r.leaving[id]
	if !wanted {
		return 0, false
	}
	epoch = x.epoch
	if m := r.state.Member(id); m != nil {
		return max(epoch, m.Epoch), m.Owner() == r.rooms.cfg.Own
	}
	return epoch, true
}

// cameBack records that a peer need not leave, because it has come back. The room may have
// begun to name this gateway while the peer was away, by a join that was pending when it
// left.
func (r *replica) cameBack(id proto.PeerID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.leaving, id)
	if m := r.state.Member(id); m != nil && m.Owner() == r.rooms.cfg.Own && r.local[id] == nil {
		r.announceLocked(&Diff{}, []*localMember{r.joinLocked(id)}, nil)
	}
	if m := r.state.waiter(id); m != nil && m.Owner() == r.rooms.cfg.Own && r.waiters[id] == nil {
		r.beginWaitingLocked(m)
	}
}

// departed records that id is not in the room any more.
func (r *replica) departed(id proto.PeerID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.leaving, id)
}

// departLater makes a peer leave the room after a while.
func (r *replica) departLater(id proto.PeerID, epoch uint64, wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.departLaterLocked(id, epoch, wait)
	if lm := r.local[id]; lm != nil && !lm.Live() {
		delete(r.local, id)
	}
	if w := r.waiters[id]; w != nil && !w.Live() && w.OtherOwner() == "" { // else it is sent here that it is admitted
		r.dropWaiterLocked(id)
	}
}

func (r *replica) departLaterLocked(id proto.PeerID, epoch uint64, wait time.Duration) {
	if r.leaving == nil {
		r.leaving = make(map[proto.PeerID]leaving)
	}
	now := time.Now()
	was := r.leaving[id]
	x := leaving{epoch: max(epoch, was.epoch), key: was.key, since: was.since, after: now.Add(wait)}
	if x.since.IsZero() {
		x.since = now
	}
	r.leaving[id] = x
}

// departAs records as whose request a departure takes its turn.
func (r *replica) departAs(id proto.PeerID, key fairqueue.Key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if x, is := r.leaving[id]; is {
		x.key = key
		r.leaving[id] = x
	}
}

// leavesSince returns how long it has been known that a peer is to leave the room.
func (r *replica) leavesSince(id proto.PeerID) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Since(r.leaving[id].since)
}

// retryIn schedules a retry of the departures that were not confirmed, after d at the
// latest.
func (r *replica) retryIn(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := time.Now().Add(d)
	switch {
	case r.stopped:
	case r.departBy == nil:
		r.departAt = at
		r.departBy = time.AfterFunc(d, func() { r.rooms.hold(r, r.departuresDue) })
	case at.Before(r.departAt):
		r.departAt = at
		r.departBy.Reset(d)
	}
}

func (r *replica) departuresDue() {
	r.mu.Lock()
	r.departBy = nil
	r.mu.Unlock()
	r.retryDepartures()
}

// retryDepartures sends the departures that were not confirmed again.
func (r *replica) retryDepartures() {
	r.mu.Lock()
	again := make(map[proto.PeerID]fairqueue.Key)
	now := time.Now()
	for id, x := range r.leaving {
		if !x.busy && !x.after.After(now) {
			x.busy = true
			r.leaving[id] = x
			again[id] = x.key
		}
	}
	r.mu.Unlock()
	for id, key := range again {
		r.rooms.pin(r.id)
		r.rooms.cfg.Turns.Enter(key, func(done func()) { r.rooms.leave(r, id, done) })
	}
}
