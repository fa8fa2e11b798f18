package room

import (
	"time"

	"p2pconnector/proto"
)

// The minimum time between two updates of a room to a member, except for answers to the
// member's own requests. Changes in between are coalesced.
const (
	updatePause    = 20 * time.Millisecond
	bigUpdatePause = 200 * time.Millisecond // in rooms above proto.FullListMembers
	waitingPause   = time.Second            // before an update about nothing but those that wait: strangers cause them, at no cost to members
)

// coalesceLocked adds d to the next update of the local members.
func (r *replica) coalesceLocked(d *Diff) {
	if len(r.local) > 0 {
		r.batch.Add(d, r.state.Revision)
	}
}

// paceLocked sends the batch if the last update is long enough ago, and otherwise schedules
// it for that moment. A change about members does not wait as long as one about those that
// wait, which may have been scheduled before it.
func (r *replica) paceLocked() {
	if r.batch.Empty() || r.state.Room == nil {
		return
	}
	pause := updatePause
	if len(r.state.Room.Members) > proto.FullListMembers {
		pause = bigUpdatePause
	}
	if r.batch.OnlyWaiting() {
		pause = waitingPause
	}
	wait := pause - time.Since(r.updated)
	switch {
	case wait <= 0:
		r.flushLocked()
	case r.stopped:
	case r.updateTimer == nil:
		r.updateTimer = time.AfterFunc(wait, r.updateDue)
	default:
		r.updateTimer.Reset(wait)
	}
}

// updateDue runs when the pause is over. If the room has become a big room in the meantime,
// the longer pause is not over yet.
func (r *replica) updateDue() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.updateTimer = nil
	if !r.stopped {
		r.paceLocked()
	}
}

// audience is a group of members that get the same update.
type audience struct {
	seen    uint64
	delta   bool
	waiting waitingView
}

// waitingView says what a member sees of those that wait.
type waitingView uint8

const (
	seesNone    waitingView = iota // it is neither the creator nor a moderator
	seesChanges                    // it knows who waited when it was last sent an update
	seesAll                        // it knows nobody that waits: it was made moderator since
)

// waitingViewLocked returns what a member sees in its next update.
func (r *replica) waitingViewLocked(lm *localMember) waitingView {
	switch {
	case !r.state.moderates(lm.ID()):
		return seesNone
	case !lm.moderates && len(r.state.Room.Waiting) > 0:
		return seesAll
	}
	return seesChanges
}

// seenLocked records that a member was sent all changes.
func (r *replica) seenLocked(lm *localMember) {
	lm.seen, lm.moderates = r.state.Revision, r.state.moderates(lm.ID())
}

// flushLocked sends each local member the net change since the revision that it has seen.
// If that is nothing for all of them, no update is sent, and the next one need not wait.
func (r *replica) flushLocked() {
	frames := make(map[audience][][]byte)
	sent := false
	for _, lm := range r.local {
		if lm.seen >= r.state.Revision {
			continue
		}
		a := audience{lm.seen, lm.WantsDelta(), r.waitingViewLocked(lm)}
		f, ok := frames[a]
		if !ok {
			u := r.batch.Since(a.seen, &r.state)
			u.waiting = u.waiting && a.waiting != seesNone || a.waiting == seesAll
			f = r.state.Frames(&u, a.delta, nil, r.rooms.cfg.Frame)
			frames[a] = f
		}
		for _, b := range f {
			lm.Send(b)
			sent = true
		}
		r.seenLocked(lm)
	}
	r.clearLocked()
	if sent {
		r.updated = time.Now()
	}
}

// clearLocked forgets the changes that have been sent.
func (r *replica) clearLocked() {
	r.batch.Clear()
	if r.updateTimer != nil {
		r.updateTimer.Stop()
		r.updateTimer = nil
	}
}

// catchUpLocked sends one member at once the changes that it has not seen. If req is not
// nil it is the member's own request for a change that the copy has, and the frames also
// answer it.
func (r *replica) catchUpLocked(lm *localMember, req *Call) {
	u := r.batch.Since(lm.seen, &r.state)
	view := r.waitingViewLocked(lm)
	u.waiting = u.waiting && view != seesNone || view == seesAll
	var asked *Request
	if req != nil {
		asked = &req.Request
		if u.Answer(asked) {
			req.answerLocked()
		}
	}
	for _, b := range r.state.Frames(&u, lm.WantsDelta(), asked, r.rooms.cfg.Frame) {
		lm.Send(b)
	}
	r.seenLocked(lm)
}
