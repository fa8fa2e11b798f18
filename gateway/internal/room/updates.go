package room

import (
	"time"

	"p2pconnector/proto"
)

// The least time between two updates of a room to a member, answers to the member's own
// requests apart. What happens in between is coalesced.
const (
	updatePause    = 20 * time.Millisecond
	bigUpdatePause = 200 * time.Millisecond // in rooms above proto.FullListMembers
)

// coalesceLocked adds d to what the local members are sent with the next update.
func (r *replica) coalesceLocked(d *Diff) {
	if len(r.local) > 0 {
		r.batch.Add(d, r.state.Revision)
	}
}

// paceLocked sends the batch when the last update is long enough ago, and otherwise when
// it will be.
func (r *replica) paceLocked() {
	if r.batch.Empty() || r.state.Room == nil {
		return
	}
	pause := updatePause
	if len(r.state.Room.Members) > proto.FullListMembers {
		pause = bigUpdatePause
	}
	wait := pause - time.Since(r.updated)
	switch {
	case wait <= 0:
		r.flushLocked()
	case r.updateTimer == nil && !r.stopped:
		r.updateTimer = time.AfterFunc(wait, r.updateDue)
	}
}

// updateDue runs when the pause is over, or will be soon: the room may have become a big
// one meanwhile.
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
	seen  uint64
	delta bool
}

// flushLocked sends each local member the net change since what it has seen. When that
// is nothing for all of them, no update was sent, and the next one need not wait.
func (r *replica) flushLocked() {
	frames := make(map[audience][][]byte)
	sent := false
	for _, lm := range r.local {
		if lm.seen >= r.state.Revision {
			continue
		}
		a := audience{lm.seen, lm.WantsDelta()}
		f, ok := frames[a]
		if !ok {
			u := r.batch.Since(a.seen, &r.state)
			f = r.state.Frames(&u, a.delta, nil, r.rooms.cfg.Frame)
			frames[a] = f
		}
		for _, b := range f {
			lm.Send(b)
			sent = true
		}
		lm.seen = r.state.Revision
	}
	r.clearLocked()
	if sent {
		r.updated = time.Now()
	}
}

// clearLocked forgets what has been sent.
func (r *replica) clearLocked() {
	r.batch.Clear()
	if r.updateTimer != nil {
		r.updateTimer.Stop()
		r.updateTimer = nil
	}
}

// catchUpLocked sends one member now what it has not seen. With req, its own request for
// a change that the copy has, the frames answer that too.
func (r *replica) catchUpLocked(lm *localMember, req *Call) {
	u := r.batch.Since(lm.seen, &r.state)
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
	lm.seen = r.state.Revision
}
