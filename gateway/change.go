package gateway

import (
	"slices"
	"time"

	"p2pconnector/gateway/internal/link"
	ownership "p2pconnector/gateway/internal/session"
	"p2pconnector/proto"
)

// diff is what a change, or a fetched state, did to the copy.
type diff struct {
	added   []proto.Member
	removed []proto.Removal
	moved   []proto.Member
	renewed []proto.PeerID // members before and after, of which others see something else now
	set     bool           // settings changed
	ended   bool
	reason  proto.Reason // of the end: lost, or none
	by      proto.PeerID // who changed the settings or ended the room
	op      proto.OpID
	was     *proto.Room // before; nil: unknown
	fetched uint64      // revision of the copy before, when the whole was fetched; 0: a change came
}

// changeLocked applies a change that follows the copy.
func (r *replica) changeLocked(c *proto.Change) {
	d := diff{added: c.Added, removed: c.Removed, moved: c.Moved, set: c.Set != nil, ended: c.Ended, by: c.By, op: c.Op}
	room := *r.room
	d.was = r.room
	if len(c.Removed) > 0 {
		left := make(map[proto.PeerID]bool, len(c.Removed))
		for _, m := range c.Removed {
			left[m.ID] = true
		}
		room.Members = slices.DeleteFunc(slices.Clone(room.Members), func(m proto.Member) bool { return left[m.ID] })
	}
	if len(c.Moved) > 0 && len(c.Removed) == 0 {
		room.Members = slices.Clone(room.Members)
	}
	for _, m := range c.Moved {
		if i := slices.IndexFunc(room.Members, func(x proto.Member) bool { return x.ID == m.ID }); i >= 0 {
			room.Members[i].Gateway, room.Members[i].Epoch = m.Gateway, m.Epoch
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
	} else {
		d.fetched = max(r.rev, 1)
	}
	if room != nil {
		r.compareLocked(&d, room)
	}
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
		if was := r.index[m.ID]; was != nil && !sameInfo(was, &m) {
			d.renewed = append(d.renewed, m.ID)
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
	if !d.ended {
		r.coalesceLocked(d)
	}
	var fresh []*localMember
	var contested []proto.Member
	from := r.moveLocked(d)
	for _, m := range d.added {
		if m.Holder() == r.g.id {
			fresh = append(fresh, r.joinLocked(m.ID))
		}
	}
	for _, m := range d.moved {
		if m.Holder() == r.g.id {
			if lm := r.joinLocked(m.ID); lm != nil {
				if from[m.ID] != r.g.id || d.was == nil { // otherwise only its epoch is another
					lm.since, lm.unsure = r.rev, d.fetched
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

// moveLocked has frames for members follow them: for those who have moved, behind what may
// come back from where they were. A member that came moved already is looked for nowhere
// else. It returns where those who have moved were.
func (r *replica) moveLocked(d *diff) (from map[proto.PeerID]proto.GatewayID) {
	from = make(map[proto.PeerID]proto.GatewayID, len(d.moved))
	for _, m := range d.moved {
		from[m.ID] = m.ID.Home()
	}
	if len(from) > 0 && d.was != nil {
		for i := range d.was.Members {
			if m := &d.was.Members[i]; from[m.ID] != "" {
				from[m.ID] = m.Holder()
			}
		}
	}
	to := make(map[proto.PeerID]link.Route)
	for _, m := range slices.Concat(d.added, d.moved) {
		if m.Epoch > 0 && m.Holder() != r.g.id { // here the session says when it is served
			to[m.ID] = link.Route{Owner: m.Holder(), Epoch: m.Epoch}
		}
	}
	if len(from) > 0 || len(to) > 0 {
		r.g.links.roomMoved(from, to)
	}
	return from
}

// contest is for peers that this gateway owns, as far as it knows, although a room names
// another gateway: in a later epoch another may have taken the session over, and in an
// earlier one the room does not know yet.
func (g *Gateway) contest(room proto.RoomID, members []proto.Member) {
	for _, m := range members {
		s := g.sessions.get(m.ID)
		if s == nil || !s.owned() {
			continue
		}
		if m.Epoch > s.epoch() {
			if a := g.lookEntry(m.ID); a.Kind == ownership.Entry && a.Owner != g.id {
				g.step(s, ownership.Event{Kind: ownership.Outdated, By: a.Owner, Epoch: a.Epoch})
			}
			continue
		}
		g.takeRoom(s, room, s.epoch())
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
		r.departLaterLocked(id, r.index[id].Epoch, 0)
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

// moveAwayLocked notes that another gateway serves m now. What still comes here for it
// goes back to its sender's gateway, which sends it on.
func (r *replica) moveAwayLocked(m *proto.Member) {
	lm := r.local[m.ID]
	if lm == nil {
		return
	}
	r.catchUpLocked(lm, nil) // the other gateway sends it what comes later
	delete(r.local, m.ID)
	r.movedAway.add(m, r.rev)
}

// leaves returns the epoch in which a peer is to leave the room; mine is false when the
// room names another gateway for it, which is answerable for it.
func (r *replica) leaves(id proto.PeerID) (epoch uint64, mine bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	epoch = r.leaving[id].epoch
	if m := r.index[id]; m != nil {
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
