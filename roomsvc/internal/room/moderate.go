package room

import (
	"slices"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// Rights of the creator and of moderators, and bans. A back end has all rights.

// mayModerate refuses requesters other than the creator, moderators and back ends.
func (c *Commit) mayModerate(r *bus.Request, what string) *proto.Error {
	if !c.exists {
		return proto.RoomNotFound(r.Room)
	}
	if r.Peer == "" || r.Peer == c.room.Creator || c.moderates(r.Peer) {
		return nil
	}
	return proto.Errorf(proto.Unauthorised, "Only the creator of room %s and its moderators may %s it. data.creator of the room's frames tells who the creator is, data.members who is a moderator.", proto.Quote(string(r.Room)), what)
}

func (c *Commit) moderates(p proto.PeerID) bool {
	i, in := c.at[p]
	return in && c.members[i].Moderator
}

// mayRemove refuses requesters that may not remove r.Client: a moderator removes neither the
// creator nor other moderators.
func (c *Commit) mayRemove(r *bus.Request) *proto.Error {
	if err := c.mayModerate(r, "remove a client from"); err != nil {
		return err
	}
	if r.Peer == "" || r.Peer == c.room.Creator || !r.Ban && r.Client == r.Peer {
		return nil
	}
	removed := []proto.PeerID{r.Client}
	if r.Ban {
		removed = c.peersOf(r.Client)
	}
	if slices.ContainsFunc(removed, func(p proto.PeerID) bool { return p == c.room.Creator || c.moderates(p) }) {
		return proto.Errorf(proto.Unauthorised, "Only the creator of room %s may remove a moderator, and nobody the creator. Ask the creator.", proto.Quote(string(r.Room)))
	}
	return nil
}

// banned reports whether a ban keeps a peer of a user out. user is "" when the peer has no
// user name.
func (c *Commit) banned(p proto.PeerID, user string) bool {
	return slices.ContainsFunc(c.room.Banned, func(b proto.Ban) bool { return b.Keeps(p, user) })
}

// ban removes a peer, and every other peer of its user, and keeps them out. The peer need not
// be a member: one that has just left can be banned by its id.
func (c *Commit) ban(r *bus.Request) *proto.Error {
	b := proto.Ban{Client: r.Client}
	_, in := c.at[r.Client]
	b.User = c.userOf(r.Client)
	gone := c.peersOf(r.Client)
	switch own := slices.Contains(gone, c.room.Creator); {
	case own && r.Peer == "":
		return proto.Invalid("client", "client is the creator of the room, or a peer of the creator's user, whom nobody can ban. Make another member the creator first, or end the room.")
	case own, slices.Contains(gone, r.Peer):
		return proto.Invalid("client", "data.client is a peer of your own user or of the creator's. Nobody can ban itself or the creator; use Leave_Room or Remove_Client.")
	}
	if !in && c.banned(r.Client, "") {
		return c.nothing(r) // banned already
	}
	if len(c.room.Banned) >= proto.MaxBans {
		return proto.Errorf(proto.LimitExceeded, "Room %s has %d bans, the most it may have. Lift one with Unban_Client first, or lock the room.", proto.Quote(string(r.Room)), proto.MaxBans)
	}
	grown := sizeOf(&b) + len(`"banned":[],`)
	if err := c.mayGrow(grown); err != nil {
		return err
	}
	c.size += grown
	c.setBans(append(slices.Clone(c.room.Banned), b))
	for _, p := range gone {
		c.remove(c.at[p], proto.ReasonBanned, r.Op)
	}
	c.withdrawAll(func(m bus.Member) bool { return b.Keeps(m.ID, m.User) }, proto.ReasonBanned, r.Op)
	if !in {
		c.claim(r)
	}
	return nil
}

// unban lifts the bans of a peer, and with them those of its user.
func (c *Commit) unban(r *bus.Request) *proto.Error {
	if err := c.mayModerate(r, "lift a ban of"); err != nil {
		return err
	}
	is := func(b proto.Ban) bool { return b.Client == r.Client }
	if !slices.ContainsFunc(c.room.Banned, is) {
		return proto.Errorf(proto.NotFound, "Client with given id %s is not banned from room %s. Room_Info lists who is.", proto.Quote(string(r.Client)), proto.Quote(string(r.Room)))
	}
	c.setBans(slices.DeleteFunc(slices.Clone(c.room.Banned), is))
	c.claim(r)
	return nil
}

// setBans replaces the bans. bans is not nil.
func (c *Commit) setBans(bans []proto.Ban) {
	c.room.Banned, c.change.Bans, c.Dirty = bans, bans, true
	if len(bans) == 0 {
		c.room.Banned = nil
	}
}

// claim makes r the request of the change that changes more than members: at most one is in
// a change.
func (c *Commit) claim(r *bus.Request) {
	c.change.By, c.change.Op, c.Dirty = by(r), r.Op, true
	c.record(bus.Done{Op: r.Op})
}

// nothing makes a request succeed for which the room is already as its requester wants. It
// writes nothing, unless another copy of the request may still come when the room is
// another.
func (c *Commit) nothing(r *bus.Request) *proto.Error {
	if r.Retry {
		c.claim(r)
	}
	return nil
}

// peersOf returns the members that a ban of p removes: p, and those of its user.
func (c *Commit) peersOf(p proto.PeerID) (peers []proto.PeerID) {
	user := c.userOf(p)
	for _, m := range c.members {
		if m.ID == p || m.ID != "" && user != "" && m.User == user {
			peers = append(peers, m.ID)
		}
	}
	return peers
}

// userOf returns the user name of a member or a waiter; "" when it has none.
func (c *Commit) userOf(p proto.PeerID) string {
	if i, in := c.at[p]; in {
		return c.members[i].User
	}
	if i := c.waiter(p); i >= 0 {
		return c.waiting[i].User
	}
	return ""
}

// changedOf reports whether this commit has changed a member or a waiter that a ban of p
// removes.
func (c *Commit) changedOf(p proto.PeerID) bool {
	b := proto.Ban{Client: p, User: c.userOf(p)}
	return slices.ContainsFunc(c.peersOf(p), func(x proto.PeerID) bool { return c.changed[x] }) ||
		c.waitersChanged(func(m bus.Member) bool { return b.Keeps(m.ID, m.User) })
}

// setRole makes a member creator, moderator, or neither. A creator that hands the room over
// becomes a moderator.
func (c *Commit) setRole(r *bus.Request) *proto.Error {
	if c.exists && r.Role == proto.RoleCreator && r.Client == c.room.Creator && c.moderates(r.Peer) {
		return c.nothing(r) // the requester has handed the room over already
	}
	if err := c.mustOwn(r, "set roles in"); err != nil {
		return err
	}
	i, in := c.at[r.Client]
	if !in {
		return notMember(r.Client, r.Room)
	}
	if r.Client == c.room.Creator && r.Role != proto.RoleCreator {
		return proto.Invalid("client", "data.client is the creator of the room, which has that role until another member has it. Hand the room over first: Set_Role with role creator for that member.")
	}
	if r.Role != proto.RoleMember && r.Client != c.room.Creator && !c.members[i].Moderator { // else there is no moderator more
		if err := c.mayGrow(len(moderatorField)); err != nil {
			return err
		}
	}
	if r.Role != proto.RoleCreator {
		c.setModerator(i, r.Role == proto.RoleModerator, r.Op)
		c.record(bus.Done{Op: r.Op})
		return nil
	}
	if former := c.room.Creator; former != r.Client {
		c.setModerator(c.at[former], true, "")
		c.room.Creator = r.Client
		if c.members[i].Moderator {
			c.setModerator(i, false, "")
		}
	}
	c.claim(r)
	return nil
}

// mayGrow refuses what would add bytes to a room that may have no more, or whose bucket is
// full.
func (c *Commit) mayGrow(bytes int) *proto.Error {
	if c.lim.Full {
		return c.noSpace()
	}
	if c.size+bytes > c.lim.Bytes {
		return TooBig(c.lim)
	}
	return nil
}

// moderatorField is what a moderator's record has in a room's value besides that of another
// member.
const moderatorField = `,"moderator":true`

// setModerator changes whether member i is a moderator.
func (c *Commit) setModerator(i int, moderator bool, op bus.OpID) {
	m := &c.members[i]
	m.Moderator = moderator
	if moderator {
		c.size += len(moderatorField)
	}
	c.changed[m.ID], c.Dirty = true, true
	c.change.Updated = append(c.change.Updated, bus.Updated{ID: m.ID, Metadata: m.Metadata, Moderator: moderator, Op: op})
}
