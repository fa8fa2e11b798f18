package gateway

import (
	"slices"
	"time"

	"p2pconnector/proto"
)

// diff is what a change, or a fetched state, did to the copy.
type diff struct {
	added   []proto.Member
	removed []proto.Removal
	moved   []proto.Member
	set     bool // settings changed
	ended   bool
	by      proto.PeerID // who changed the settings or ended the room
	op      proto.OpID
	was     *proto.Room // before an end
}

// changeLocked applies a change that follows the copy.
func (r *replica) changeLocked(c *proto.Change) {
	d := diff{added: c.Added, removed: c.Removed, moved: c.Moved, set: c.Set != nil, ended: c.Ended, by: c.By, op: c.Op}
	r.flushCollidingLocked(&d)
	room := *r.room
	d.was = r.room
	if len(c.Removed) > 0 {
		left := make(map[proto.PeerID]bool, len(c.Removed))
		for _, m := range c.Removed {
			left[m.ID] = true
		}
		room.Members = slices.DeleteFunc(slices.Clone(room.Members), func(m proto.Member) bool { return left[m.ID] })
	}
	for _, m := range c.Moved {
		if i := slices.IndexFunc(room.Members, func(x proto.Member) bool { return x.ID == m.ID }); i >= 0 {
			room.Members[i].Gateway = m.Gateway
		}
	}
	room.Members = append(room.Members, c.Added...)
	room.Creator = c.Creator
	if c.Set != nil {
		room.Name, room.Capacity, room.Locked, room.Metadata = c.Set.Name, c.Set.Capacity, c.Set.Locked, c.Set.Metadata
	}
	r.room, r.rev = &room, c.After
	if c.Ended {
		r.room = nil
	}
	r.reindexLocked()
	r.settleLocked(&d)
}

// adoptLocked replaces the copy. c is the change that made the room, if that is
// how it came.
func (r *replica) adoptLocked(room *proto.Room, rev uint64, c *proto.Change) {
	d := diff{was: r.room, ended: room == nil && r.room != nil}
	if c != nil {
		d.by, d.op = c.By, c.Op
	}
	if room != nil {
		r.compareLocked(&d, room)
	}
	r.flushCollidingLocked(&d)
	r.room, r.rev = room, rev
	r.reindexLocked()
	r.settleLocked(&d)
}

// compareLocked fills d with what tells room from the copy.
func (r *replica) compareLocked(d *diff, room *proto.Room) {
	now := make(map[proto.PeerID]bool, len(room.Members))
	for _, m := range room.Members {
		now[m.ID] = true
		switch was := r.index[m.ID]; {
		case was == nil:
			d.added = append(d.added, m)
		case was.Holder() != m.Holder():
			d.moved = append(d.moved, m)
		}
	}
	w := r.room
	if w == nil {
		return
	}
	for _, m := range w.Members {
		if !now[m.ID] {
			d.removed = append(d.removed, removalOf(room, m.ID))
		}
	}
	d.set = w.Name != room.Name || w.Capacity != room.Capacity || w.Locked != room.Locked || string(w.Metadata) != string(room.Metadata)
}

// removalOf says why id is no longer a member, as far as the room remembers.
func removalOf(room *proto.Room, id proto.PeerID) proto.Removal {
	for _, done := range slices.Backward(room.Recent) {
		if done.Peer == id && done.Reason != "" {
			return proto.Removal{ID: id, Reason: done.Reason, Op: done.Op}
		}
	}
	return proto.Removal{ID: id, Reason: proto.ReasonLeft}
}

func (r *replica) reindexLocked() {
	r.index, r.holders = nil, nil
	if r.room == nil {
		return
	}
	r.index = make(map[proto.PeerID]*proto.Member, len(r.room.Members))
	r.holders = make(map[proto.GatewayID]int)
	for i := range r.room.Members {
		m := &r.room.Members[i]
		r.index[m.ID] = m
		r.holders[m.Holder()]++
	}
}

// settleLocked brings the local members in line with the copy and has everyone told.
func (r *replica) settleLocked(d *diff) {
	var fresh []*localMember
	var contested []proto.Member
	for _, m := range d.added {
		if m.Holder() == r.g.id {
			fresh = append(fresh, r.joinLocked(m.ID))
		}
	}
	for _, m := range d.moved {
		if m.Holder() == r.g.id {
			if lm := r.joinLocked(m.ID); lm != nil {
				lm.since = r.rev
				if lm.seen > 0 {
					lm.seen = r.rev
				} else {
					fresh = append(fresh, lm) // it moved while it joined, and was never told
				}
			}
		} else {
			delete(r.leaving, m.ID)
			r.moveAwayLocked(m)
			if s := r.g.sessions.get(m.ID); s != nil && s.held() {
				contested = append(contested, m)
			}
		}
	}
	if len(contested) > 0 {
		r.g.background(func() { r.g.contest(r.id, contested) }, func() {})
	}
	var parted []*localMember
	for _, x := range d.removed {
		delete(r.leaving, x.ID)
		parted = append(parted, r.partLocked(x.ID))
	}
	r.announceLocked(d, fresh, parted)
	if d.ended {
		for id := range r.local {
			r.partLocked(id)
		}
		r.leaving = nil
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
		r.departLaterLocked(id)
		r.g.background(func() { r.g.rooms.hold(r, r.retryDepartures) }, func() {})
		return nil
	}
	lm := r.local[id]
	if lm == nil {
		lm = &localMember{s: s}
		if !fresh {
			lm.seen = r.rev // it was a member before it came here: nothing is news to it
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

// moveAwayLocked notes that another gateway holds m now. What still comes here
// for it is passed on for a while.
func (r *replica) moveAwayLocked(m proto.Member) {
	lm := r.local[m.ID]
	if lm == nil {
		return
	}
	r.catchUpLocked(lm, nil)
	delete(r.local, m.ID)
	now := time.Now()
	r.emptied = slices.DeleteFunc(r.emptied, func(x movedAway) bool { return now.After(x.until) })
	if len(r.emptied) < proto.ReplayFrames {
		r.emptied = append(r.emptied, movedAway{m.ID, m.Holder(), r.rev, now.Add(lateTime)})
	}
}

// departing notes that id has ended; false when its departure is under way already.
func (r *replica) departing(id proto.PeerID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if retry, noted := r.leaving[id]; noted && !retry {
		return false
	}
	if r.leaving == nil {
		r.leaving = make(map[proto.PeerID]bool)
	}
	r.leaving[id] = false
	delete(r.local, id)
	return true
}

// cameBack takes in a peer that need not leave, since it has come back. The room may have
// come to name this gateway while it was away: by a join that was under way when it left.
func (r *replica) cameBack(id proto.PeerID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.leaving, id)
	if m := r.index[id]; m != nil && m.Holder() == r.g.id && r.local[id] == nil {
		r.announceLocked(&diff{}, []*localMember{r.joinLocked(id)}, nil)
	}
}

// departed notes that id is out of the room.
func (r *replica) departed(id proto.PeerID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.leaving, id)
}

// departLater has the departure of id tried again.
func (r *replica) departLater(id proto.PeerID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.departLaterLocked(id)
}

func (r *replica) departLaterLocked(id proto.PeerID) {
	if r.leaving == nil {
		r.leaving = make(map[proto.PeerID]bool)
	}
	r.leaving[id] = true
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
	for id, retry := range r.leaving {
		if retry {
			r.leaving[id] = false
			again = append(again, id)
		}
	}
	r.mu.Unlock()
	for _, id := range again {
		r.g.rooms.pin(r.id)
		r.g.rooms.leave(r, id)
	}
}
