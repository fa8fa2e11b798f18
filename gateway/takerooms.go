package gateway

import (
	"errors"
	"slices"
	"sync"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
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

func (g *Gateway) takeRoom(s *session, id proto.RoomID, epoch uint64) bool {
	r := g.rooms.pin(id)
	defer g.rooms.unpin(r)
	req := &bus.Request{Op: g.nextOp(), Room: id, Peer: s.id, Gateway: g.id, Epoch: epoch, User: s.userName(), Have: r.revision()}
	reply, err := g.requests.Ask(bus.OpResume, req)
	if e, is := errors.AsType[*proto.Error](err); is && e.Code == proto.NotFound {
		s.removeRoom(id) // removed meanwhile, or the room has ended
		return true
	} else if is && e.Epoch > epoch {
		return true // the session has moved on, and the room with it
	}
	if err != nil {
		r.doubted()
		g.log.Error("takeover: room not resumed", "peer", string(s.id), "room", string(id), "err", err)
		return false
	}
	if reply.State != nil {
		r.adopt(reply.State)
	}
	reached := make(chan struct{})
	r.await(reply.Revision, func() { r.movedInLocked(s.id, reply.Revision); close(reached) })
	timer := time.NewTimer(proto.RequestDeadline)
	defer timer.Stop()
	select {
	case <-reached:
		return true
	case <-timer.C:
		return false
	case <-g.alive.Done(): // shut waits for this, and nothing will be told any more
		return false
	}
}

// movedInLocked notes the revision at which a member moved here, which a fetched state
// does not tell.
func (r *replica) movedInLocked(id proto.PeerID, rev uint64) {
	if lm := r.local[id]; lm != nil {
		lm.since, lm.unsure = min(lm.since, rev), 0
	}
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
