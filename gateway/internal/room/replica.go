package room

import (
	"errors"
	"slices"
	"sync"
	"time"

	"p2pconnector/gateway/internal/egress"
	"p2pconnector/gateway/internal/fairqueue"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// maxAhead bounds the changes that wait for a missing change. At that many, the replica
// fetches the room at once, and takes further changes from what it fetches.
const maxAhead = 64

// replica is this gateway's copy of a room. Only apply (a change) and adopt (a whole
// room) update it; both ignore what is older than the copy. Safe for concurrent use.
type replica struct {
	rooms *Rooms
	id    proto.RoomID
	token string
	pins  int // pending requests and calls; guarded by the lock of rooms

	budget egress.RoomBudget // of messages from here; needs no lock

	mu        sync.Mutex
	state     State
	local     map[proto.PeerID]*localMember // members that this gateway holds
	waiters   map[proto.PeerID]*waiter      // peers of this gateway that wait to be admitted
	leaving   map[proto.PeerID]leaving      // peers that are to leave the room, until that is confirmed
	calls     map[bus.OpID]*Call            // pending requests of clients
	awaiting  []awaiting
	ahead     []*bus.Change
	holeTimer *time.Timer
	departBy  *time.Timer // retries the departures that wait for another gateway
	departAt  time.Time   // when departBy fires
	fetching  bool
	again     bool // fetch once more when the running fetch ends
	stopped   bool
	lateUntil time.Time // until when a request that ended without an answer may take effect; zero: there is none
	moved     Moved

	batch       Batch       // changes that the local members have not been sent
	updated     time.Time   // when they were last sent an update
	updateTimer *time.Timer // sends the next update; nil when none is due
}

// localMember is a member that this gateway holds.
type localMember struct {
	Member
	seen      uint64 // revision of the last room frame to it
	moderates bool   // by then; it has been sent who waits
	since     uint64 // revision at which it moved here; 0: it did not
	// If the room was fetched, the member moved here after revision unsure and at revision
	// since at the latest; 0: exactly at since.
	unsure uint64
}

// leaving is a peer that is to leave the room.
type leaving struct {
	epoch uint64        // of its session here
	key   fairqueue.Key // as whose request the departure takes its turn
	since time.Time     // when it was first known that the peer is to leave
	after time.Time     // do not leave before: another gateway may make the room name it
	busy  bool          // the departure was requested, or waits for its turn
}

// awaiting is a wait for the replica to reach a revision.
type awaiting struct {
	rev  uint64
	done func()
}

func (r *replica) revision() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.Revision
}

// idle reports whether nothing needs the replica.
func (r *replica) idle() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.local)+len(r.waiters) == 0 && len(r.leaving) == 0 && len(r.calls) == 0 && !r.fetching && r.lateUntil.IsZero()
}

// alone reports whether there is no other local member or waiter, so that none awaits a
// change.
func (r *replica) alone() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.local)+len(r.waiters) == 0
}

func (r *replica) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	r.stopWaitingLocked()
	for _, t := range []*time.Timer{r.holeTimer, r.departBy, r.updateTimer} {
		if t != nil {
			t.Stop()
		}
	}
}

// apply applies a committed change.
func (r *replica) apply(c *bus.Change) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.applyLocked(c)
	r.followLocked()
	r.reachedLocked()
	r.endLostLocked()
}

func (r *replica) applyLocked(c *bus.Change) {
	lost := r.rooms.lost(c.After)
	if !lost {
		r.endLostLocked() // c belongs to another room
	}
	switch {
	case c.After <= r.state.Revision, lost && r.state.Room == nil:
		return
	case !r.state.Follows(c):
		r.waitLocked(c)
	default:
		d := r.state.Apply(c)
		r.reconcileLocked(&d)
	}
}

// waitLocked keeps a change whose predecessor has not arrived yet.
func (r *replica) waitLocked(c *bus.Change) {
	if len(r.ahead) < maxAhead {
		r.ahead = append(r.ahead, c)
		slices.SortFunc(r.ahead, func(x, y *bus.Change) int { return int(int64(x.After - y.After)) })
	}
	patience := bus.HoleTimeout
	if len(r.ahead) >= maxAhead || r.state.Revision == 0 {
		patience = 0
	}
	switch {
	case r.stopped:
	case r.holeTimer == nil:
		r.rooms.cfg.Metrics.Holes.Inc()
		r.holeTimer = time.AfterFunc(patience, func() { r.rooms.hold(r, r.holeTimeout) })
	case patience == 0 && r.holeTimer.Stop():
		r.holeTimer.Reset(0)
	}
}

func (r *replica) holeTimeout() {
	r.mu.Lock()
	r.holeTimer = nil
	missing := len(r.ahead) > 0
	r.mu.Unlock()
	if missing {
		r.refetch()
	}
}

// followLocked applies the waiting changes whose predecessor has been applied.
func (r *replica) followLocked() {
	for len(r.ahead) > 0 {
		i := slices.IndexFunc(r.ahead, func(c *bus.Change) bool { return c.After <= r.state.Revision || r.state.Follows(c) })
		if i < 0 {
			return
		}
		c := r.ahead[i]
		r.ahead = slices.Delete(r.ahead, i, i+1)
		r.applyLocked(c)
	}
	if r.holeTimer != nil && r.holeTimer.Stop() {
		r.holeTimer = nil
	}
}

