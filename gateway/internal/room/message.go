package room

import (
	"math"
	"slices"

	"p2pconnector/gateway/internal/egress"
	"p2pconnector/gateway/internal/link"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// receive delivers a message from another gateway to the local members, and returns the
// members that it did not reach. It returns known false, and does nothing, when the message's
// sender knows a newer state of the room than this gateway.
func (r *replica) receive(m *Message) (x bus.Refusal, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m.View > r.state.Revision {
		r.awaitRevisionLocked(m.View)
		return x, false
	}
	return r.spreadLocked(m), true
}

// spreadLocked delivers a message to every local member but its sender.
func (r *replica) spreadLocked(m *Message) (x bus.Refusal) {
	f := link.Frame{From: m.From, Room: r.id, Epoch: m.Epoch, ToEpoch: math.MaxUint64, Data: m.Frame}
	missed := func(id proto.PeerID) {
		x.Code = proto.NotDelivered
		if len(x.Peers) < MaxMissed {
			x.Peers = append(x.Peers, id)
		}
	}
	for id, lm := range r.local {
		switch {
		case id == m.From, slices.Contains(m.Except, id):
			continue // the sender, or a member that gets the message as a frame of its own
		case m.View != 0 && m.View < lm.since:
			if lm.unsure != 0 && m.View > lm.unsure {
				missed(id) // its former gateway may or may not have forwarded the message
			}
			continue
		}
		f.To = id
		code, move := lm.Take(f)
		switch {
		case move != nil:
			x.Moved = append(x.Moved, *move)
		case code != "":
			missed(id)
		}
	}
	for _, peer := range r.movedJoinersLocked() {
		if f.To = peer.ID(); f.To != m.From && !slices.Contains(m.Except, f.To) {
			if _, move := peer.Take(f); move != nil {
				x.Moved = append(x.Moved, *move)
			}
		}
	}
	r.moved.Redirect(m, &x)
	return x
}

// movedJoinersLocked returns the sessions of members for which the room names this
// gateway although they had moved when their join took effect.
func (r *replica) movedJoinersLocked() (all []Member) {
	for id := range r.leaving {
		if m := r.state.Member(id); m == nil || m.Owner() != r.rooms.cfg.Own {
			continue
		}
		if m := r.rooms.cfg.Member(id); m != nil && m.OtherOwner() != "" {
			all = append(all, m)
		}
	}
	return all
}

// Relayed is the outcome of a message of a local member. If it is not sent to all, one of the
// fields is set, or NoneReached and Missed.
type Relayed struct {
	NotMember   bool           // the sender is not a member
	Short       egress.Refusal // of the sender's budget; nothing was sent
	NoneReached bool           // no other gateway could be reached, and there is no other local member
	Missed      []proto.PeerID // the members that the message did not reach
}

// relay sends a message of a local member to every other member. It holds the lock
// throughout, so that the room does not change between the choice of the receivers and the
// sending.
func (r *replica) relay(f link.Frame, from *egress.Client) Relayed {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state.Member(f.From) == nil {
		return Relayed{NotMember: true}
	}
	others := len(r.state.Room.Members) - 1
	if short := from.CanFanout(&r.budget, len(f.Data), others); short.Limit != "" {
		return Relayed{Short: short}
	}
	f.View = r.state.Revision
	missed, reached := r.rooms.cfg.Relays.SendRoom(&r.state, f)
	if !reached && len(r.local) <= 1 {
		return Relayed{NoneReached: true, Missed: missed} // and nothing is paid for
	}
	from.SpendFanout(&r.budget, len(f.Data), others)
	return Relayed{Missed: append(missed, r.spreadHereLocked(f)...)}
}

// spreadHereLocked delivers a message of a local member to every other local member, and
// returns the members that it did not reach.
func (r *replica) spreadHereLocked(f link.Frame) (missed []proto.PeerID) {
	for id, lm := range r.local {
		if id == f.From {
			continue
		}
		f.To = id
		if lm.Relay(f) != "" && len(missed) < MaxMissed {
			missed = append(missed, id)
		}
	}
	for _, peer := range r.movedJoinersLocked() {
		if f.To = peer.ID(); f.To != f.From && peer.Relay(f) != "" {
			missed = append(missed, f.To)
		}
	}
	return missed
}
