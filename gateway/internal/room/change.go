package room

import (
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// reconcileLocked brings the local members in line with the copy and announces the change.
func (r *replica) reconcileLocked(d *Diff) {
	r.rooms.rosters.set(r.id, &r.state) // before any member learns of the change
	if !d.Ended {
		r.coalesceLocked(d)
	}
	var fresh []*localMember
	var away []bus.Member
	r.moveLocked(d)
	for _, m := range d.Added {
		if m.Owner() == r.rooms.cfg.Own {
			fresh = append(fresh, r.joinLocked(m.ID))
		}
	}
	for _, m := range d.Moved {
		if m.Owner() == r.rooms.cfg.Own {
			had := r.local[m.ID] != nil
			if lm := r.joinLocked(m.ID); lm != nil {
				if !had { // otherwise only its epoch differs
					lm.since, lm.unsure = r.state.Revision, d.Fetched
				}
				if lm.seen == 0 {
					fresh = append(fresh, lm) // it moved while it joined, and was never notified
				}
			}
		} else {
			delete(r.leaving, m.ID)
			r.moveAwayLocked(&m)
			away = append(away, m)
		}
	}
	if len(away) > 0 {
		r.rooms.cfg.Contest(r.id, away)
	}
	var parted []*localMember
	for _, x := range d.Removed {
		delete(r.leaving, x.ID)
		parted = append(parted, r.partLocked(x.ID))
	}
	r.reconcileWaitingLocked(d)
	r.announceLocked(d, fresh, parted)
	if d.Ended {
		for id := range r.local {
			r.partLocked(id)
		}
		r.leaving = nil
	}
}

// moveLocked routes frames for members to their present gateways. Frames for members that
// have moved wait for frames that may come back from their former gateways.
func (r *replica) moveLocked(d *Diff) {
	from, to := d.Routes(r.rooms.cfg.Own)
	if len(from) > 0 || len(to) > 0 {
		r.rooms.cfg.Relays.RoomMoved(from, to)
	}
}

// joinLocked makes id a local member. It returns nil when its session has ended in the
// meantime, and then makes the peer leave the room again.
func (r *replica) joinLocked(id proto.PeerID) *localMember {
	m := r.rooms.cfg.Member(id)
	var fresh, ok bool
	if m != nil {
		fresh, ok = m.JoinRoom(r.id)
	}
	if !ok {
		if w := r.dropWaiterLocked(id); w != nil { // admitted while its session moves: the new owner's gateway does not know that it waited
			w.Send(r.state.Welcome(id, nil, r.rooms.cfg.Frame))
		}
		r.departLaterLocked(id, r.state.Member(id).Epoch, 0)
		r.rooms.cfg.Go(func() { r.rooms.hold(r, r.retryDepartures) }, func() {})
		return nil
	}
	if r.dropWaiterLocked(id) != nil {
		fresh = true
	}
	lm := r.local[id]
	if lm == nil {
		lm = &localMember{Member: m}
		if !fresh {
			lm.seen = r.state.Revision // it was a member before it came here, and has seen all changes
		}
		if r.local == nil {
			r.local = make(map[proto.PeerID]*localMember)
		}
		r.local[id] = lm
	}
	lm.Member = m
	return lm
}

// partLocked forgets a local member. It returns nil when id is not a local member.
func (r *replica) partLocked(id proto.PeerID) *localMember {
	lm := r.local[id]
	if lm != nil {
		delete(r.local, id)
		lm.LeaveRoom(r.id)
	}
	return lm
}

// moveAwayLocked records that another gateway serves m now. Frames that still arrive here
// for it go back to their sender's gateway, which forwards them.
func (r *replica) moveAwayLocked(m *bus.Member) {
	lm := r.local[m.ID]
	if lm == nil {
		return
	}
	r.catchUpLocked(lm, nil) // the other gateway sends it the later changes
	delete(r.local, m.ID)
	came := lm.since
	if lm.unsure != 0 {
		came = lm.unsure + 1 // at the earliest
	}
	r.moved.Add(m, came, r.state.Revision)
}

// movedInLocked records the revision at which a member moved here, which a fetched state
// does not have.
func (r *replica) movedInLocked(id proto.PeerID, revision uint64) {
	if lm := r.local[id]; lm != nil {
		lm.since, lm.unsure = min(lm.since, revision), 0
	}
}
