package room

import (
	"sync"
	"sync/atomic"
	"time"

	"p2pconnector/gateway/internal/link"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// rosters tells who is in which room without the lock of a room: a frame is admitted where
// the locks of relays and of its receiver are held, which come later. Safe for concurrent
// use. No other lock is taken while its lock is held.
type rosters struct {
	changed atomic.Pointer[time.Time] // the last change of any; nil: none

	mu   sync.RWMutex
	room map[proto.RoomID]roster
}

// roster is a room's members at a revision.
type roster struct {
	members  map[proto.PeerID]*bus.Member // by State.reindex; not modified any more
	revision uint64
	changed  time.Time
}

// recently is how long after a change of a room another gateway may not have learned of it: a
// gateway that has missed the last change of a room notices that when it next compares
// revisions, and then fetches the room.
const recently = bus.SyncInterval + time.Second

// set replaces the members of a room by those of its state.
func (x *rosters) set(id proto.RoomID, s *State) {
	now := time.Now()
	x.mu.Lock()
	defer x.mu.Unlock()
	if s.members == nil { // unknown, or it has ended
		delete(x.room, id)
		return
	}
	if x.room == nil {
		x.room = make(map[proto.RoomID]roster)
	}
	x.room[id] = roster{s.members, s.Revision, now}
	x.changed.Store(&now)
}

// has reports whether a peer is a member of one of the rooms.
func (x *rosters) has(ids []proto.RoomID, p proto.PeerID) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for _, id := range ids {
		if x.room[id].members[p] != nil {
			return true
		}
	}
	return false
}

// Admits reports whether a peer that is in these rooms accepts frame f from its sender.
// Frames of the server and of back ends, messages to rooms, and the peer's own frames are
// always accepted. Admits may be called with any lock held.
//
// A room counts as this gateway has it, which may be older than what f's sender has seen:
// see Shared.
func (t *Rooms) Admits(accept proto.Senders, ids []proto.RoomID, f *link.Frame) bool {
	switch {
	case accept == proto.AcceptAnyone, f.From == "", f.From == f.To, f.Room != "":
		return true
	case accept == proto.AcceptRooms && t.rosters.has(ids, f.From):
		return true
	}
	return proto.IsRoomMessage(f.Data) // for this member alone, from another gateway
}

// ChangedRecently reports whether any room has changed so recently that Shared may return it.
// It is one comparison of times, and may be called with any lock held.
func (t *Rooms) ChangedRecently() bool {
	last := t.rosters.changed.Load()
	return last != nil && time.Since(*last) <= recently
}

// Shared returns a room of a local sender that the receiver of its frame is in too, with the
// revision by which it is, if the room has changed so recently that the receiver's gateway
// may not know that. Otherwise it returns "". Shared may be called with any lock held.
func (t *Rooms) Shared(ids []proto.RoomID, to proto.PeerID) (proto.RoomID, uint64) {
	x := &t.rosters
	if len(ids) == 0 || !t.ChangedRecently() {
		return "", 0
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	for _, id := range ids {
		if r := x.room[id]; r.members[to] != nil && time.Since(r.changed) <= recently {
			return id, r.revision
		}
	}
	return "", 0
}

// Behind reports whether the replica of the room with this subject token has not reached a
// revision by which a sender shares the room with a local member. Then the room is fetched
// if that does not change soon, and Config.Advanced is called.
func (t *Rooms) Behind(token string, revision uint64) bool {
	r := t.byToken(token)
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state.Revision >= revision {
		return false
	}
	r.awaitRevisionLocked(revision)
	return true
}
