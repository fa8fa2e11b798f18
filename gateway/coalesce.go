package gateway

import (
	"slices"
	"sort"
	"time"

	"p2pconnector/proto"
)

// updateBatch coalesces what happens to a room between two updates: its members are
// sent the net change, which may be nothing. It records the changes one by one, because
// members do not all know the same revision: whoever joined, or was answered, since the
// last update has seen some of them.
//
// What members are sent of a batch:
//   - Who joined and left since, or left and came back, is not mentioned.
//   - Who left, came back and left again left for the last reason.
//   - Who came back with another user name or other metadata is announced as if it
//     had just joined: clients that know the id replace what they know of it.
//   - Settings that have their old values again are not mentioned. If they differ, the
//     update names the last peer that changed any.
//   - Every update names the creator. If nothing but the creator changed, because it
//     left and came back and is no longer the longest-standing member, Room_Updated
//     says so, without client.
//
// Guarded by the replica's lock.
type updateBatch struct {
	steps []step      // oldest first; nil when there is nothing to send
	last  time.Time   // when members were sent an update
	timer *time.Timer // sends the next one; nil when none is due
}

// step is one change of the room.
type step struct {
	rev     uint64      // that it led to
	before  description // of the room
	removed []departure // they left before the others joined
	added   []proto.PeerID
	by      proto.PeerID // who changed the settings; "" when nobody did, or not a peer
	set     bool         // the settings changed
}

// departure is a member that left.
type departure struct {
	member proto.Member
	reason proto.Reason
}

// description is what a room has besides its members.
type description struct {
	name     string
	creator  proto.PeerID
	capacity int
	locked   bool
	metadata string
}

func describe(room *proto.Room) description {
	return description{room.Name, room.Creator, room.Capacity, room.Locked, string(room.Metadata)}
}

// sameSettings reports whether two descriptions differ in the creator at most.
func (d description) sameSettings(e description) bool {
	d.creator, e.creator = "", ""
	return d == e
}

// update is the net change of a room since a revision.
type update struct {
	added    []proto.PeerID  // members now: they joined, or came back with other information
	removed  []proto.Removal // members then, and no longer
	settings bool            // the settings differ, or only the creator does
	by       proto.PeerID    // who changed the settings last; "" when it was not a peer
}

func (u *update) aboutMembers() bool { return len(u.added)+len(u.removed) > 0 }

// add records the change d, which led to revision rev.
func (b *updateBatch) add(d *diff, rev uint64) {
	if d.was == nil || len(d.added)+len(d.removed)+len(d.renewed) == 0 && !d.set {
		return // nobody here knew the room before, or nothing of what members see has changed
	}
	s := step{rev: rev, before: describe(d.was), set: d.set}
	if d.set && d.by.Valid() { // otherwise a back end changed them
		s.by = d.by
	}
	reasons := make(map[proto.PeerID]proto.Reason, len(d.removed)+len(d.renewed))
	for _, x := range d.removed {
		reasons[x.ID] = x.Reason
	}
	for _, id := range d.renewed {
		reasons[id] = proto.ReasonLeft
	}
	for _, m := range d.was.Members {
		if reason, gone := reasons[m.ID]; gone {
			s.removed = append(s.removed, departure{m, reason})
		}
	}
	for _, m := range d.added {
		s.added = append(s.added, m.ID)
	}
	s.added = append(s.added, d.renewed...)
	b.steps = append(b.steps, s)
}

// clear forgets what has been sent.
func (b *updateBatch) clear() {
	b.steps = nil
	if b.timer != nil {
		b.timer.Stop()
		b.timer = nil
	}
}

// since returns the net change between revision seen and room, which is what the steps
// led to; index has its members. It is a pure function.
func (b *updateBatch) since(seen uint64, room *proto.Room, index map[proto.PeerID]*proto.Member) (u update) {
	news := b.steps[sort.Search(len(b.steps), func(i int) bool { return b.steps[i].rev > seen }):]
	if len(news) == 0 {
		return u
	}
	was := make(map[proto.PeerID]*proto.Member)    // those that a step names, as they were at seen; nil: no members
	reasons := make(map[proto.PeerID]proto.Reason) // of the last departure
	var order []proto.PeerID
	name := func(id proto.PeerID, m *proto.Member) {
		if _, known := was[id]; !known {
			was[id] = m
			order = append(order, id)
		}
	}
	for i := range news {
		for k := range news[i].removed {
			x := &news[i].removed[k]
			name(x.member.ID, &x.member)
			reasons[x.member.ID] = x.reason
		}
		for _, id := range news[i].added {
			name(id, nil)
		}
		if news[i].set {
			u.by = news[i].by
		}
	}
	for _, id := range order {
		before, now := was[id], index[id]
		switch {
		case now != nil && (before == nil || !sameInfo(before, now)):
			u.added = append(u.added, id)
		case now == nil && before != nil:
			u.removed = append(u.removed, proto.Removal{ID: id, Reason: reasons[id]})
		}
	}
	before, now := news[0].before, describe(room)
	if u.settings = !before.sameSettings(now); !u.settings {
		u.by = ""
		u.settings = before.creator != now.creator && !u.aboutMembers()
	}
	return u
}

// sameInfo reports whether others see the same of two members with the same id.
func sameInfo(x, y *proto.Member) bool {
	return x.User == y.User && string(x.Metadata) == string(y.Metadata)
}

// answering adds what a member asked for to its update, which has to answer the request even
// if the change is undone already, or concerns a peer of which the member did not know. It
// is false for requests that other frames answer.
func (u *update) answering(req *roomRequest) bool {
	switch req.event {
	case proto.RemoveClient:
		if !slices.ContainsFunc(u.removed, func(x proto.Removal) bool { return x.ID == req.client }) {
			u.removed = append(u.removed, proto.Removal{ID: req.client, Reason: proto.ReasonRemoved})
		}
	case proto.UpdateRoom:
		u.settings, u.by = true, req.s.id
	default:
		return false
	}
	return true
}
