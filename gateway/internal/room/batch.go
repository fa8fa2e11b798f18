package room

import (
	"slices"
	"sort"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// Batch coalesces the changes of a room between two updates: its members are sent the
// net change, which may be nothing. It records the changes one by one, because not all
// members know the same revision: a member that joined, or whose request was answered,
// after the last update has seen some of them.
//
// Rules for the update of a batch:
//   - A peer that joined and left again, or left and came back, is not mentioned.
//   - A peer that left, came back and left again is removed for the last reason.
//   - A peer that came back with another user name or other metadata is announced as if
//     it had just joined: clients that know the id replace its information.
//   - A member whose metadata or role changed is updated, unless both are the old ones again.
//   - Settings that have their old values again are not mentioned. If they differ, the
//     update names the last peer that changed any.
//   - Every update names the creator. If nothing but the creator changed, because it
//     left and came back and is no longer the longest-standing member, Room_Updated
//     says so, without client.
//
// Not safe for concurrent use.
type Batch struct {
	steps  []step // oldest first; nil when there is nothing to send
	others bool   // a step is about more than who waits
}

// step is one change of the room.
type step struct {
	rev     uint64       // the revision that it led to
	before  description  // of the room
	removed []departure  // they left before the others joined
	updated []bus.Member // as they were before
	waiting []bus.Member // before
	added   []proto.PeerID
	by      proto.PeerID // the peer that changed the settings; "" when none did
	set     bool         // the settings changed
}

// departure is a member that left.
type departure struct {
	member bus.Member
	reason proto.Reason
}

// description is the part of a room's state besides its members.
type description struct {
	name     string
	creator  proto.PeerID
	capacity int
	locked   bool
	salt     string // of the password: another password is news, and so is its end
	metadata string
}

func describe(room *bus.Room) description {
	return description{room.Name, room.Creator, room.Capacity, room.Locked, saltOf(room), string(room.Metadata)}
}

// sameSettings reports whether two descriptions differ at most in the creator.
func (d description) sameSettings(e description) bool {
	d.creator, e.creator = "", ""
	return d == e
}

// Update is the net change of a room since a revision.
type Update struct {
	added    []proto.PeerID // members now that joined, or came back with other information
	updated  []proto.PeerID // members at that revision and now with other information
	removed  []bus.Removal  // members at that revision that are no longer members
	settings bool           // the settings differ, or only the creator does
	by       proto.PeerID   // the last peer that changed the settings; "" when it was not a peer
	waiting  bool           // others wait to be admitted than at that revision
}

func (u *Update) aboutMembers() bool { return len(u.added)+len(u.removed) > 0 }

// Add records the change d, which led to revision rev.
func (b *Batch) Add(d *Diff, rev uint64) {
	if d.Was == nil || len(d.Added)+len(d.Removed)+len(d.Renewed)+len(d.Updated)+len(d.Waiting)+len(d.Withdrawn) == 0 && !d.Set {
		return // the room was not known here before, or nothing that members see has changed
	}
	s := step{rev: rev, before: describe(d.Was), waiting: d.Was.Waiting, set: d.Set}
	if d.Set && d.By.Valid() { // otherwise a back end changed them
		s.by = d.By
	}
	reasons := make(map[proto.PeerID]proto.Reason, len(d.Removed)+len(d.Renewed))
	for _, x := range d.Removed {
		reasons[x.ID] = x.Reason
	}
	for _, id := range d.Renewed {
		reasons[id] = proto.ReasonLeft
	}
	updated := make(map[proto.PeerID]bool, len(d.Updated))
	for _, x := range d.Updated {
		updated[x.ID] = true
	}
	for _, m := range d.Was.Members {
		if reason, left := reasons[m.ID]; left {
			s.removed = append(s.removed, departure{m, reason})
		} else if updated[m.ID] {
			s.updated = append(s.updated, m)
		}
	}
	for _, m := range d.Added {
		s.added = append(s.added, m.ID)
	}
	s.added = append(s.added, d.Renewed...)
	b.steps = append(b.steps, s)
	b.others = b.others || s.set || len(s.added)+len(s.removed)+len(s.updated) > 0
}

// Empty reports whether there is nothing to send.
func (b *Batch) Empty() bool { return len(b.steps) == 0 }

// OnlyWaiting reports whether nothing but who waits to be admitted has changed.
func (b *Batch) OnlyWaiting() bool { return len(b.steps) > 0 && !b.others }

// Clear forgets all recorded changes, which have been sent.
func (b *Batch) Clear() { b.steps, b.others = nil, false }

// Since returns the net change between revision seen and now, the state that the recorded
// changes led to.
func (b *Batch) Since(seen uint64, now *State) (u Update) {
	news := b.steps[sort.Search(len(b.steps), func(i int) bool { return b.steps[i].rev > seen }):]
	if len(news) == 0 {
		return u
	}
	was := make(map[proto.PeerID]*bus.Member)      // peers that a step names, as they were at seen; nil: not a member
	reasons := make(map[proto.PeerID]proto.Reason) // of the last departure of each
	var order []proto.PeerID
	name := func(id proto.PeerID, m *bus.Member) {
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
		for k := range news[i].updated {
			name(news[i].updated[k].ID, &news[i].updated[k])
		}
		for _, id := range news[i].added {
			name(id, nil)
		}
		if news[i].set {
			u.by = news[i].by
		}
	}
	for _, id := range order {
		before, now := was[id], now.members[id]
		_, left := reasons[id]
		switch {
		case now != nil && before != nil && !left:
			if !sameInfo(before, now) {
				u.updated = append(u.updated, id)
			}
		case now != nil && (before == nil || !sameInfo(before, now)):
			u.added = append(u.added, id)
		case now == nil && before != nil:
			u.removed = append(u.removed, bus.Removal{ID: id, Reason: reasons[id]})
		}
	}
	before, after := news[0].before, describe(now.Room)
	if u.settings = !before.sameSettings(after); !u.settings {
		u.by = ""
		u.settings = before.creator != after.creator && !u.aboutMembers()
	}
	u.waiting = !sameWaiting(news[0].waiting, now.Room.Waiting)
	return u
}

// sameInfo reports whether two members with the same id look the same to other members.
func sameInfo(x, y *bus.Member) bool {
	return x.User == y.User && x.Moderator == y.Moderator && string(x.Metadata) == string(y.Metadata)
}

// Request is a client's request, as far as the frame that answers it needs it.
type Request struct {
	Event  proto.Event
	ID     []byte       // correlation id, as the client wrote it
	By     proto.PeerID // the requester
	Client proto.PeerID // Remove_Client, Unban_Client, Set_Role, Admit_Client: whom it is about
	Ask    bool         // Join_Room: wait to be admitted
	Waited bool         // Remove_Client: Client waited to be admitted
	Ban    bool         // Remove_Client: for the room's life
	Role   proto.Role   // Set_Role: the role of Client
}

// removal returns the reason for which Client is removed.
func (r *Request) removal() proto.Reason {
	if r.Ban {
		return proto.ReasonBanned
	}
	return proto.ReasonRemoved
}

// answeredBy returns the event of the frame that answers the request among the frames of an
// update: Member_Updated, Room_Updated, Waiting_Updated, or Client_Removed for all others.
func (r *Request) answeredBy() proto.Event {
	switch {
	case r == nil:
		return ""
	case r.Event == proto.UpdateRoom, r.Event == proto.SetRole && r.Role == proto.RoleCreator:
		return proto.RoomUpdated
	case r.Event == proto.UpdateMember, r.Event == proto.SetRole:
		return proto.MemberUpdated
	case r.Waited:
		return proto.WaitingUpdated
	}
	return proto.ClientRemoved
}

// updates returns the member that the request updates.
func (r *Request) updates() proto.PeerID {
	if r.Event == proto.SetRole {
		return r.Client
	}
	return r.By
}

// Answer adds the change that a member requested to its update, which must answer the
// request even if the change is undone already, or concerns a peer that the member did not
// know. It returns false for requests that other frames answer.
func (u *Update) Answer(req *Request) bool {
	switch req.Event {
	case proto.AdmitClient:
		if !slices.Contains(u.added, req.Client) {
			u.added = append(u.added, req.Client)
		}
	case proto.RemoveClient:
		if req.Waited {
			u.waiting = true
		} else if !slices.ContainsFunc(u.removed, func(x bus.Removal) bool { return x.ID == req.Client }) {
			u.removed = append(u.removed, bus.Removal{ID: req.Client, Reason: req.removal()})
		}
	case proto.UpdateRoom, proto.UpdateMember, proto.SetRole:
		if req.answeredBy() == proto.RoomUpdated {
			u.settings, u.by = true, req.By
		} else if !slices.Contains(u.updated, req.updates()) {
			u.updated = append(u.updated, req.updates())
		}
	default:
		return false
	}
	return true
}
