package room

import (
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// syncRetry is the pause after a comparison of revisions that failed.
const syncRetry = time.Second

// SyncSoon makes Run compare the revisions with the room service soon.
func (t *Rooms) SyncSoon() {
	select {
	case t.soon <- struct{}{}:
	default:
	}
}

// Run compares revisions with the room service every bus.SyncInterval and after each
// SyncSoon, until done is closed. So a missed change is detected even if no other change
// follows.
func (t *Rooms) Run(done <-chan struct{}) {
	next := time.NewTimer(bus.SyncInterval)
	defer next.Stop()
	for {
		select {
		case <-done:
			return
		case <-next.C:
		case <-t.soon:
		}
		pause := bus.SyncInterval
		if !t.sync() {
			pause = syncRetry
		}
		next.Reset(pause)
	}
}

// sync compares the revisions of all rooms. It returns false when that failed.
func (t *Rooms) sync() bool {
	all := t.list()
	for len(all) > 0 {
		page := all[:min(len(all), bus.MaxSyncRooms)]
		all = all[len(page):]
		have := make(map[proto.RoomID]uint64, len(page))
		for _, r := range page {
			t.hold(r, r.endLost)
			r.retryDepartures()
			have[r.id] = r.revision()
		}
		began := time.Now()
		reply, err := t.cfg.Requests.Ask(bus.OpSync, &bus.Request{Gateway: t.cfg.Own, Rooms: have})
		if err != nil {
			t.cfg.Logger.Warn("rooms: comparing revisions failed", "err", err)
			return false
		}
		for _, id := range reply.Differ {
			delete(have, id)
		}
		for _, r := range page {
			t.hold(r, r.endLost)
			if _, same := have[r.id]; !same {
				t.hold(r, r.refetch)
			} else if r.expectsLateEffect() {
				t.hold(r, func() { r.confirm(began) })
			}
		}
	}
	return true
}

// Saw records the first revision of the room service's bucket, from a reply. It reports
// whether an earlier bucket was lost; then Run ends the rooms of the lost bucket. It does
// not block.
//
// The revisions of a bucket are above those of every bucket before it. So the room of a
// replica below the first revision of the current bucket was lost.
func (t *Rooms) Saw(first uint64) (lost bool) {
	for {
		was := t.first.Load()
		if first <= was {
			return false
		}
		if t.first.CompareAndSwap(was, first) {
			if was == 0 {
				return false // the first reply: no earlier bucket was known
			}
			break
		}
	}
	t.SyncSoon()
	return true
}

// lost reports whether this revision belongs to a bucket that was lost.
func (t *Rooms) lost(revision uint64) bool { return revision < t.first.Load() }

// endLost ends the room if it was lost.
func (r *replica) endLost() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.endLostLocked()
}

// endLostLocked notifies the local members that the room has ended, if its bucket was
// lost. Room services do not restore rooms from the gateways' replicas: these differ in
// age, and none of them can be proven to be the newest.
func (r *replica) endLostLocked() {
	if r.state.Room == nil || !r.rooms.lost(r.state.Revision) {
		return
	}
	r.rooms.cfg.Metrics.Lost.Inc()
	d := r.state.Lose()
	r.reconcileLocked(&d)
}

// lateEffectTime is how long a request may still take effect after its requester stopped
// waiting: a copy may have reached the room service at the last moment, and wait there.
const lateEffectTime = proto.RequestDeadline + 5*time.Second

// expectLateEffect keeps the replica until it is known whether a request took effect.
func (r *replica) expectLateEffect() {
	r.mu.Lock()
	r.lateUntil = time.Now().Add(lateEffectTime)
	r.mu.Unlock()
	r.rooms.SyncSoon()
}

func (r *replica) expectsLateEffect() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.lateUntil.IsZero()
}

// confirm records that the replica's state of the room was current at a time or later.
func (r *replica) confirm(at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.confirmLocked(at)
}

func (r *replica) confirmLocked(at time.Time) {
	if at.After(r.lateUntil) {
		r.lateUntil = time.Time{}
	}
}
