package gateway

import (
	"p2pconnector/proto"
)

// roomRequest is a client's request that is under way: its correlation id goes
// into the frame that answers it.
type roomRequest struct {
	s        *session
	event    proto.Event
	id       []byte
	client   proto.PeerID // Remove_Client: whom
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
func (r *replica) announceLocked(d *diff, fresh, parted []*localMember) {
	if d.ended {
		r.announceEndLocked(d, parted)
		return
	}
	for _, lm := range fresh {
		if lm != nil && lm.seen < r.rev {
			r.welcomeLocked(lm, r.requestOf(r.index[lm.s.id].Op))
		}
	}
	r.announceRemovalLocked(d, parted, r.room)
	r.answerMembersLocked(d)
	r.paceLocked()
}

func (r *replica) requestOf(op proto.OpID) *roomRequest {
	if op == "" {
		return nil
	}
	return r.asked[op]
}

// welcomeLocked sends a newcomer its own frame, which always carries the list.
func (r *replica) welcomeLocked(lm *localMember, req *roomRequest) {
	d := r.dataLocked(false)
	d.Members = r.infosLocked(nil)
	typ, event := proto.TypeUpdate, proto.ClientAdded
	var id []byte
	if req != nil && req.s == lm.s {
		req.answerLocked()
		id = req.id
		if req.event == proto.CreateRoom {
			typ, event = proto.TypeInfo, proto.RoomCreated
			d.RoomID = r.id
		}
	}
	if event == proto.ClientAdded {
		d.Client, d.Added = lm.s.id, []proto.PeerID{lm.s.id}
	}
	r.sendLocked(lm, r.frameLocked(typ, event, d, id))
	lm.seen = r.rev
	r.g.renewToken(lm.s)
}

// announceRemovalLocked notifies those who are no longer members.
func (r *replica) announceRemovalLocked(d *diff, parted []*localMember, room *proto.Room) {
	for i, lm := range parted {
		if lm == nil {
			continue
		}
		x := d.removed[i]
		data := roomData(room, r.rev)
		data.Removed = []proto.PeerID{x.ID}
		data.Client, data.Reason = x.ID, x.Reason
		typ, event := proto.TypeUpdate, proto.ClientRemoved
		if x.Reason == proto.ReasonLeft {
			typ, event = proto.TypeInfo, proto.RoomLeft
		}
		var id []byte
		if req := r.requestOf(x.Op); req != nil && req.s == lm.s {
			req.answerLocked()
			id = req.id
		}
		r.sendLocked(lm, r.g.serverFrame(typ, string(event), encodeRoom(data, encodeClients(nil, room)), id))
		r.g.renewToken(lm.s)
	}
}

// answerMembersLocked answers those members whose request changed the room around them,
// with all that they have not seen.
func (r *replica) answerMembersLocked(d *diff) {
	ops := make([]proto.OpID, 0, len(d.removed)+1)
	if d.op != "" {
		ops = append(ops, d.op)
	}
	for _, x := range d.removed {
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
func (r *replica) announceEndLocked(d *diff, parted []*localMember) {
	room := d.was
	if d.by == "" && len(d.removed) > 0 && len(r.local) == 0 {
		empty := *room
		empty.Members, empty.Creator = nil, ""
		r.announceRemovalLocked(d, parted, &empty) // nobody is left, so it is gone
		return
	}
	data := roomData(room, r.rev)
	data.Reason = d.reason
	if d.by.Valid() { // otherwise a back end ended it
		data.Client = d.by
	}
	shared := r.g.serverFrame(proto.TypeUpdate, string(proto.RoomDeleted), encodeRoom(data, encodeClients(nil, room)), nil)
	tell := func(lm *localMember) {
		frame := shared
		if req := r.asked[d.op]; d.op != "" && req != nil && req.s == lm.s {
			req.answerLocked()
			frame = r.g.serverFrame(proto.TypeUpdate, string(proto.RoomDeleted), encodeRoom(data, encodeClients(nil, room)), req.id)
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
	r.batch.clear()
}
