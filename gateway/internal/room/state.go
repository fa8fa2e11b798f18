package room

import (
	"encoding/json"
	"slices"

	"p2pconnector/gateway/internal/link"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// MaxMissed bounds the members that one Not_Delivered lists.
const MaxMissed = 100

// State is a gateway's copy of a room at a revision. Not safe for concurrent use.
type State struct {
	Room     *bus.Room // nil: unknown, or it has ended
	Revision uint64    // 0: unknown

	members  map[proto.PeerID]*bus.Member
	gateways map[proto.GatewayID]int // members by gateway

	list    []byte // the encoded client list at listRev
	listRev uint64

	whole    json.RawMessage // the encoded data of Room_Info at wholeRev; nil: nobody has asked
	wholeRev uint64

	apart                []proto.PeerID // the last result of Apart, and the states that it is for
	apartRev, apartEdits uint64
}

// Diff is the effect of a change, or of a fetched state, on a State.
type Diff struct {
	Added     []bus.Member
	Removed   []bus.Removal
	Moved     []bus.Member
	Updated   []bus.Updated  // members whose visible information changed
	Renewed   []proto.PeerID // members before and after that left in between and came back with other visible information
	Waiting   []bus.Member   // peers that begin to wait, or that another gateway serves now
	Withdrawn []bus.Removal  // peers that do not wait any more, besides those that were added
	Set       bool           // the settings changed
	Ended     bool
	Reason    proto.Reason // of the end: lost, or none
	By        proto.PeerID // the peer that changed the settings or ended the room
	Op        bus.OpID
	Was       *bus.Room // the room before; nil: unknown
	Fetched   uint64    // the revision before, when the whole room was fetched; 0: a change was applied
}

// Member returns the member with this id, or nil. The caller must not modify it.
func (s *State) Member(id proto.PeerID) *bus.Member { return s.members[id] }

// moderates reports whether a peer may change the room: the creator and moderators.
func (s *State) moderates(p proto.PeerID) bool {
	m := s.members[p]
	return m != nil && (m.Moderator || s.Room.Creator == p)
}

// Gateways returns the number of members at each gateway. The caller must not modify it.
func (s *State) Gateways() map[proto.GatewayID]int { return s.gateways }

// Follows reports whether c is the next change. If the room is not known, the next change
// must be the one that makes it, whatever the revisions of c are.
func (s *State) Follows(c *bus.Change) bool {
	if s.Room != nil {
		return c.Before == s.Revision
	}
	return c.Set != nil && (c.Before == 0 && len(c.Removed) == 0 || s.Revision != 0 && c.Before == s.Revision)
}

// Apply applies a change for which Follows is true.
func (s *State) Apply(c *bus.Change) Diff {
	if s.Room == nil {
		return s.replace(roomOf(c), c.After, Diff{By: c.By, Op: c.Op})
	}
	d := Diff{
		Added: c.Added, Removed: c.Removed, Moved: c.Moved, Updated: c.Updated, Waiting: c.Waiting, Withdrawn: c.Withdrawn, Set: c.Set != nil, Ended: c.Ended,
		By: c.By, Op: c.Op, Was: s.Room,
	}
	room := *s.Room
	room.Members = membersAfter(room.Members, c)
	room.Waiting = waitingAfter(room.Waiting, c)
	room.Creator = c.Creator
	if c.Set != nil {
		room.Name, room.Capacity, room.Locked, room.Metadata = c.Set.Name, c.Set.Capacity, c.Set.Locked, c.Set.Metadata
		room.Password = bus.SaltOnly(c.Set.Salt)
	}
	if c.Bans != nil {
		room.Banned = c.Bans
	}
	s.Room, s.Revision = &room, c.After
	if c.Ended {
		s.Room = nil
	}
	s.reindex()
	return d
}

// membersAfter returns the members of a room after c. It modifies none of members.
func membersAfter(members []bus.Member, c *bus.Change) []bus.Member {
	if len(c.Removed)+len(c.Moved)+len(c.Updated) > 0 {
		members = slices.Clone(members)
	}
	if len(c.Removed) > 0 {
		left := make(map[proto.PeerID]bool, len(c.Removed))
		for _, m := range c.Removed {
			left[m.ID] = true
		}
		members = slices.DeleteFunc(members, func(m bus.Member) bool { return left[m.ID] })
	}
	for _, m := range c.Moved {
		if i := slices.IndexFunc(members, func(x bus.Member) bool { return x.ID == m.ID }); i >= 0 {
			members[i].Gateway, members[i].Epoch = m.Gateway, m.Epoch
		}
	}
	for _, x := range c.Updated {
		if i := slices.IndexFunc(members, func(m bus.Member) bool { return m.ID == x.ID }); i >= 0 {
			members[i].Metadata, members[i].Moderator = x.Metadata, x.Moderator
		}
	}
	return append(members, c.Added...)
}

// roomOf returns the room that a change made.
func roomOf(c *bus.Change) *bus.Room {
	if c.Ended {
		return nil
	}
	return &bus.Room{
		ID: c.Room, Name: c.Set.Name, Creator: c.Creator, Capacity: c.Set.Capacity,
		Locked: c.Set.Locked, Password: bus.SaltOnly(c.Set.Salt), Metadata: c.Set.Metadata, Members: c.Added,
		Waiting: c.Waiting, // peers that asked in the same commit
	}
}

// Replace adopts a room that was fetched whole at a revision; a nil room means that there is
// none.
func (s *State) Replace(room *bus.Room, revision uint64) Diff {
	return s.replace(room, revision, Diff{Fetched: max(s.Revision, 1)})
}

// replace adopts a room, and adds the changes to d.
func (s *State) replace(room *bus.Room, revision uint64, d Diff) Diff {
	d.Was, d.Ended = s.Room, room == nil && s.Room != nil
	if room != nil {
		s.compare(&d, room)
	}
	s.Room, s.Revision = room, revision
	s.reindex()
	return d
}

// Lose ends a room because the room service has lost it.
func (s *State) Lose() Diff {
	d := Diff{Was: s.Room, Ended: true, Reason: proto.ReasonLost}
	s.Room = nil
	s.reindex()
	return d
}

// compare fills d with the differences between the state and room.
func (s *State) compare(d *Diff, room *bus.Room) {
	s.compareWaiting(d, room)
	now := make(map[proto.PeerID]bool, len(room.Members))
	for _, m := range room.Members {
		now[m.ID] = true
		switch was := s.members[m.ID]; {
		case was == nil:
			d.Added = append(d.Added, m)
		case was.Owner() != m.Owner(), was.Epoch != m.Epoch: // with the same owner it moved away and back
			d.Moved = append(d.Moved, m)
		}
		switch was := s.members[m.ID]; {
		case was == nil, sameInfo(was, &m):
		case was.Op == m.Op:
			d.Updated = append(d.Updated, bus.Updated{ID: m.ID, Metadata: m.Metadata, Moderator: m.Moderator})
		default:
			d.Renewed = append(d.Renewed, m.ID)
		}
	}
	w := s.Room
	if w == nil {
		return
	}
	for _, m := range w.Members {
		if !now[m.ID] {
			d.Removed = append(d.Removed, removalOf(room, m.ID))
		}
	}
	d.Set = w.Name != room.Name || w.Capacity != room.Capacity || w.Locked != room.Locked || saltOf(w) != saltOf(room) || string(w.Metadata) != string(room.Metadata)
}

// removalOf returns why id is no longer a member, if the room records the reason.
func removalOf(room *bus.Room, id proto.PeerID) bus.Removal {
	for _, done := range slices.Backward(room.Recent) {
		if done.Peer == id && done.Reason != "" {
			return bus.Removal{ID: id, Reason: done.Reason, Op: done.Op}
		}
	}
	return bus.Removal{ID: id, Reason: proto.ReasonLeft}
}

func (s *State) reindex() {
	s.members, s.gateways, s.whole = nil, nil, nil
	if s.Room == nil {
		return
	}
	s.members = make(map[proto.PeerID]*bus.Member, len(s.Room.Members))
	s.gateways = make(map[proto.GatewayID]int)
	for i := range s.Room.Members {
		m := &s.Room.Members[i]
		s.members[m.ID] = m
		s.gateways[m.Owner()]++
	}
}

// Routes returns the former gateways and the present routes of the members that have moved,
// according to d. Members at gateway own are not in to, because their sessions determine when
// they are served. A member that had moved before it was added is only in to.
func (d *Diff) Routes(own proto.GatewayID) (from map[proto.PeerID]proto.GatewayID, to map[proto.PeerID]link.Route) {
	from = make(map[proto.PeerID]proto.GatewayID, len(d.Moved))
	for _, m := range d.Moved {
		from[m.ID] = m.ID.Home()
	}
	if len(from) > 0 && d.Was != nil {
		for i := range d.Was.Members {
			if m := &d.Was.Members[i]; from[m.ID] != "" {
				from[m.ID] = m.Owner()
			}
		}
	}
	to = make(map[proto.PeerID]link.Route)
	for _, m := range slices.Concat(d.Added, d.Moved) {
		if m.Epoch > 0 && m.Owner() != own {
			to[m.ID] = link.Route{Owner: m.Owner(), Epoch: m.Epoch}
		}
	}
	return from, to
}

// Apart returns the members at gateways other than own that must get room messages as frames
// of their own, because the room message to their gateway and frames for them alone would
// take different routes. goesTo reports the route of frames for a peer alone; edits counts
// the changes of its results.
func (s *State) Apart(own proto.GatewayID, edits uint64, goesTo func(proto.PeerID, proto.GatewayID) bool) []proto.PeerID {
	if s.apartRev == s.Revision && s.apartEdits == edits {
		return s.apart
	}
	s.apart, s.apartRev, s.apartEdits = nil, s.Revision, edits
	for id, m := range s.members {
		if at := m.Owner(); at != own && !goesTo(id, at) {
			s.apart = append(s.apart, id)
		}
	}
	return s.apart
}

// At returns at most MaxMissed of the members at the given gateways, without those that
// Apart returned last.
func (s *State) At(gateways []proto.GatewayID) (members []proto.PeerID) {
	for id, m := range s.members {
		if len(members) < MaxMissed && slices.Contains(gateways, m.Owner()) && !slices.Contains(s.apart, id) {
			members = append(members, id)
		}
	}
	return members
}
