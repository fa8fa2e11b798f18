package room

import (
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// announceLocked sends d to the local members: at once to those that joined, left or
// requested the change, and to the others with the next update.
func (r *replica) announceLocked(d *Diff, fresh, parted []*localMember) {
	if d.Ended {
		r.announceEndLocked(d, parted)
		return
	}
	for _, lm := range fresh {
		if lm != nil && lm.seen < r.state.Revision {
			r.welcomeLocked(lm, r.requestOf(r.state.Member(lm.ID()).Op))
		}
	}
	r.announceRemovalLocked(d, parted, r.state.Room)
	r.answerMembersLocked(d)
	r.paceLocked()
}

func (r *replica) requestOf(op bus.OpID) *Call {
	if op == "" {
		return nil
	}
	return r.calls[op]
}

// welcomeLocked sends a new member its own frame, which always has the list of members.
func (r *replica) welcomeLocked(lm *localMember, req *Call) {
	var asked *Request
	if req != nil && req.Member == lm.Member {
		req.answerLocked()
		asked = &req.Request
	}
	welcome := r.state.Welcome(lm.ID(), asked, r.rooms.cfg.Frame)
	if asked != nil {
		req.Budget.Spend(len(welcome))
	}
	lm.Send(welcome)
	r.seenLocked(lm)
	lm.RenewToken()
}

// announceRemovalLocked notifies the peers that are no longer members.
func (r *replica) announceRemovalLocked(d *Diff, parted []*localMember, left *bus.Room) {
	for i, lm := range parted {
		if lm == nil {
			continue
		}
		x := d.Removed[i]
		data := dataOf(left, r.state.Revision)
		data.Removed = []proto.PeerID{x.ID}
		data.Client, data.Reason = x.ID, x.Reason
		typ, event := proto.TypeUpdate, proto.ClientRemoved
		if x.Reason == proto.ReasonLeft {
			typ, event = proto.TypeInfo, proto.RoomLeft
		}
		var id []byte
		if req := r.requestOf(x.Op); req != nil && req.Member == lm.Member {
			req.answerLocked()
			id = req.ID
		}
		lm.Send(r.rooms.cfg.Frame(typ, event, encodeAll(data, left), id))
		lm.RenewToken()
	}
}

// answerMembersLocked answers the members whose request made the change, with all changes
// that they have not seen.
func (r *replica) answerMembersLocked(d *Diff) {
	ops := make([]bus.OpID, 0, len(d.Removed)+len(d.Updated)+len(d.Withdrawn)+1)
	if d.Op != "" {
		ops = append(ops, d.Op)
	}
	for _, x := range d.Removed {
		if x.Op != "" {
			ops = append(ops, x.Op)
		}
	}
	for _, x := range d.Updated {
		if x.Op != "" {
			ops = append(ops, x.Op)
		}
	}
	for _, x := range d.Withdrawn {
		if x.Op != "" {
			ops = append(ops, x.Op)
		}
		if req := r.requestOf(x.Op); req != nil {
			req.Waited = req.Client == x.ID && !req.Ban
		}
	}
	for _, op := range ops {
		req := r.calls[op]
		if req == nil || req.answered {
			continue
		}
		switch lm := r.local[req.By]; {
		case lm == nil || lm.Member != req.Member:
		case req.Event == proto.UnbanClient:
			r.informLocked(lm, req)
		default:
			r.catchUpLocked(lm, req)
		}
	}
}

// announceEndLocked notifies all local members that the room has ended.
func (r *replica) announceEndLocked(d *Diff, parted []*localMember) {
	was := d.Was
	if d.By == "" && len(d.Removed) > 0 && len(r.local) == 0 {
		empty := *was
		empty.Members, empty.Creator = nil, ""
		r.announceRemovalLocked(d, parted, &empty) // no member is left, so the room has ended
		return
	}
	data := dataOf(was, r.state.Revision)
	data.Reason = d.Reason
	if d.By.Valid() { // otherwise a back end ended it
		data.Client = d.By
	}
	shared := r.rooms.cfg.Frame(proto.TypeUpdate, proto.RoomDeleted, encodeAll(data, was), nil)
	notify := func(lm *localMember) {
		frame := shared
		if req := r.calls[d.Op]; d.Op != "" && req != nil && req.Member == lm.Member {
			req.answerLocked()
			frame = r.rooms.cfg.Frame(proto.TypeUpdate, proto.RoomDeleted, encodeAll(data, was), req.ID)
		}
		lm.Send(frame)
		lm.LeaveRoom(r.id)
		lm.RenewToken()
	}
	for _, lm := range r.local {
		notify(lm)
	}
	for _, lm := range parted {
		if lm != nil {
			notify(lm)
		}
	}
	r.clearLocked()
}
