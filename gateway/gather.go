package gateway

import (
	"time"

	"p2pconnector/proto"
)

// Pauses between two updates of a room to the same peers. Changes that come
// sooner are gathered into one frame.
const (
	gatherPause   = 20 * time.Millisecond
	fullListPause = 200 * time.Millisecond // full lists of a room above proto.FullListMembers
)

// gather collects changes for one kind of audience until they go out in one
// frame. Guarded by the replica's lock.
type gather struct {
	added   []gathered
	removed []gathered
	set     uint64       // revision of the newest change of settings; 0: none
	setBy   proto.PeerID // who made it
	touched map[proto.PeerID]struct{}
	last    time.Time
	timer   *time.Timer
	flush   func()
}

// gathered is one change at the revision that brought it.
type gathered struct {
	id     proto.PeerID
	reason proto.Reason
	rev    uint64
}

func (gt *gather) empty() bool { return len(gt.added) == 0 && len(gt.removed) == 0 && gt.set == 0 }

// collides reports whether d undoes a change that is gathered: then that one
// must go out first.
func (gt *gather) collides(d *diff) bool {
	if len(gt.touched) == 0 {
		return false
	}
	for _, m := range d.added {
		if _, ok := gt.touched[m.ID]; ok {
			return true
		}
	}
	for _, x := range d.removed {
		if _, ok := gt.touched[x.ID]; ok {
			return true
		}
	}
	return false
}

func (gt *gather) add(d *diff, rev uint64) {
	if gt.touched == nil {
		gt.touched = make(map[proto.PeerID]struct{})
	}
	for _, m := range d.added {
		gt.touched[m.ID] = struct{}{}
		gt.added = append(gt.added, gathered{m.ID, "", rev})
	}
	for _, x := range d.removed {
		gt.touched[x.ID] = struct{}{}
		gt.removed = append(gt.removed, gathered{x.ID, x.Reason, rev})
	}
	if d.set {
		gt.set, gt.setBy = rev, d.by
	}
}

func (gt *gather) reset(now time.Time) {
	gt.added, gt.removed, gt.touched, gt.set, gt.last = nil, nil, nil, 0, now
	if gt.timer != nil {
		gt.timer.Stop()
		gt.timer = nil
	}
}

// flushCollidingLocked sends what is gathered before d, which undoes some of it,
// becomes part of the copy.
func (r *replica) flushCollidingLocked(d *diff) {
	if r.full.collides(d) {
		r.flushLocked(&r.full, false)
	}
	if r.delta.collides(d) {
		r.flushLocked(&r.delta, true)
	}
}

// gatherLocked adds d to what gt collects.
func (r *replica) gatherLocked(gt *gather, d *diff) {
	if len(r.local) > 0 {
		gt.add(d, r.rev)
	}
}

// paceLocked sends what is gathered when the last update is long enough ago, and
// otherwise when it will be.
func (r *replica) paceLocked(gt *gather, delta bool) {
	if gt.empty() {
		return
	}
	pause := gatherPause
	if !delta && r.room != nil && len(r.room.Members) > proto.FullListMembers {
		pause = fullListPause
	}
	wait := pause - time.Since(gt.last)
	if wait <= 0 {
		r.flushLocked(gt, delta)
		return
	}
	if gt.timer == nil && !r.stopped {
		gt.timer = time.AfterFunc(wait, gt.flush)
	}
}

// flush sends what was gathered.
func (r *replica) flush(gt *gather, delta bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	gt.timer = nil
	if !r.stopped {
		r.flushLocked(gt, delta)
	}
}

func (r *replica) flushLocked(gt *gather, delta bool) {
	if !gt.empty() && r.room != nil {
		frames := make(map[uint64][][]byte) // by what the receiver has seen
		for _, lm := range r.local {
			if lm.seen >= r.rev || lm.s.wantsDelta() != delta {
				continue
			}
			f, ok := frames[lm.seen]
			if !ok {
				f = r.updatesLocked(gt, lm.seen, delta, nil)
				frames[lm.seen] = f
			}
			for _, b := range f {
				r.sendLocked(lm, b)
			}
			lm.seen = r.rev
		}
	}
	gt.reset(time.Now())
}

// sendLocked hands a frame of ours to a local member. One that was handed over a
// moment ago, and that other gateways do not know as moved yet, gets it through
// its new holder.
func (r *replica) sendLocked(lm *localMember, frame []byte) {
	if lm.s.deliver(frame) == elsewhere {
		r.g.hop(sentTo{to: lm.s.id, gw: lm.s.newHolder()}, frame)
	}
}

// catchUpLocked sends one member now what is gathered for it, with the
// correlation id of its own request.
func (r *replica) catchUpLocked(lm *localMember, id []byte) bool {
	delta := lm.s.wantsDelta()
	gt := &r.full
	if delta {
		gt = &r.delta
	}
	frames := r.updatesLocked(gt, lm.seen, delta, id)
	for _, b := range frames {
		r.sendLocked(lm, b)
	}
	lm.seen = r.rev
	return len(frames) > 0
}

// updatesLocked encodes what gt holds that is newer than seen: at most one frame
// about members and one about settings. id is echoed in the last of them.
func (r *replica) updatesLocked(gt *gather, seen uint64, delta bool, id []byte) [][]byte {
	delta = delta && len(r.room.Members) > proto.FullListMembers
	var frames [][]byte
	d := r.dataLocked(delta)
	set := gt.set > seen
	for _, x := range gt.added {
		if x.rev > seen {
			d.Added = append(d.Added, x.id)
		}
	}
	same := true
	for _, x := range gt.removed {
		if x.rev > seen {
			d.Removed = append(d.Removed, x.id)
			if d.Reasons == nil {
				d.Reasons = make(map[proto.PeerID]proto.Reason)
				d.Reason = x.reason
			}
			d.Reasons[x.id] = x.reason
			same = same && x.reason == d.Reason
		}
	}
	echo := func(last bool) []byte {
		if last {
			return id
		}
		return nil
	}
	if len(d.Added)+len(d.Removed) > 0 {
		event := proto.ClientRemoved
		if len(d.Added) > 0 {
			event, d.Client = proto.ClientAdded, d.Added[0]
			d.Members = r.infosLocked(d.Added)
			d.Reason = ""
		} else {
			d.Client = d.Removed[0]
			if same {
				d.Reasons = nil
			} else {
				d.Reason = d.Reasons[d.Client]
			}
		}
		frames = append(frames, r.frameLocked(proto.TypeUpdate, event, d, echo(!set)))
	}
	if set {
		d := r.dataLocked(delta)
		if gt.setBy.Valid() {
			d.Client = gt.setBy
		}
		frames = append(frames, r.frameLocked(proto.TypeUpdate, proto.RoomUpdated, d, echo(true)))
	}
	return frames
}
