package gateway

import (
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"p2pconnector/gateway/internal/room"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// rooms is the table of replicas. A replica is there as long as the room has a
// member here, a request for it is under way, or a departure has yet to be
// confirmed. Safe for concurrent use.
type rooms struct {
	g *Gateway

	mu  sync.RWMutex
	all map[string]*replica // by the room's subject token

	movedAway  map[string]room.Moved // of rooms without a replica, by the same
	movedCount int                   // members in it
}

func newRooms(g *Gateway) *rooms {
	return &rooms{g: g, all: make(map[string]*replica), movedAway: make(map[string]room.Moved)}
}

func (t *rooms) byToken(token string) *replica {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.all[token]
}

func (t *rooms) get(id proto.RoomID) *replica { return t.byToken(bus.RoomToken(id)) }

// pin returns the replica of id, made if need be, and keeps it until unpin.
func (t *rooms) pin(id proto.RoomID) *replica {
	token := bus.RoomToken(id)
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.all[token]
	if r == nil {
		r = newReplica(t.g, id, token)
		r.movedAway = t.takeMovedLocked(token)
		t.all[token] = r
	}
	r.pins.Add(1)
	return r
}

// unpin drops the replica when nothing needs it any more.
func (t *rooms) unpin(r *replica) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r.pins.Add(-1) == 0 && r.idle() {
		r.stop()
		delete(t.all, r.token)
		t.keepMovedLocked(r)
	}
}

func (t *rooms) len() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.all)
}

func (t *rooms) list() []*replica {
	t.mu.RLock()
	defer t.mu.RUnlock()
	all := make([]*replica, 0, len(t.all))
	for _, r := range t.all {
		all = append(all, r)
	}
	return all
}

// stateChanged applies a committed change to the replica it is about.
func (g *Gateway) stateChanged(token string, data []byte) {
	var c bus.Change
	if err := json.Unmarshal(data, &c); err != nil {
		g.log.Error("rooms: unreadable change", "room", token, "err", err)
		return
	}
	r := g.rooms.byToken(token)
	if r != nil {
		g.rooms.hold(r, func() { r.apply(&c) })
		return
	}
	names := func(m bus.Member) bool { return m.Holder() == g.id }
	if bus.RoomToken(c.Room) != token || !slices.ContainsFunc(c.Added, names) && !slices.ContainsFunc(c.Moved, names) {
		return // nobody here cares any more
	}
	// A request of which nothing was heard took effect after all, or this is old: the
	// room service knows whether somebody here is a member.
	r = g.rooms.pin(c.Room)
	r.refetch()
	g.rooms.unpin(r)
}

// hold runs f with the replica pinned, so that it goes when f leaves it empty.
func (t *rooms) hold(r *replica, f func()) {
	t.mu.Lock()
	if t.all[r.token] != r {
		t.mu.Unlock()
		return
	}
	r.pins.Add(1)
	t.mu.Unlock()
	f()
	t.unpin(r)
}

// depart removes a peer whose session has ended from a room, for as long as it takes.
// epoch is that of its session here.
func (t *rooms) depart(id proto.RoomID, peer proto.PeerID, epoch uint64) {
	t.departAfter(id, peer, epoch, 0)
}

// departAfter does the same after a while, in which another gateway that owns the
// session may have the room name it: then there is nothing to do.
func (t *rooms) departAfter(id proto.RoomID, peer proto.PeerID, epoch uint64, wait time.Duration) {
	r := t.pin(id)
	defer t.unpin(r)
	r.departLater(peer, epoch, wait)
	if wait > 0 {
		r.retryIn(wait)
		return
	}
	r.retryDepartures()
}

// leave sends the departure of peer, which holds one pin of r. A departure that
// is not confirmed is tried again by sync: until then the replica stays.
func (t *rooms) leave(r *replica, peer proto.PeerID) {
	if s := t.g.sessions.get(peer); s != nil && s.live() {
		r.cameBack(peer)
		t.unpin(r)
		return
	}
	epoch, mine := r.leaves(peer)
	if !mine {
		r.departed(peer)
		t.unpin(r)
		return
	}
	if s := t.g.sessions.get(peer); s != nil {
		if to := s.otherOwner(); to != "" && r.leavesSince(peer) < t.g.cfg.SessionGrace {
			t.g.notifyJoined(to, peer, r.id)
			r.departLater(peer, epoch, notifyJoinedPause)
			r.retryIn(notifyJoinedPause)
			t.unpin(r)
			return
		}
	}
	req := &bus.Request{
		Op: t.g.nextOp(), Room: r.id, Peer: peer, Gateway: t.g.id, Epoch: epoch,
		Reason: proto.ReasonDisconnected, Have: r.revision(),
	}
	t.g.requests.Send(time.Now().Add(proto.RequestDeadline), bus.OpLeave, req, func(reply *bus.Reply, err error) {
		defer t.unpin(r)
		if err != nil {
			r.departLater(peer, epoch, 0)
			return
		}
		r.departed(peer)
		if reply.Error == nil && reply.Revision > 0 && !r.alone() {
			r.await(reply.Revision)
		}
	})
}

