package room

import (
	"encoding/json"
	"slices"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// What each operation does and what it refuses. check.go has checked the
// requests before, so only the room's state is a reason to refuse here.

func (c *Commit) create(r *bus.Request) *proto.Error {
	if c.exists {
		return proto.Errorf(proto.DuplicateRoom, "A room with Id %s exists already. Choose another id, or join it with Join_Room.", proto.Quote(string(r.Room)))
	}
	return c.make(r, r.Metadata, nil)
}

// make makes the room with the requester as its creator and first member.
func (c *Commit) make(r *bus.Request, roomMeta, memberMeta json.RawMessage) *proto.Error {
	if c.lim.Full {
		return c.noSpace()
	}
	room := bus.Room{ID: r.Room, Creator: r.Peer, Metadata: value(roomMeta)}
	if r.Name != nil {
		room.Name = *r.Name
	}
	if r.Capacity != nil {
		room.Capacity = *r.Capacity
	}
	if r.Locked != nil {
		room.Locked = *r.Locked
	}
	if !r.Password.Empty() {
		room.Password = r.Password
	}
	m := newMember(r, memberMeta)
	if size := c.size + sizeOf(&room) + sizeOf(&m); size > c.lim.Bytes {
		return TooBig(c.lim)
	}
	c.size += sizeOf(&room)
	c.exists, c.room, c.set = true, room, true
	c.change.By, c.change.Op = r.Peer, r.Op
	c.add(m)
	return nil
}

func (c *Commit) join(r *bus.Request) *proto.Error {
	if !c.exists {
		if r.Create {
			return c.make(r, nil, r.Metadata)
		}
		return proto.RoomNotFound(r.Room)
	}
	if _, in := c.at[r.Peer]; in {
		return proto.Errorf(proto.AlreadyExists, "Client with given id %s is in room %s already. Room_Info tells who is in it.", proto.Quote(string(r.Peer)), proto.Quote(string(r.Room)))
	}
	if c.banned(r.Peer, r.User) {
		return proto.Errorf(proto.Banned, "You are banned from room %s. Ask its creator, or join another room.", proto.Quote(string(r.Room)))
	}
	waiter := c.waiter(r.Peer)
	if err := c.mayPass(r); err != nil {
		return err // to those who would wait too: when the room is unlocked, they become members
	}
	switch {
	case c.room.Locked && waiter >= 0:
		return proto.Errorf(proto.AlreadyExists, "Client with given id %s waits already to be admitted to room %s.", proto.Quote(string(r.Peer)), proto.Quote(string(r.Room)))
	case c.room.Locked && r.Ask:
		return c.ask(r)
	case c.room.Locked:
		return proto.Errorf(proto.RoomLocked, "Room %s is locked. Ask to be admitted with data.ask true, or its creator to open it with Update_Room, data.locked false.", proto.Quote(string(r.Room)))
	}
	if most := c.capacity(); c.live >= most {
		return proto.Errorf(proto.RoomFull, "Room %s is full: it has %d of %d members. Try again when one has left.", proto.Quote(string(r.Room)), c.live, most)
	}
	if c.lim.Full {
		return c.noSpace()
	}
	m := newMember(r, r.Metadata)
	if c.size+sizeOf(&m) > c.lim.Bytes {
		return TooBig(c.lim)
	}
	if waiter >= 0 { // until there was a place
		c.waiting = slices.Delete(c.waiting, waiter, waiter+1)
	}
	c.add(m)
	return nil
}

func (c *Commit) capacity() int {
	if c.room.Capacity > 0 {
		return min(c.room.Capacity, c.lim.Members)
	}
	return c.lim.Members
}

func (c *Commit) leave(r *bus.Request) *proto.Error {
	if !c.exists {
		return proto.RoomNotFound(r.Room)
	}
	i, in := c.at[r.Peer]
	waiter := c.waiter(r.Peer)
	var m bus.Member
	switch {
	case in:
		m = c.members[i]
	case waiter >= 0:
		m = c.waiting[waiter]
	}
	if in && r.Ask {
		return notMember(r.Peer, r.Room) // it was admitted when its time to wait was over
	}
	// A peer whose grace is over at one gateway may have come back at another.
	if m.ID == "" || r.Reason == proto.ReasonDisconnected && r.Epoch == m.Epoch && m.Owner() != r.Gateway {
		return notMember(r.Peer, r.Room)
	}
	reason := r.Reason
	if reason == "" {
		reason = proto.ReasonLeft
	}
	if !in {
		c.withdraw(waiter, reason, r.Op)
		return nil
	}
	c.remove(i, reason, r.Op)
	return nil
}

func (c *Commit) end(r *bus.Request) *proto.Error {
	if err := c.mustOwn(r, "end"); err != nil {
		return err
	}
	c.record(bus.Done{Op: r.Op})
	for i := range c.members {
		c.record(bus.Done{Op: c.members[i].Op, Peer: c.members[i].ID, Epoch: c.members[i].Epoch})
	}
	c.endWaiting()
	c.exists, c.Dirty = false, true
	c.change.Ended, c.change.By, c.change.Op = true, by(r), r.Op
	return nil
}

func (c *Commit) removeClient(r *bus.Request) *proto.Error {
	if err := c.mayRemove(r); err != nil {
		return err
	}
	if r.Ban {
		return c.ban(r)
	}
	i, in := c.at[r.Client]
	if waiter := c.waiter(r.Client); waiter >= 0 {
		c.withdraw(waiter, proto.ReasonRemoved, r.Op)
		return nil
	}
	if !in {
		return notMember(r.Client, r.Room)
	}
	c.remove(i, proto.ReasonRemoved, r.Op)
	return nil
}

func (c *Commit) update(r *bus.Request) *proto.Error {
	if err := c.mayModerate(r, "change"); err != nil {
		return err
	}
	room := c.room
	if r.Name != nil {
		room.Name = *r.Name
	}
	if r.Capacity != nil {
		if *r.Capacity > 0 && *r.Capacity < c.live {
			return proto.Invalid("capacity", "data.capacity is less than the number of members. Remove_Client first, or give a larger one.")
		}
		room.Capacity = *r.Capacity
	}
	if r.Locked != nil {
		room.Locked = *r.Locked
	}
	setPassword(&room, r.Password)
	if r.Metadata != nil {
		room.Metadata = value(r.Metadata)
	}
	grown := settingsBytes(&room) - settingsBytes(&c.room)
	if grown > 0 && c.lim.Full {
		return c.noSpace()
	}
	if grown > 0 && c.size+grown > c.lim.Bytes {
		return TooBig(c.lim)
	}
	c.size += max(grown, 0)
	c.room = room
	c.set, c.Dirty = true, true
	c.change.By, c.change.Op = by(r), r.Op
	c.record(bus.Done{Op: r.Op})
	if !room.Locked {
		c.admitAll()
	}
	return nil
}

// updateMember replaces the metadata of one member. The creator has no right to those of
// others: a member speaks for itself.
func (c *Commit) updateMember(r *bus.Request) *proto.Error {
	if !c.exists {
		return proto.RoomNotFound(r.Room)
	}
	i, in := c.at[subject(r)]
	if !in {
		return notMember(subject(r), r.Room)
	}
	m := c.members[i]
	m.Metadata = value(r.Metadata)
	grown := sizeOf(&m) - sizeOf(&c.members[i])
	if grown > 0 && c.lim.Full {
		return c.noSpace()
	}
	if grown > 0 && c.size+grown > c.lim.Bytes {
		return TooBig(c.lim)
	}
	c.size += max(grown, 0)
	c.members[i] = m
	c.changed[m.ID], c.Dirty = true, true
	c.change.Updated = append(c.change.Updated, bus.Updated{ID: m.ID, Metadata: m.Metadata, Moderator: m.Moderator, Op: r.Op})
	c.record(bus.Done{Op: r.Op})
	return nil
}

// subject returns the member whose metadata r changes: the requester's own, or the one that
// a back end names.
func subject(r *bus.Request) proto.PeerID {
	if r.Peer == "" {
		return r.Client
	}
	return r.Peer
}

func (c *Commit) resume(r *bus.Request) *proto.Error {
	if !c.exists {
		return proto.RoomNotFound(r.Room)
	}
	i, in := c.at[r.Peer]
	if waiter := c.waiter(r.Peer); waiter >= 0 {
		return c.resumeWaiting(waiter, r)
	}
	if !in {
		return notMember(r.Peer, r.Room)
	}
	if c.members[i].Owner() == r.Gateway && c.members[i].Epoch == r.Epoch {
		return nil
	}
	c.move(i, r)
	// The gateway that loses the peer may have no other member here.
	c.record(bus.Done{Op: r.Op, Peer: r.Peer, Epoch: r.Epoch})
	return nil
}

// move sets member i's record to the requesting gateway, and to the epoch of
// the session there.
func (c *Commit) move(i int, r *bus.Request) {
	c.members[i].Gateway, c.members[i].Epoch = memberGateway(r), r.Epoch
	c.size += movedBytes(r)
	c.changed[r.Peer], c.Dirty = true, true
	c.change.Moved = append(c.change.Moved, c.members[i])
}

// movedBytes returns what a member's record may grow by when r moves it.
func movedBytes(r *bus.Request) int {
	return len(`,"gw":"","epoch":`) + len(r.Gateway) + maxEpochDigits
}

const maxEpochDigits = 16 // of bus.MaxEpoch

// follows reports whether r is of a later epoch than its peer's member record:
// then another gateway serves the peer now.
func (c *Commit) follows(r *bus.Request) bool {
	i, in := c.at[r.Peer]
	return c.exists && in && r.Epoch > c.members[i].Epoch
}

// stale refuses a request of an earlier epoch than the newest that the room
// knows of the peer's session: the gateway that sent it no longer owns the
// session.
func (c *Commit) stale(r *bus.Request) *proto.Error {
	if r.Peer == "" {
		return nil
	}
	newest := c.epochs[r.Peer]
	if i, in := c.at[r.Peer]; c.exists && in {
		newest = max(newest, c.members[i].Epoch)
	}
	if i := c.waiter(r.Peer); i >= 0 {
		newest = max(newest, c.waiting[i].Epoch)
	}
	if r.Epoch >= newest {
		return nil
	}
	e := proto.Errorf(proto.Unauthorised, "Another server serves this session by now. Connect again and resume it.")
	e.Epoch = newest
	return e
}

// sweep removes the members and the waiters of dead gateways, and returns how many it
// removed.
func (c *Commit) sweep(dead []proto.GatewayID) int {
	n := c.withdrawAll(func(m bus.Member) bool { return slices.Contains(dead, m.Owner()) }, proto.ReasonDisconnected, "")
	for i := range c.members {
		if c.members[i].ID != "" && slices.Contains(dead, c.members[i].Owner()) {
			c.remove(i, proto.ReasonDisconnected, "")
			n++
		}
	}
	return n
}

// mayRead returns an error when r may not see the room.
func (c *Commit) mayRead(r *bus.Request) *proto.Error {
	if !c.exists {
		return proto.RoomNotFound(r.Room)
	}
	if err := c.stale(r); err != nil {
		return err
	}
	if _, in := c.at[r.Peer]; !in && r.Peer != "" {
		return proto.Errorf(proto.Unauthorised, "Only members of room %s may see it. Join it with Join_Room first.", proto.Quote(string(r.Room)))
	}
	return nil
}

// mustOwn refuses requesters other than the creator and back ends.
func (c *Commit) mustOwn(r *bus.Request, what string) *proto.Error {
	if !c.exists {
		return proto.RoomNotFound(r.Room)
	}
	if r.Peer != "" && r.Peer != c.room.Creator {
		return proto.Errorf(proto.Unauthorised, "Only the creator of room %s may %s it. data.creator of the room's frames tells who that is.", proto.Quote(string(r.Room)), what)
	}
	return nil
}

func by(r *bus.Request) proto.PeerID {
	if r.Peer == "" {
		return bus.ServerFrom
	}
	return r.Peer
}

func newMember(r *bus.Request, metadata json.RawMessage) bus.Member {
	return bus.Member{ID: r.Peer, Gateway: memberGateway(r), Epoch: r.Epoch, Op: r.Op, User: r.User, Metadata: value(metadata)}
}

// memberGateway returns the value of Member.Gateway for the requesting gateway.
func memberGateway(r *bus.Request) proto.GatewayID {
	if r.Gateway == r.Peer.Home() {
		return ""
	}
	return r.Gateway
}

// value returns m, or nil when m is null.
func value(m json.RawMessage) json.RawMessage {
	if string(m) == "null" {
		return nil
	}
	return m
}

func notMember(p proto.PeerID, room proto.RoomID) *proto.Error {
	return proto.Errorf(proto.NotFound, "Client with given id %s not found in room %s. It may have left already; Room_Info tells who is in it.", proto.Quote(string(p)), proto.Quote(string(room)))
}

// TooBig refuses what would make a room larger than lim allows.
func TooBig(lim Limits) *proto.Error {
	return proto.Errorf(proto.LimitExceeded, "The room would hold more than %d bytes with all its members and metadata. Use less metadata, or another room.", lim.Bytes)
}

// noSpace refuses what would grow a room while the bucket is full.
func (c *Commit) noSpace() *proto.Error {
	c.Full++
	return bucketFull()
}

func bucketFull() *proto.Error {
	return proto.Errorf(proto.LimitExceeded, "The server has no space for more rooms, members and metadata now. Leave rooms that you do not need, or try again in a minute.")
}
