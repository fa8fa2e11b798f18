package gateway

import (
	"slices"
	"sync"

	"p2pconnector/proto"
)

// takeRooms has the rooms name this gateway as the peer's holder; false when one
// of them could not be asked. Rooms that it is no member of any more are dropped.
func (g *Gateway) takeRooms(s *session, rooms []proto.RoomID, epoch uint64) bool {
	var wg sync.WaitGroup
	ok := make([]bool, len(rooms))
	for i, id := range rooms {
		wg.Go(func() { ok[i] = g.takeRoom(s, id, epoch) })
	}
	wg.Wait()
	for i, id := range rooms {
		if !ok[i] {
			g.background(func() { g.takeRoomLater(s, id, epoch) }, func() {})
		}
	}
	return !slices.Contains(ok, false)
}

// takeRoom makes one room name this gateway; false when that could not be asked for.
func (g *Gateway) takeRoom(s *session, id proto.RoomID, epoch uint64) bool {
	return g.rooms.Resume(s, s.userName(), id, epoch)
}

// maxOwed bounds how often a room is asked for that did not answer in time.
const maxOwed = 20

// takeRoomLater goes on asking for a room: until it is told, it names a gateway
// that does not serve the peer. A peer that has ended meanwhile is taken over all
// the same, since only its owner can have it leave; not one that has moved on.
func (g *Gateway) takeRoomLater(s *session, id proto.RoomID, epoch uint64) {
	for range maxOwed {
		if s.hasMoved() || g.draining.Load() || g.takeRoom(s, id, epoch) {
			return
		}
	}
}

func (s *session) hasMoved() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase == lent || s.phase == moved
}

// followRooms has the rooms of a session name the epoch in which it was taken back.
func (g *Gateway) followRooms(s *session) {
	s.mu.Lock()
	rooms, epoch := slices.Clone(s.rooms), s.hold.Epoch
	s.mu.Unlock()
	g.background(func() { g.takeRooms(s, rooms, epoch) }, func() {})
}
