package room

import (
	"errors"
	"time"

	"p2pconnector/gateway/internal/egress"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// Call is a client's request that waits for its answer. Use it for one Change or Inform.
type Call struct {
	Request
	Member   Member
	Deadline time.Time
	Answered chan struct{}  // closed when an answer that is not a refusal is about to be sent
	Budget   *egress.Client // pays for an answer with the list of members; nil: no limit

	inside   bool // the requester was a member when it asked
	answered bool // guarded by the replica's lock
}

// answerLocked records that a frame answers the request.
func (c *Call) answerLocked() {
	if !c.answered {
		c.answered = true
		close(c.Answered)
	}
}

// Unavailable returns the error for a request whose outcome is not known.
func Unavailable() *proto.Error {
	return proto.Errorf(proto.Unavailable, "The room service did not answer in time. Send the same request again: what took effect is not done twice.")
}

// Change sends a client's request to the room service. It returns nil when the replica has
// the change and the client has been sent an answer; otherwise it returns the error to
// answer with. The change may arrive before the room service's reply, or without it; then
// Change does not wait for the reply.
func (t *Rooms) Change(c *Call, op bus.Operation, req *bus.Request) error {
	r := t.pin(req.Room)
	defer t.unpin(r)
	c.By, c.Client, c.Ban, c.Role, c.Ask = c.Member.ID(), req.Client, req.Ban, req.Role, req.Ask
	req.Op = t.nextOp()
	req.Have = r.begin(req.Op, c)
	defer r.end(req.Op)
	reply, err := t.cfg.Requests.AskUntil(c.Answered, c.Deadline, op, req)
	if err != nil {
		if r.hasAnswered(c) {
			return nil
		}
		if !hadNoEffect(err) {
			r.expectLateEffect()
		}
		return err
	}
	if reply.State != nil {
		r.adopt(reply.State)
	}
	if !r.reaches(reply.Revision, c.Deadline, func() {}) {
		r.expectLateEffect()
		return Unavailable()
	}
	return r.answerLate(c, reply.Revision)
}

// hadNoEffect reports whether a request that failed with err changed nothing, and will not.
func hadNoEffect(err error) bool {
	if _, refused := errors.AsType[*proto.Error](err); refused {
		return true
	}
	var x interface{ NotSent() bool }
	return errors.As(err, &x) && x.NotSent()
}

// Resume makes the room name this gateway for a member whose session it owns in epoch.
// user is the member's name. It returns false when the room service did not answer in time.
// If m is not a member any more, Resume removes the room from its session.
func (t *Rooms) Resume(m Member, user string, id proto.RoomID, epoch uint64) bool {
	r := t.pin(id)
	defer t.unpin(r)
	req := &bus.Request{
		Op: t.nextOp(), Room: id, Peer: m.ID(), Gateway: t.cfg.Own, Epoch: epoch, User: user, Have: r.revision(),
	}
	reply, err := t.cfg.Requests.Ask(bus.OpResume, req)
	if e, is := errors.AsType[*proto.Error](err); is && e.Code == proto.NotFound {
		m.LeaveRoom(id) // removed in the meantime, or the room has ended
		return true
	} else if is && e.Epoch > epoch {
		return true // the session has moved on, and the room with it
	}
	if err != nil {
		r.expectLateEffect()
		t.cfg.Logger.Error("takeover: room not resumed", "peer", string(m.ID()), "room", string(id), "err", err)
		return false
	}
	if reply.State != nil {
		r.adopt(reply.State)
	}
	return r.reaches(reply.Revision, time.Now().Add(proto.RequestDeadline), func() { r.movedInLocked(m.ID(), reply.Revision) })
}

// Inform answers Room_Info from the replica, when the replica is at a revision. It returns
// false when no replica has the member. The next update of a client starts from the revision
// that it was last sent. That must not be older than this answer: otherwise no update would
// report the departure of a peer that the answer names and that leaves before the next
// update.
func (t *Rooms) Inform(c *Call, id proto.RoomID, revision uint64) (answered bool) {
	r := t.get(id)
	if r == nil {
		return false
	}
	t.hold(r, func() {
		if r.reaches(revision, c.Deadline, func() {}) {
			answered = r.inform(c)
		}
	})
	return answered
}

// ServedBy returns the revision of the replica that has a peer as a local member whom this
// gateway serves; 0 for none.
func (t *Rooms) ServedBy(peer proto.PeerID, id proto.RoomID) uint64 {
	r := t.get(id)
	if r == nil {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.servesLocked(peer) {
		return 0
	}
	return r.state.Revision
}

// WhileServed calls f if a peer is a local member of a room whom this gateway serves, with the
// lock of the room held: the peer stays one until f returns.
func (t *Rooms) WhileServed(peer proto.PeerID, id proto.RoomID, f func()) {
	r := t.get(id)
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.servesLocked(peer) {
		f()
	}
}

func (r *replica) servesLocked(peer proto.PeerID) bool {
	m := r.state.Member(peer)
	return m != nil && m.Owner() == r.rooms.cfg.Own && r.local[peer] != nil
}

// HasMember reports whether the replica of a room has a peer as a member, local or not.
func (t *Rooms) HasMember(peer proto.PeerID, id proto.RoomID) bool {
	r := t.get(id)
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.Member(peer) != nil
}

// Info encodes the answer to Room_Info for a member. id is the request's correlation id.
func (t *Rooms) Info(room *bus.Room, revision uint64, to proto.PeerID, id []byte) []byte {
	return t.cfg.Frame(proto.TypeInfo, proto.RoomInfo, encodeInfo(room, revision, moderatesIn(room, to)), id)
}

// inform sends the client the changes that it has not seen, then the whole room. It returns
// false when the client is not a local member.
func (r *replica) inform(c *Call) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	lm := r.local[c.Member.ID()]
	if r.state.Room == nil || lm == nil || lm.Member != c.Member {
		return false
	}
	r.informLocked(lm, c)
	return true
}

// informLocked answers a request of a local member with the whole room.
func (r *replica) informLocked(lm *localMember, c *Call) {
	c.answerLocked()
	r.catchUpLocked(lm, nil)
	info := r.rooms.cfg.Frame(proto.TypeInfo, proto.RoomInfo, r.state.info(lm.ID()), c.ID)
	c.Budget.Spend(len(info))
	lm.Send(info)
}

// reaches waits until the replica is at revision, and calls then with the lock held. It
// returns false when the replica is not there in time, or the gateway is ending.
func (r *replica) reaches(revision uint64, deadline time.Time, then func()) bool {
	reached := make(chan struct{})
	r.await(revision, func() { then(); close(reached) })
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-reached:
		return true
	case <-timer.C:
	case <-r.rooms.cfg.Ended: // the gateway waits for the caller before it ends
	}
	return false
}

