package gateway

import (
	"p2pconnector/gateway/internal/room"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// roomRequest is a client's request that is under way: its correlation id goes
// into the frame that answers it.
type roomRequest struct {
	room.Request
	s        *session
	answered bool
	told     chan struct{} // closed then
}

// answerLocked notes that a frame answers the request.
func (rr *roomRequest) answerLocked() {
	if !rr.answered {
		rr.answered = true
		close(rr.told)
	}
}

// announceLocked sends the local members what d did: at once to those who joined, left or
// asked for it, and to the others with the next update.
func (r *replica) announceLocked(d *room.Diff, fresh, parted []*localMember) {
	if d.Ended {
		r.announceEndLocked(d, parted)
		return
	}
	for _, lm := range fresh {
		if lm != nil && lm.seen < r.state.Revision {
			r.welcomeLocked(lm, r.requestOf(r.state.Member(lm.s.id).Op))
		}
	}
	r.announceRemovalLocked(d, parted, r.state.Room)
	r.answerMembersLocked(d)
	r.paceLocked()
}

func (r *replica) requestOf(op bus.OpID) *roomRequest {
	if op == "" {
		return nil
	}
	return r.asked[op]
}

// welcomeLocked sends a newcomer its own frame, which always carries the list.
func (r *replica) welcomeLocked(lm *localMember, req *roomRequest) {
	var asked *room.Request
	if req != nil && req.s == lm.s {
		req.answerLocked()
		asked = &req.Request
	}
	r.sendLocked(lm, r.state.Welcome(lm.s.id, asked, r.g.roomFrame))
	lm.seen = r.state.Revision
	r.g.renewToken(lm.s)
}

// announceRemovalLocked notifies those who are no longer members.
func (r *replica) announceRemovalLocked(d *room.Diff, parted []*localMember, left *bus.Room) {
	for i, lm := range parted {
		if lm == nil {
			continue
		}
		x := d.Removed[i]
		data := room.Data(left, r.state.Revision)
		data.Removed = []proto.PeerID{x.ID}
		data.Client, data.Reason = x.ID, x.Reason
		typ, event := proto.TypeUpdate, proto.ClientRemoved
		if x.Reason == proto.ReasonLeft {
			typ, event = proto.TypeInfo, proto.RoomLeft
		}
		var id []byte
		if req := r.requestOf(x.Op); req != nil && req.s == lm.s {
			req.answerLocked()
			id = req.ID
		}
		r.sendLocked(lm, r.g.roomFrame(typ, event, room.Encode(data, left), id))
		r.g.renewToken(lm.s)
	}
}

// answerMembersLocked answers those members whose request changed the room around them,
// with all that they have not seen.
func (r *replica) answerMembersLocked(d *room.Diff) {
	ops := make([]bus.OpID, 0, len(d.Removed)+1)
	if d.Op != "" {
		ops = append(ops, d.Op)
	}
	for _, x := range d.Removed {
		if x.Op != "" {
			ops = append(ops, x.Op)
		}
	}
	for _, op := range ops {
		req := r.asked[op]
		if req == nil || req.answered {
			continue
		}
		if lm := r.local[req.s.id]; lm != nil && lm.s == req.s {
			r.catchUpLocked(lm, req)
		}
	}
}

// announceEndLocked tells everyone that the room is gone.
func (r *replica) announceEndLocked(d *room.Diff, parted []*localMember) {
	was := d.Was
	if d.By == "" && len(d.Removed) > 0 && len(r.local) == 0 {
		empty := *was
		empty.Members, empty.Creator = nil, ""
		r.announceRemovalLocked(d, parted, &empty) // nobody is left, so it is gone
		return
	}
	data := room.Data(was, r.state.Revision)
	data.Reason = d.Reason
	if d.By.Valid() { // otherwise a back end ended it
		data.Client = d.By
	}
	shared := r.g.roomFrame(proto.TypeUpdate, proto.RoomDeleted, room.Encode(data, was), nil)
	tell := func(lm *localMember) {
		frame := shared
		if req := r.asked[d.Op]; d.Op != "" && req != nil && req.s == lm.s {
			req.answerLocked()
			frame = r.g.roomFrame(proto.TypeUpdate, proto.RoomDeleted, room.Encode(data, was), req.ID)
		}
		r.sendLocked(lm, frame)
		lm.s.removeRoom(r.id)
		r.g.renewToken(lm.s)
	}
	for _, lm := range r.local {
		tell(lm)
	}
	for _, lm := range parted {
		if lm != nil {
			tell(lm)
		}
	}
	r.clearLocked()
}
