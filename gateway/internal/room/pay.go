package room

import (
	"p2pconnector/gateway/internal/egress"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// updateBytes is what a frame about a room has besides its settings and the list of members,
// about.
const updateBytes = 256

// PayUpdate pays for the update that the members get when by changes the settings of a room,
// before the room service is asked. It pays nothing for a peer that may not change them.
func (t *Rooms) PayUpdate(id proto.RoomID, by proto.PeerID, req *bus.Request, from *egress.Client) egress.Refusal {
	r := t.get(id)
	if r == nil {
		return from.Answer(0)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state.Room == nil || !r.state.moderates(by) {
		return from.Answer(0)
	}
	name, metadata := len(r.state.Room.Name), len(r.state.Room.Metadata)
	if req.Name != nil {
		name = len(*req.Name)
	}
	if req.Metadata != nil {
		metadata = len(req.Metadata)
	}
	return r.payUpdateLocked(from, name+metadata)
}

// PayRole pays for the updates that the members get when by sets the role of a member, like
// PayUpdate: a second one, about the room, when the member becomes the creator.
func (t *Rooms) PayRole(id proto.RoomID, by, client proto.PeerID, role proto.Role, from *egress.Client) egress.Refusal {
	r := t.get(id)
	if r == nil {
		return from.Answer(0)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.state.Member(client)
	if m == nil || r.state.Room.Creator != by {
		return from.Answer(0)
	}
	room := r.state.Room
	sizes := []int{len(room.Name) + len(room.Metadata) + infoBytes(m)}
	if role == proto.RoleCreator && client != by {
		sizes[0] += infoBytes(r.state.Member(by)) // which becomes a moderator
		sizes = append(sizes, len(room.Name)+len(room.Metadata))
	}
	return r.payUpdateLocked(from, sizes...)
}

// infoBytes is what an update about a member has of it, about.
func infoBytes(m *bus.Member) int { return len(m.ID) + len(m.User) + len(m.Metadata) }

// banBytes is what a change has of a ban besides its user name, about.
const banBytes = 64

// PayBan pays for the change that every gateway of the room gets when by bans a peer or lifts
// a ban: it has all bans. The members' updates are free, as those of other removals. Only by's own
// budget counts, or members could use up the room's and so prevent a ban.
func (t *Rooms) PayBan(id proto.RoomID, by proto.PeerID, from *egress.Client) egress.Refusal {
	r := t.get(id)
	if r == nil {
		return from.Answer(0)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state.Room == nil || !r.state.moderates(by) {
		return from.Answer(0)
	}
	bytes := banBytes + proto.MaxUserBytes
	for _, b := range r.state.Room.Banned {
		bytes += banBytes + len(b.User)
	}
	if short := from.Answer(0); short.Limit != "" {
		return short
	}
	from.Spend(bytes * len(r.state.gateways))
	return egress.Refusal{}
}

// PayMemberUpdate pays for the update that the members get when by replaces its own metadata
// in a room, like PayUpdate.
func (t *Rooms) PayMemberUpdate(id proto.RoomID, by proto.PeerID, metadata int, from *egress.Client) egress.Refusal {
	r := t.get(id)
	if r == nil {
		return from.Answer(0)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.state.Member(by)
	if m == nil {
		return from.Answer(0)
	}
	room := r.state.Room
	return r.payUpdateLocked(from, len(room.Name)+len(room.Metadata)+len(m.ID)+len(m.User)+metadata)
}

// waiterBytes is what a Waiting_Updated has of a peer besides its information, about.
const waiterBytes = 40

// waitingCostLocked returns the bytes of a Waiting_Updated for the creator and all
// moderators, about. The peer that asks owes them.
func (r *replica) waitingCostLocked() int {
	room, bytes, receivers := r.state.Room, updateBytes, 0
	for i := range room.Waiting {
		bytes += waiterBytes + infoBytes(&room.Waiting[i])
	}
	for i := range room.Members {
		if m := &room.Members[i]; m.Moderator || m.ID == room.Creator {
			receivers++
		}
	}
	return bytes * receivers
}

// payUpdateLocked pays for updates, each with this many bytes of settings and of information
// about members.
func (r *replica) payUpdateLocked(from *egress.Client, bytes ...int) egress.Refusal {
	// The cost is found in work for each member: not for a client in debt.
	if short := from.CanFanout(&r.budget, 0, 1); short.Limit != "" {
		return short
	}
	cost := 0
	for _, n := range bytes {
		cost += r.updateCostLocked(n)
	}
	return from.Fanout(&r.budget, cost, 1)
}

// updateCostLocked returns the bytes of the update for all members. It takes the members at
// other gateways to want lists of members as often as those here.
func (r *replica) updateCostLocked(bytes int) int {
	now := r.state.Room
	all, lists := len(now.Members), 0
	for _, lm := range r.local {
		if all <= proto.FullListMembers || !lm.WantsDelta() {
			lists++
		}
	}
	list := 0
	for i := range now.Members {
		list += len(now.Members[i].ID) + len(`"",`)
	}
	return all*(updateBytes+bytes) + list*all*lists/max(1, len(r.local))
}
