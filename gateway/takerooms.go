package gateway

import (
	"errors"
	"slices"
	"sync"
	"time"

	"p2pconnector/proto"
)

// takeRooms has the rooms name this gateway as the peer's holder; false when one
// of them could not be asked. Rooms that it is no member of any more are dropped.
func (g *Gateway) takeRooms(s *session, rooms []proto.RoomID) bool {
	var wg sync.WaitGroup
	ok := make([]bool, len(rooms))
	for i, id := range rooms {
		wg.Go(func() { ok[i] = g.takeRoom(s, id) })
	}
	wg.Wait()
	for i, id := range rooms {
		if !ok[i] {
			g.background(func() { g.takeRoomLater(s, id) }, func() {})
		}
	}
	return !slices.Contains(ok, false)
}

func (g *Gateway) takeRoom(s *session, id proto.RoomID) bool {
	r := g.rooms.pin(id)
	defer g.rooms.unpin(r)
	req := &proto.Request{Op: g.nextOp(), Room: id, Peer: s.id, Gateway: g.id, User: s.user, Have: r.revision()}
	reply, err := g.ask(proto.OpResume, req)
	if e, is := errors.AsType[*proto.Error](err); is && e.Code == proto.NotFound {
		s.removeRoom(id) // removed meanwhile, or the room has ended
		return true
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
	r.await(reply.Revision, func() { close(reached) })
	timer := time.NewTimer(proto.RequestDeadline)
	defer timer.Stop()
	select {
	case <-reached:
		r.movedIn(s.id, reply.Revision)
		return true
	case <-timer.C:
		return false
	case <-g.alive.Done(): // shut waits for this, and nothing will be told any more
		return false
	}
}

// movedIn notes the revision at which a member moved here, which a fetched state
// does not tell.
func (r *replica) movedIn(id proto.PeerID, rev uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if lm := r.local[id]; lm != nil {
		lm.since = rev
	}
}

// maxOwed bounds how often a room is asked for that did not answer in time.
const maxOwed = 20

// takeRoomLater goes on asking for a room: until it is told, it names a gateway
// that does not hold the peer. A peer that has ended meanwhile is taken over all
// the same, since only its holder can have it leave; not one that was handed on, which
// may live elsewhere.
func (g *Gateway) takeRoomLater(s *session, id proto.RoomID) {
	for range maxOwed {
		if s.wasHandedOn() || g.draining.Load() || g.takeRoom(s, id) {
			return
		}
	}
}