// begin records a client's request, so that the change it causes answers it, and returns
// the replica's revision.
func (r *replica) begin(op bus.OpID, c *Call) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.calls == nil {
		r.calls = make(map[bus.OpID]*Call)
	}
	r.calls[op] = c
	c.inside = r.state.Member(c.By) != nil
	return r.state.Revision
}

func (r *replica) end(op bus.OpID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.calls, op)
}

func (r *replica) hasAnswered(c *Call) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return c.answered
}

// answerLate answers a request whose change did not arrive as a change of its own, for
// example because the room was fetched in between. It returns an error, and answers nothing,
// when the change was lost with the room, or the peer was refused in between.
func (r *replica) answerLate(c *Call, revision uint64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.answered {
		return nil
	}
	if r.rooms.lost(revision) {
		return Unavailable()
	}
	if waits, refused := r.answerWaitingLocked(c); refused != nil {
		return refused
	} else if waits {
		return nil
	}
	c.answerLocked()
	room := r.state.Room
	if room == nil || c.Event == proto.LeaveRoom && !c.inside {
		room = &bus.Room{ID: r.id} // which a peer that only waited may not see
	} else if lm := r.local[c.By]; lm != nil && lm.Member == c.Member {
		r.catchUpLocked(lm, nil) // otherwise the next update would start from a revision older than this answer
	}
	d := dataOf(room, r.state.Revision)
	typ, event := proto.TypeUpdate, proto.ClientAdded
	switch c.Event {
	case proto.CreateRoom:
		typ, event, d.RoomID = proto.TypeInfo, proto.RoomCreated, r.id
	case proto.JoinRoom:
		d.Client, d.Added = c.By, []proto.PeerID{c.By}
	case proto.LeaveRoom:
		typ, event, d.Client, d.Reason = proto.TypeInfo, proto.RoomLeft, c.By, proto.ReasonLeft
	case proto.EndRoom:
		event, d.Client = proto.RoomDeleted, c.By
	case proto.RemoveClient:
		event, d.Client, d.Removed, d.Reason = proto.ClientRemoved, c.Client, []proto.PeerID{c.Client}, c.removal()
	case proto.AdmitClient:
		d.Client, d.Added, d.Members = c.Client, []proto.PeerID{c.Client}, r.state.infos([]proto.PeerID{c.Client})
	case proto.UnbanClient:
		typ, event, d.Members, d.Banned = proto.TypeInfo, proto.RoomInfo, infosOf(room.Members), room.Banned
	case proto.UpdateRoom, proto.UpdateMember, proto.SetRole:
		if event = c.answeredBy(); event == proto.RoomUpdated {
			d.Client = c.By
		} else {
			d.Client, d.Updated, d.Members = c.updates(), []proto.PeerID{c.updates()}, r.state.infos([]proto.PeerID{c.updates()})
		}
	}
	answer := r.rooms.cfg.Frame(typ, event, encodeAll(d, room), c.ID)
	paid := c.answeredBy() == proto.RoomUpdated || c.answeredBy() == proto.MemberUpdated
	if !paid || c.Event == proto.SetRole && room.Creator != c.By { // others than the creator pay nothing before
		c.Budget.Spend(len(answer))
	}
	c.Member.Send(answer)
	return nil
}
