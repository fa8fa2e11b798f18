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
	if r.state.Room == nil || r.state.Room.Creator != by {
		return from.Answer(0)
	}
	// The cost is found in work for each member: not for a client in debt.
	if short := from.CanFanout(&r.budget, 0, 1); short.Limit != "" {
		return short
	}
	return from.Fanout(&r.budget, r.updateCostLocked(req), 1)
}

// updateCostLocked returns the bytes of the update for all members. It takes the members at
// other gateways to want lists of members as often as those here.
func (r *replica) updateCostLocked(req *bus.Request) int {
	now := r.state.Room
	name, metadata := len(now.Name), len(now.Metadata)
	if req.Name != nil {
		name = len(*req.Name)
	}
	if req.Metadata != nil {
		metadata = len(req.Metadata)
	}
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
	return all*(updateBytes+name+metadata) + list*all*lists/max(1, len(r.local))
}
