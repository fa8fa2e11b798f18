package room

import (
	"encoding/json"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// EncodeFrame encodes a frame from the server. id is the correlation id that it echoes;
// nil for none.
type EncodeFrame func(typ proto.FrameType, event proto.Event, data json.RawMessage, id []byte) []byte

// dataOf returns the `data` that every frame about a room has.
func dataOf(room *bus.Room, revision uint64) proto.RoomData {
	return proto.RoomData{
		Room: room.ID, Name: room.Name, Creator: room.Creator, Capacity: room.Capacity,
		Locked: room.Locked, Password: room.Password != nil, Metadata: room.Metadata, Revision: revision,
	}
}

// saltOf returns the salt of a room's password; "" when it has none.
func saltOf(room *bus.Room) string {
	if room.Password == nil {
		return ""
	}
	return room.Password.Salt
}

// encodeAll encodes d with the ids of the room's members.
func encodeAll(d proto.RoomData, room *bus.Room) json.RawMessage {
	return encode(d, appendClients(nil, room))
}

// encodeInfo encodes the `data` of Room_Info: all that members see of a room, and for the
// creator and moderators those that wait.
func encodeInfo(room *bus.Room, revision uint64, moderates bool) json.RawMessage {
	d := dataOf(room, revision)
	d.Members, d.Banned = infosOf(room.Members), room.Banned
	if moderates {
		d.Waiting = waitingOf(room)
	}
	return encodeAll(d, room)
}

// encode encodes d with the encoded list of clients, or without a list when list is nil.
func encode(d proto.RoomData, list []byte) json.RawMessage {
	b := mustMarshal(d)
	if list == nil {
		return b
	}
	out := make([]byte, 0, len(b)+len(list)+16)
	out = append(out, b[:len(b)-1]...)
	out = append(out, `,"clients":`...)
	out = append(out, list...)
	return append(out, '}')
}

// appendClients appends the members' ids as a JSON array.
func appendClients(dst []byte, room *bus.Room) []byte {
	dst = append(dst, '[')
	for i, m := range room.Members {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '"')
		dst = append(dst, m.ID...)
		dst = append(dst, '"')
	}
	return append(dst, ']')
}

// infosOf returns the information that other members see, besides the members' ids.
func infosOf(members []bus.Member) map[proto.PeerID]proto.MemberInfo {
	var infos map[proto.PeerID]proto.MemberInfo
	for _, m := range members {
		if m.User != "" || len(m.Metadata) > 0 || m.Moderator {
			if infos == nil {
				infos = make(map[proto.PeerID]proto.MemberInfo)
			}
			infos[m.ID] = proto.MemberInfo{User: m.User, Metadata: m.Metadata, Moderator: m.Moderator}
		}
	}
	return infos
}

// data returns dataOf for the state. A delta has the number of members in place of their
// list.
func (s *State) data(delta bool) proto.RoomData {
	d := dataOf(s.Room, s.Revision)
	if delta {
		n := len(s.Room.Members)
		d.Count = &n
	}
	return d
}

// encode encodes d with the list of clients, unless d is a delta. The list, the longest
// part, is encoded once for a revision.
func (s *State) encode(d proto.RoomData) json.RawMessage {
	if d.Count != nil {
		return encode(d, nil)
	}
	if s.list == nil || s.listRev != s.Revision {
		s.list = appendClients(s.list[:0], s.Room)
		s.listRev = s.Revision
	}
	return encode(d, s.list)
}

// info returns encodeInfo of the state for a member. It encodes once for a revision, except
// for who sees those that wait. The caller must not modify it.
func (s *State) info(to proto.PeerID) json.RawMessage {
	if len(s.Room.Waiting) > 0 && s.moderates(to) {
		return encodeInfo(s.Room, s.Revision, true)
	}
	if s.whole == nil || s.wholeRev != s.Revision {
		s.whole, s.wholeRev = encodeInfo(s.Room, s.Revision, false), s.Revision
	}
	return s.whole
}

// infos returns infosOf for the members with these ids.
func (s *State) infos(ids []proto.PeerID) map[proto.PeerID]proto.MemberInfo {
	members := make([]bus.Member, 0, len(ids))
	for _, id := range ids {
		if m := s.members[id]; m != nil {
			members = append(members, *m)
		}
	}
	return infosOf(members)
}

// Welcome encodes the frame for a member that has just joined, which always has the list
// of clients. If req is not nil it is the member's own request to create or join the room,
// and the frame answers it.
func (s *State) Welcome(id proto.PeerID, req *Request, frame EncodeFrame) []byte {
	d := s.data(false)
	d.Members = infosOf(s.Room.Members)
	var echo []byte
	if req != nil {
		echo = req.ID
		if req.Event == proto.CreateRoom {
			d.RoomID = s.Room.ID
			return frame(proto.TypeInfo, proto.RoomCreated, s.encode(d), echo)
		}
	}
	d.Client, d.Added = id, []proto.PeerID{id}
	return frame(proto.TypeUpdate, proto.ClientAdded, s.encode(d), echo)
}

// Frames encodes u: at most one frame about members that joined or left, one about members
// that were updated, one about settings, and one about those that wait. If req is not
// nil, the frame that answers it echoes its id. With delta, the frames about a room above
// proto.FullListMembers have no list of clients.
func (s *State) Frames(u *Update, delta bool, req *Request, frame EncodeFrame) (frames [][]byte) {
	delta = delta && len(s.Room.Members) > proto.FullListMembers
	answers := req.answeredBy()
	echo := func(e proto.Event) []byte {
		if e != answers {
			return nil
		}
		return req.ID
	}
	if u.aboutMembers() {
		event, d := s.membersData(u, delta)
		frames = append(frames, frame(proto.TypeUpdate, event, s.encode(d), echo(proto.ClientRemoved)))
	}
	if len(u.updated) > 0 {
		d := s.data(delta)
		d.Client, d.Updated, d.Members = u.updated[0], u.updated, s.infos(u.updated)
		frames = append(frames, frame(proto.TypeUpdate, proto.MemberUpdated, s.encode(d), echo(proto.MemberUpdated)))
	}
	if u.settings {
		d := s.data(delta)
		d.Client = u.by
		frames = append(frames, frame(proto.TypeUpdate, proto.RoomUpdated, s.encode(d), echo(proto.RoomUpdated)))
	}
	if u.waiting {
		d := proto.WaitingData{Room: s.Room.ID, Revision: s.Revision, Waiting: waitingOf(s.Room)}
		frames = append(frames, frame(proto.TypeUpdate, proto.WaitingUpdated, mustMarshal(d), echo(proto.WaitingUpdated)))
	}
	return frames
}

// membersData is the `data` of a frame about members that joined and left.
func (s *State) membersData(u *Update, delta bool) (proto.Event, proto.RoomData) {
	d := s.data(delta)
	d.Added = u.added
	same := true
	for _, x := range u.removed {
		d.Removed = append(d.Removed, x.ID)
		if d.Reasons == nil {
			d.Reasons = make(map[proto.PeerID]proto.Reason)
		}
		d.Reasons[x.ID] = x.Reason
		same = same && x.Reason == u.removed[0].Reason
	}
	if len(d.Added) > 0 {
		d.Client, d.Members = d.Added[0], s.infos(d.Added)
		return proto.ClientAdded, d
	}
	d.Client, d.Reason = d.Removed[0], u.removed[0].Reason
	if same {
		d.Reasons = nil
	}
	return proto.ClientRemoved, d
}