// notifyJoinedPause is the time between two messages about such a join.
const notifyJoinedPause = 2 * time.Second

// notifyJoined asks the owner of a session to take a room over that names this gateway for
// the peer, because a join was pending when the session moved.
func (g *Gateway) notifyJoined(to proto.GatewayID, peer proto.PeerID, id proto.RoomID) {
	err := g.bus.NotifyGateway(to, bus.SessionMessage{Peer: peer, Gateway: g.id, Room: id})
	if err != nil {
		g.log.Warn("rooms: owner of a late member not notified", "peer", string(peer), "room", string(id), "gateway", string(to), "err", err)
	}
}

// fetch gets the whole room. It is called once at a time for a replica, by its fetcher.
func (t *rooms) fetch(r *replica) (*bus.Snapshot, error) {
	reply, err := t.g.requests.Ask(bus.OpGet, &bus.Request{Room: r.id})
	if e, ok := errors.AsType[*proto.Error](err); ok && e.Code == proto.NotFound {
		return &bus.Snapshot{}, nil
	}
	if err != nil {
		return nil, err
	}
	if reply.State == nil {
		return &bus.Snapshot{Revision: reply.Revision}, nil
	}
	return reply.State, nil
}

// kickSync has the rooms compared with the room service soon.
func (g *Gateway) kickSync() {
	select {
	case g.syncNow <- struct{}{}:
	default:
	}
}

// syncRetry is the pause after a comparison of revisions that failed.
const syncRetry = time.Second

// syncLoop compares revisions every SyncInterval and after each reconnect, so
// that a change that was missed is healed although no other follows.
func (g *Gateway) syncLoop(done <-chan struct{}) {
	repeat(done, g.syncNow, bus.SyncInterval, func() time.Duration {
		if g.syncRooms() {
			return bus.SyncInterval
		}
		return syncRetry
	})
}

// syncRooms compares the revisions of all rooms; false when that failed.
func (g *Gateway) syncRooms() bool {
	all := g.rooms.list()
	for len(all) > 0 {
		page := all[:min(len(all), bus.MaxSyncRooms)]
		all = all[len(page):]
		have := make(map[proto.RoomID]uint64, len(page))
		for _, r := range page {
			g.rooms.hold(r, r.endLost)
			r.retryDepartures()
			have[r.id] = r.revision()
		}
		began := time.Now()
		reply, err := g.requests.Ask(bus.OpSync, &bus.Request{Gateway: g.id, Rooms: have})
		if err != nil {
			g.log.Warn("rooms: comparing revisions failed", "err", err)
			return false
		}
		for _, id := range reply.Differ {
			delete(have, id)
		}
		for _, r := range page {
			g.rooms.hold(r, r.endLost)
			if _, same := have[r.id]; !same {
				g.rooms.hold(r, r.refetch)
			} else if r.doubtful() {
				g.rooms.hold(r, func() { r.certain(began) })
			}
		}
	}
	return true
}

// maxAllMoved bounds the members that have moved, of rooms without a member here.
const maxAllMoved = 1 << 14

// keepMovedLocked remembers those of a replica that is dropped, as long as that matters.
func (t *rooms) keepMovedLocked(r *replica) {
	if d := r.movedAway; d.Fresh() && t.movedCount+d.Len() <= maxAllMoved {
		t.movedAway[r.token] = d
		t.movedCount += d.Len()
	}
}

// takeMovedLocked returns what is remembered of a room, for its new replica.
func (t *rooms) takeMovedLocked(token string) room.Moved {
	d := t.movedAway[token]
	t.movedCount -= d.Len()
	delete(t.movedAway, token)
	return d
}

// redirectMoved returns the outcome of a message for a room that has no member here: it
// is sent on to those who have moved. Others have left the room meanwhile.
func (t *rooms) redirectMoved(token string, m *room.Message) (x bus.Refusal) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	d := t.movedAway[token]
	d.Redirect(m, &x)
	if len(x.Moved) == 0 {
		x.Code = proto.NotDelivered
	}
	return x
}

// sweepMoved forgets members that moved so long ago that no message for them can come.
func (t *rooms) sweepMoved() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for token, d := range t.movedAway {
		if !d.Fresh() {
			t.takeMovedLocked(token)
		}
	}
}
