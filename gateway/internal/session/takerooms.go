package session

import (
	"slices"
	"sync"

	"p2pconnector/proto"
)

// takeRooms makes the rooms name this gateway for the peer; it returns false when one of
// them could not be asked. Rooms that the peer is no longer a member of are
// dropped.
func (tab *Table) takeRooms(s *Session, rooms []proto.RoomID, epoch uint64) bool {
	var wg sync.WaitGroup
	ok := make([]bool, len(rooms))
	for i, id := range rooms {
		wg.Go(func() { ok[i] = tab.takeRoom(s, id, epoch) })
	}
	wg.Wait()
	for i, id := range rooms {
		if !ok[i] {
			tab.cfg.Go(func() { tab.takeRoomLater(s, id, epoch) }, func() {})
		}
	}
	return !slices.Contains(ok, false)
}

// takeRoom makes one room name this gateway; it returns false when the room could not be
// asked.
func (tab *Table) takeRoom(s *Session, id proto.RoomID, epoch uint64) bool {
	return tab.rooms.Resume(s, s.UserName(), id, epoch)
}

// maxOwed bounds how often takeRoomLater asks a room that did not answer in time.
const maxOwed = 20

// takeRoomLater keeps trying to take a room: until that works, the room names a gateway
// that does not serve the peer. It goes on after the session has ended, because only the
// session's owner can make the peer leave, but not after the session has moved on.
func (tab *Table) takeRoomLater(s *Session, id proto.RoomID, epoch uint64) {
	for range maxOwed {
		if s.hasMoved() || tab.cfg.Draining() || tab.takeRoom(s, id, epoch) {
			return
		}
	}
}

func (s *Session) hasMoved() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase == lent || s.phase == moved
}

// followRooms makes the rooms of a session name the epoch in which it was taken back.
func (tab *Table) followRooms(s *Session) {
	s.mu.Lock()
	rooms, epoch := slices.Clone(s.rooms), s.hold.Epoch
	s.mu.Unlock()
	tab.cfg.Go(func() { tab.takeRooms(s, rooms, epoch) }, func() {})
}
