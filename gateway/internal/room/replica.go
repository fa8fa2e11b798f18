package room

import (
	"errors"
	"slices"
	"sync"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// maxGap bounds the changes that wait for one that is missing; beyond it the
// room is fetched at once.
const maxGap = 64

// replica is this gateway's copy of a room. apply (a change) and adopt (the
// whole) are the only ways in; what is older than the copy is ignored. Safe for
// concurrent use.
type replica struct {
	rooms *Rooms
	id    proto.RoomID
	token string
	pins  int // requests and calls under way; guarded by the lock of rooms

	mu       sync.Mutex
	state    State
	local    map[proto.PeerID]*localMember // those that this gateway holds
	leaving  map[proto.PeerID]leaving      // who is to leave the room, until that is confirmed
	calls    map[bus.OpID]*Call            // requests of clients under way
	awaiting []awaiting
	gap      []*bus.Change
	gapTimer *time.Timer
	departBy *time.Timer // retries the departures that wait for another gateway
	departAt time.Time   // when it does
	fetching bool
	again    bool // fetch once more when the fetch under way ends
	stopped  bool
	doubt    time.Time // a request ended without an answer, and may take effect until then; zero: none did
	moved    Moved

	batch       Batch       // what the local members have not been sent
	updated     time.Time   // when they were sent an update
	updateTimer *time.Timer // sends the next one; nil when none is due
}

// localMember is a member that this gateway holds.
type localMember struct {
	Member
	seen  uint64 // revision that the last room frame to it showed
	since uint64 // revision at which it moved here; 0: it did not
	// When the room was fetched, the member moved here after revision unsure, and at since
	// at the latest; 0: at since.
	unsure uint64
}

// leaving is a peer that is to leave the room.
type leaving struct {
	epoch uint64    // of its session here
	since time.Time // when that was first known
	after time.Time // not before: another gateway may have the room name it
	busy  bool      // it was asked for
}

// awaiting is told when the replica has reached a revision.
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
	return len(r.local) == 0 && len(r.leaving) == 0 && len(r.calls) == 0 && !r.fetching && r.doubt.IsZero()
}

// alone reports whether no other member is here, so that nobody awaits a change.
func (r *replica) alone() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.local) == 0
}

func (r *replica) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	for _, t := range []*time.Timer{r.gapTimer, r.departBy, r.updateTimer} {
		if t != nil {
			t.Stop()
		}
	}
}

// apply takes a committed change in.
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
		r.endLostLocked() // c is of another room
	}
	switch {
	case c.After <= r.state.Revision, lost && r.state.Room == nil:
		return
	case !r.state.Follows(c):
		r.waitLocked(c)
	default:
		d := r.state.Apply(c)
		r.settleLocked(&d)
	}
}

// waitLocked keeps a change whose predecessor has not come yet.
func (r *replica) waitLocked(c *bus.Change) {
	if len(r.gap) < maxGap {
		r.gap = append(r.gap, c)
		slices.SortFunc(r.gap, func(x, y *bus.Change) int { return int(int64(x.After - y.After)) })
	}
	patience := bus.HoleTimeout
	if len(r.gap) >= maxGap || r.state.Revision == 0 {
		patience = 0
	}
	if r.gapTimer == nil && !r.stopped {
		r.rooms.cfg.Metrics.Holes.Inc()
		r.gapTimer = time.AfterFunc(patience, func() { r.rooms.hold(r, r.gapOver) })
	}
}

func (r *replica) gapOver() {
	r.mu.Lock()
	r.gapTimer = nil
	missing := len(r.gap) > 0
	r.mu.Unlock()
	if missing {
		r.refetch()
	}
}

// followLocked applies the changes whose turn has come.
func (r *replica) followLocked() {
	for len(r.gap) > 0 {
		i := slices.IndexFunc(r.gap, func(c *bus.Change) bool { return c.After <= r.state.Revision || r.state.Follows(c) })
		if i < 0 {
			return
		}
		c := r.gap[i]
		r.gap = slices.Delete(r.gap, i, i+1)
		r.applyLocked(c)
	}
	if r.gapTimer != nil && r.gapTimer.Stop() {
		r.gapTimer = nil
	}
}

// refetch gets the whole room and adopts it. The caller holds a pin. One fetch
// runs at a time; a request for one while it runs has it run again.
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
		snap, err := r.fetch()
		r.mu.Lock()
		more := false
		if err == nil {
			r.rooms.cfg.Metrics.Fetches.Inc()
			// That the room is gone says nothing about one made since.
			if more = r.again || snap.Room == nil && snap.Revision == 0 && r.state.Revision != before; !more || snap.Room != nil {
				r.takeLocked(snap)
				r.certainLocked(began)
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
	r.settleLocked(&d)
}

// takeLocked adopts a fetched state, unless the copy is as new.
func (r *replica) takeLocked(snap *bus.Snapshot) {
	if snap.Room == nil || !r.rooms.lost(snap.Revision) {
		r.endLostLocked() // snap is of another room, or of none
	}
	switch {
	case snap.Room != nil && snap.Revision > r.state.Revision:
		r.adoptLocked(snap.Room, snap.Revision)
	case snap.Room == nil && (snap.Revision > r.state.Revision || snap.Revision == 0):
		r.adoptLocked(nil, max(snap.Revision, r.state.Revision))
		for i := range r.awaiting { // what they await has been and gone
			r.awaiting[i].rev = 0
		}
	}
	r.gap = slices.DeleteFunc(r.gap, func(c *bus.Change) bool { return c.After <= r.state.Revision })
	r.followLocked()
	r.reachedLocked()
	r.endLostLocked()
}

// adopt takes the whole room at a revision.
func (r *replica) adopt(snap *bus.Snapshot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.takeLocked(snap)
}

// await calls done once the replica is at rev, which it fetches when no change
// brings it there.
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
	r.patienceLocked(rev)
}

// patienceLocked has the room fetched when it does not reach rev soon.
func (r *replica) patienceLocked(rev uint64) {
	if r.gapTimer != nil || r.stopped {
		return
	}
	patience := bus.HoleTimeout
	if r.state.Revision == 0 {
		patience = 0
	}
	r.gapTimer = time.AfterFunc(patience, func() { r.rooms.hold(r, func() { r.short(rev) }) })
}

// short fetches the room when it is not at rev yet.
func (r *replica) short(rev uint64) {
	r.mu.Lock()
	r.gapTimer = nil
	missing := r.state.Revision < rev || len(r.gap) > 0
	r.mu.Unlock()
	if missing {
		r.refetch()
	}
}

// reachedLocked tells those who await a revision.
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

// fetch gets the whole room.
func (r *replica) fetch() (*bus.Snapshot, error) {
	reply, err := r.rooms.cfg.Requests.Ask(bus.OpGet, &bus.Request{Room: r.id})
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

// counts returns the members that the replica knows of, and those that this
// gateway holds.
func (r *replica) counts() (all, here int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state.Room != nil {
		all = len(r.state.Room.Members)
	}
	return max(all, len(r.local)), len(r.local)
}

// reseat makes m the local member's session.
func (r *replica) reseat(m Member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if lm := r.local[m.ID()]; lm != nil {
		lm.Member = m
	}
}