// refetch fetches the whole room and adopts it. The caller holds a pin. One fetch runs at
// a time; a call during a fetch makes it run again.
func (r *replica) refetch() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fetching {
		r.again = true
		return
	}
	r.fetching = true
	r.rooms.cfg.Go(func() { r.rooms.hold(r, r.fetchLoop) }, func() { r.fetching = false })
}

func (r *replica) fetchLoop() {
	for {
		before, began := r.revision(), time.Now()
		snap, err := r.rooms.fetch(r.id)
		r.mu.Lock()
		more := false
		if err == nil {
			r.rooms.cfg.Metrics.Fetches.Inc()
			// A snapshot without a room proves nothing about a room that was made later.
			if more = r.again || snap.Room == nil && snap.Revision == 0 && r.state.Revision != before; !more || snap.Room != nil {
				r.takeLocked(snap)
				r.confirmLocked(began)
			}
		}
		r.again = false
		if !more {
			r.fetching = false
		}
		r.mu.Unlock()
		if err != nil {
			r.rooms.cfg.Logger.Warn("rooms: fetching failed", "room", string(r.id), "err", err)
		}
		if !more {
			return
		}
	}
}

func (r *replica) adoptLocked(room *bus.Room, revision uint64) {
	d := r.state.Replace(room, revision)
	r.reconcileLocked(&d)
}

// takeLocked adopts a fetched state that is newer than the copy.
func (r *replica) takeLocked(snap *bus.Snapshot) {
	if snap.Room == nil || !r.rooms.lost(snap.Revision) {
		r.endLostLocked() // snap is another room, or no room
	}
	switch {
	case snap.Room != nil && snap.Revision > r.state.Revision:
		r.adoptLocked(snap.Room, snap.Revision)
	case snap.Room == nil && (snap.Revision > r.state.Revision || snap.Revision == 0):
		r.adoptLocked(nil, max(snap.Revision, r.state.Revision))
		for i := range r.awaiting { // the revisions that they await have passed
			r.awaiting[i].rev = 0
		}
	}
	r.ahead = slices.DeleteFunc(r.ahead, func(c *bus.Change) bool { return c.After <= r.state.Revision })
	r.followLocked()
	r.reachedLocked()
	r.endLostLocked()
}

// adopt adopts a whole room at a revision.
func (r *replica) adopt(snap *bus.Snapshot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.takeLocked(snap)
}

// await calls done when the replica is at rev. If no change brings the replica there, await
// makes it fetch the room.
func (r *replica) await(rev uint64, done ...func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range done {
		r.awaiting = append(r.awaiting, awaiting{rev, f})
	}
	if r.state.Revision >= rev {
		r.reachedLocked()
		return
	}
	r.awaitRevisionLocked(rev)
}

// awaitRevisionLocked makes the replica fetch the room if it does not reach rev soon.
func (r *replica) awaitRevisionLocked(rev uint64) {
	if r.holeTimer != nil || r.stopped {
		return
	}
	patience := bus.HoleTimeout
	if r.state.Revision == 0 {
		patience = 0
	}
	r.holeTimer = time.AfterFunc(patience, func() { r.rooms.hold(r, func() { r.fetchIfBehind(rev) }) })
}

// fetchIfBehind fetches the room if the replica is not at rev yet.
func (r *replica) fetchIfBehind(rev uint64) {
	r.mu.Lock()
	r.holeTimer = nil
	missing := r.state.Revision < rev || len(r.ahead) > 0
	r.mu.Unlock()
	if missing {
		r.refetch()
	}
}

// reachedLocked ends the waits for revisions that the replica has reached.
func (r *replica) reachedLocked() {
	r.rooms.cfg.Advanced()
	r.awaiting = slices.DeleteFunc(r.awaiting, func(a awaiting) bool {
		if a.rev > r.state.Revision {
			return false
		}
		a.done()
		return true
	})
}

// fetch returns a whole room from the room service.
func (t *Rooms) fetch(id proto.RoomID) (*bus.Snapshot, error) {
	reply, err := t.cfg.Requests.Ask(bus.OpGet, &bus.Request{Room: id})
	if e, ok := errors.AsType[*proto.Error](err); ok && e.Code == proto.NotFound {
		return &bus.Snapshot{}, nil
	}
	if err != nil {
		return nil, err
	}
	if reply.State == nil {
		return &bus.Snapshot{Revision: reply.Revision}, nil
	}
	return reply.State, nil
}

// counts returns the number of members, and the number of members that this gateway
// holds.
func (r *replica) counts() (all, here int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state.Room != nil {
		all = len(r.state.Room.Members)
	}
	return max(all, len(r.local)), len(r.local)
}

// reseat makes m the session of the local member.
func (r *replica) reseat(m Member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if lm := r.local[m.ID()]; lm != nil {
		lm.Member = m
	}
	if w := r.waiters[m.ID()]; w != nil {
		w.Member = m
	}
}
