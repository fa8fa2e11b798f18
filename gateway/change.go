package gateway

import (
	"time"

	"p2pconnector/gateway/internal/room"
	ownership "p2pconnector/gateway/internal/session"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// settleLocked brings the local members in line with the copy and has everyone told.
func (r *replica) settleLocked(d *room.Diff) {
	if !d.Ended {
		r.coalesceLocked(d)
	}
	var fresh []*localMember
	var contested []bus.Member
	from := r.moveLocked(d)
	for _, m := range d.Added {
		if m.Holder() == r.g.id {
			fresh = append(fresh, r.joinLocked(m.ID))
		}
	}
	for _, m := range d.Moved {
		if m.Holder() == r.g.id {
			if lm := r.joinLocked(m.ID); lm != nil {
				if from[m.ID] != r.g.id || d.Was == nil { // otherwise only its epoch is another
					lm.since, lm.unsure = r.state.Revision, d.Fetched
				}
				if lm.seen == 0 {
					fresh = append(fresh, lm) // it moved while it joined, and was never told
				}
			}
		} else {
			delete(r.leaving, m.ID)
			r.moveAwayLocked(&m)
			if s := r.g.sessions.get(m.ID); s != nil && s.owned() {
				contested = append(contested, m)
			}
		}
	}
	if len(contested) > 0 {
		r.g.background(func() { r.g.contest(r.id, contested) }, func() {})
	}
	var parted []*localMember
	for _, x := range d.Removed {
		delete(r.leaving, x.ID)
		parted = append(parted, r.partLocked(x.ID))
	}
	r.announceLocked(d, fresh, parted)
	if d.Ended {
		for id := range r.local {
			r.partLocked(id)
		}
		r.leaving = nil
	}
}

// moveLocked makes frames for members follow them: for those who have moved, behind what
// may come back from where they were. It returns where those who have moved were.
func (r *replica) moveLocked(d *room.Diff) (from map[proto.PeerID]proto.GatewayID) {
	from, to := d.Routes(r.g.id)
	if len(from) > 0 || len(to) > 0 {
		r.g.links.roomMoved(from, to)
	}
	return from
}

// contest is for peers that this gateway owns, as far as it knows, although a room names
// another gateway: in a later epoch another may have taken the session over, and in an
// earlier one the room does not know yet.
func (g *Gateway) contest(id proto.RoomID, members []bus.Member) {
	for _, m := range members {
		s := g.sessions.get(m.ID)
		if s == nil || !s.owned() {
			continue
		}
		if m.Epoch > s.epoch() {
			if a := g.directory.Look(m.ID); a.Kind == ownership.Entry && a.Owner != g.id {
				g.step(s, ownership.Event{Kind: ownership.Outdated, By: a.Owner, Epoch: a.Epoch})
			}
			continue
		}
		g.takeRoom(s, id, s.epoch())
	}
}

// joinLocked makes id a local member; nil when its session has ended meanwhile,
// in which case it leaves again.
func (r *replica) joinLocked(id proto.PeerID) *localMember {
	s := r.g.sessions.get(id)
	var fresh, ok bool
	if s != nil {
		fresh, ok = s.addRoom(r.id)
	}
	if !ok {
		r.departLaterLocked(id, r.state.Member(id).Epoch, 0)
		r.g.background(func() { r.g.rooms.hold(r, r.retryDepartures) }, func() {})
		return nil
	}
	lm := r.local[id]
	if lm == nil {
		lm = &localMember{s: s}
		if !fresh {
			lm.seen = r.state.Revision // it was a member before it came here: nothing is news to it
		}
		if r.local == nil {
			r.local = make(map[proto.PeerID]*localMember)
		}
		r.local[id] = lm
	}
	lm.s = s
	return lm
}

// partLocked forgets a local member; nil when id is none.
func (r *replica) partLocked(id proto.PeerID) *localMember {
	lm := r.local[id]
	if lm != nil {
		delete(r.local, id)
		lm.s.removeRoom(r.id)
	}
	return lm
}

// moveAwayLocked notes that another gateway serves m now. What still comes here for it
// goes back to its sender's gateway, which sends it on.
func (r *replica) moveAwayLocked(m *bus.Member) {
	lm := r.local[m.ID]
	if lm == nil {
		return
	}
	r.catchUpLocked(lm, nil) // the other gateway sends it what comes later
	delete(r.local, m.ID)
	r.movedAway.Add(m, r.state.Revision)
}

// leaves returns the epoch in which a peer is to leave the room; mine is false when the
// room names another gateway for it, which is answerable for it.
func (r *replica) leaves(id proto.PeerID) (epoch uint64, mine bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	epoch = r.leaving[id].epoch
	if m := r.state.Member(id); m != nil {
		return max(epoch, m.Epoch), m.Holder() == r.g.id
	}
	return epoch, true
}

// cameBack takes in a peer that need not leave, since it has come back. The room may have
// come to name this gateway while it was away: by a join that was under way when it left.
func (r *replica) cameBack(id proto.PeerID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.leaving, id)
	if m := r.state.Member(id); m != nil && m.Holder() == r.g.id && r.local[id] == nil {
		r.announceLocked(&room.Diff{}, []*localMember{r.joinLocked(id)}, nil)
	}
}

// departed notes that id is out of the room.
func (r *replica) departed(id proto.PeerID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.leaving, id)
}

// departLater has a peer leave the room after a while.
func (r *replica) departLater(id proto.PeerID, epoch uint64, wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.departLaterLocked(id, epoch, wait)
	if lm := r.local[id]; lm != nil && !lm.s.live() {
		delete(r.local, id)
	}
}

func (r *replica) departLaterLocked(id proto.PeerID, epoch uint64, wait time.Duration) {
	if r.leaving == nil {
		r.leaving = make(map[proto.PeerID]leaving)
	}
	now := time.Now()
	x := leaving{epoch: max(epoch, r.leaving[id].epoch), since: r.leaving[id].since, after: now.Add(wait)}
	if x.since.IsZero() {
		x.since = now
	}
	r.leaving[id] = x
}

// leavesSince is for how long it has been known that a peer is to leave the room.
func (r *replica) leavesSince(id proto.PeerID) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Since(r.leaving[id].since)
}

// retryIn has the departures that were not confirmed tried again after d at the latest.
func (r *replica) retryIn(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := time.Now().Add(d)
	switch {
	case r.stopped:
	case r.departBy == nil:
		r.departAt = at
		r.departBy = time.AfterFunc(d, func() { r.g.rooms.hold(r, r.departuresDue) })
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

// retryDepartures sends the departures that were not confirmed once more.
func (r *replica) retryDepartures() {
	r.mu.Lock()
	var again []proto.PeerID
	now := time.Now()
	for id, x := range r.leaving {
		if !x.busy && !x.after.After(now) {
			x.busy = true
			r.leaving[id] = x
			again = append(again, id)
		}
	}
	r.mu.Unlock()
	for _, id := range again {
		r.g.rooms.pin(r.id)
		r.g.rooms.leave(r, id)
	}
}
