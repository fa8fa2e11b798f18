package room

import (
	"sync"

	"p2pconnector/gateway/internal/link"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// rosters tells who is in which room without the lock of a room: a frame is admitted where
// the locks of relays and of its receiver are held, which come later. Safe for concurrent
// use. No other lock is taken while its lock is held.
type rosters struct {
	mu   sync.RWMutex
	room map[proto.RoomID]map[proto.PeerID]*bus.Member // by State.reindex; not modified any more
}

// set replaces the members of a room; nil for a room that is unknown or has ended.
func (x *rosters) set(id proto.RoomID, members map[proto.PeerID]*bus.Member) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if members == nil {
		delete(x.room, id)
		return
	}
	if x.room == nil {
		x.room = make(map[proto.RoomID]map[proto.PeerID]*bus.Member)
	}
	x.room[id] = members
}

// has reports whether a peer is a member of one of the rooms.
func (x *rosters) has(ids []proto.RoomID, p proto.PeerID) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for _, id := range ids {
		if x.room[id][p] != nil {
			return true
		}
	}
	return false
}

// Admits reports whether a peer that is in these rooms accepts frame f from its sender.
// Frames of the server and of back ends, messages to rooms, and the peer's own frames are
// always accepted. Admits may be called with any lock held.
//
// A room counts as this gateway has it. Room services announce a change before they answer
// the request that made it, so a sender that has seen its receiver in a room is a member
// here too, unless that change was delayed or lost. Then the sender's error asks it to try
// again.
func (t *Rooms) Admits(accept proto.Senders, ids []proto.RoomID, f *link.Frame) bool {
	switch {
	case accept == proto.AcceptAnyone, f.From == "", f.From == f.To, f.Room != "":
		return true
	case accept == proto.AcceptRooms && t.rosters.has(ids, f.From):
		return true
	}
	return proto.IsRoomMessage(f.Data) // for this member alone, from another gateway
}
