package gateway

import (
	"time"

	"p2pconnector/gateway/internal/link"
	"p2pconnector/proto"
)

// The least time between two updates of a room to a member, answers to the member's own
// requests apart. What happens in between is coalesced.
const (
	updatePause    = 20 * time.Millisecond
	bigUpdatePause = 200 * time.Millisecond // in rooms above proto.FullListMembers
)

// coalesceLocked adds d to what the local members are sent with the next update.
func (r *replica) coalesceLocked(d *diff) {
	if len(r.local) > 0 {
		r.batch.add(d, r.rev)
	}
}

// paceLocked sends the batch when the last update is long enough ago, and otherwise when
// it will be.
func (r *replica) paceLocked() {
	b := &r.batch
	if len(b.steps) == 0 || r.room == nil {
		return
	}
	pause := updatePause
	if len(r.room.Members) > proto.FullListMembers {
		pause = bigUpdatePause
	}
	wait := pause - time.Since(b.last)
	switch {
	case wait <= 0:
		r.flushLocked()
	case b.timer == nil && !r.stopped:
		b.timer = time.AfterFunc(wait, r.updateDue)
	}
}

// updateDue runs when the pause is over, or will be soon: the room may have become a big
// one meanwhile.
func (r *replica) updateDue() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.batch.timer = nil
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
		if lm.seen >= r.rev {
			continue
		}
		a := audience{lm.seen, lm.s.wantsDelta()}
		f, ok := frames[a]
		if !ok {
			u := r.batch.since(a.seen, r.room, r.index)
			f = r.encodeLocked(&u, a.delta, nil)
			frames[a] = f
		}
		for _, b := range f {
			r.sendLocked(lm, b)
			sent = true
		}
		lm.seen = r.rev
	}
	r.batch.clear()
	if sent {
		r.batch.last = time.Now()
	}
}

// sendLocked hands a frame of ours to a local member. One that has moved a moment ago,
// and that other gateways do not know as moved yet, gets it where it is now.
func (r *replica) sendLocked(lm *localMember, frame []byte) {
	if lm.s.deliver(frame) == redirected {
		r.g.links.send(&link.Frame{To: lm.s.id, Data: frame}, nil)
	}
}

// catchUpLocked sends one member now what it has not seen. With req, its own request for
// a change that the copy has, the frames answer that too.
func (r *replica) catchUpLocked(lm *localMember, req *roomRequest) {
	u := r.batch.since(lm.seen, r.room, r.index)
	if req != nil && u.answering(req) {
		req.answerLocked()
	}
	for _, b := range r.encodeLocked(&u, lm.s.wantsDelta(), req) {
		r.sendLocked(lm, b)
	}
	lm.seen = r.rev
}

// encodeLocked encodes u: at most one frame about members and one about settings. The
// one that answers req, unless that is nil, echoes its id.
func (r *replica) encodeLocked(u *update, delta bool, req *roomRequest) [][]byte {
	delta = delta && len(r.room.Members) > proto.FullListMembers
	var members, settings []byte // ids to echo
	if req != nil && req.event == proto.UpdateRoom {
		settings = req.id
	} else if req != nil {
		members = req.id
	}
	var frames [][]byte
	if u.aboutMembers() {
		frames = append(frames, r.membersLocked(u, delta, members))
	}
	if u.settings {
		d := r.dataLocked(delta)
		d.Client = u.by
		frames = append(frames, r.frameLocked(proto.TypeUpdate, proto.RoomUpdated, d, settings))
	}
	return frames
}

// membersLocked encodes who joined and left.
func (r *replica) membersLocked(u *update, delta bool, id []byte) []byte {
	d := r.dataLocked(delta)
	d.Added = u.added
	same := true
	for _, x := range u.removed {
		d.Removed = append(d.Removed, x.ID)
		if d.Reasons == nil {
			d.Reasons = make(map[proto.PeerID]proto.Reason)
		}
		d.Reasons[x.ID] = x.Reason
		same = same && x.Reason == u.removed[0].Reason
	}
	if len(d.Added) > 0 {
		d.Client, d.Members = d.Added[0], r.infosLocked(d.Added)
		return r.frameLocked(proto.TypeUpdate, proto.ClientAdded, d, id)
	}
	d.Client, d.Reason = d.Removed[0], u.removed[0].Reason
	if same {
		d.Reasons = nil
	}
	return r.frameLocked(proto.TypeUpdate, proto.ClientRemoved, d, id)
}
