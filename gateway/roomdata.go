package gateway

import (
	"encoding/json"

	"p2pconnector/proto"
)

// dataLocked is the `data` that every frame about the room has. A delta has the
// number of members in place of their list.
func (r *replica) dataLocked(delta bool) proto.RoomData {
	d := roomData(r.room, r.rev)
	if delta {
		n := len(r.room.Members)
		d.Count = &n
	}
	return d
}

func roomData(room *proto.Room, rev uint64) proto.RoomData {
	return proto.RoomData{
		Room: room.ID, Name: room.Name, Creator: room.Creator, Capacity: room.Capacity,
		Locked: room.Locked, Metadata: room.Metadata, Revision: rev,
	}
}

// frameLocked encodes a frame about the room. The list of clients, the longest
// part, is encoded once for a revision.
func (r *replica) frameLocked(typ proto.FrameType, event proto.Event, d proto.RoomData, id []byte) []byte {
	var list []byte
	if d.Count == nil {
		list = r.clientListLocked()
	}
	return r.g.serverFrame(typ, string(event), encodeRoom(d, list), id)
}

// encodeRoom encodes d with the encoded list of clients, or without when list is nil.
func encodeRoom(d proto.RoomData, list []byte) json.RawMessage {
	b := marshal(d)
	if list == nil {
		return b
	}
	out := make([]byte, 0, len(b)+len(list)+16)
	out = append(out, b[:len(b)-1]...)
	out = append(out, `,"clients":`...)
	out = append(out, list...)
	return append(out, '}')
}

// marshal encodes what cannot fail to encode.
func marshal(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // a type of our own that does not encode: a bug, not input
	}
	return b
}

// clientListLocked returns the members' ids as a JSON array.
func (r *replica) clientListLocked() []byte {
	if r.list == nil || r.listRev != r.rev {
		r.list = encodeClients(r.list[:0], r.room)
		r.listRev = r.rev
	}
	return r.list
}

func encodeClients(dst []byte, room *proto.Room) []byte {
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

// infosLocked returns what is to be shown of the members ids, or of all when ids
// is nil, besides their ids.
func (r *replica) infosLocked(ids []proto.PeerID) map[proto.PeerID]proto.MemberInfo {
	if ids == nil {
		return infosOf(r.room.Members)
	}
	members := make([]proto.Member, 0, len(ids))
	for _, id := range ids {
		if m := r.index[id]; m != nil {
			members = append(members, *m)
		}
	}
	return infosOf(members)
}

func infosOf(members []proto.Member) map[proto.PeerID]proto.MemberInfo {
	var infos map[proto.PeerID]proto.MemberInfo
	for _, m := range members {
		if m.User != "" || len(m.Metadata) > 0 {
			if infos == nil {
				infos = make(map[proto.PeerID]proto.MemberInfo)
			}
			infos[m.ID] = proto.MemberInfo{User: m.User, Metadata: m.Metadata}
		}
	}
	return infos
}
