package gateway

import (
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"p2pconnector/proto"
)

// rooms is the table of replicas. A replica is there as long as the room has a
// member here, a request for it is under way, or a departure has yet to be
// confirmed. Safe for concurrent use.
type rooms struct {
	g *Gateway

	mu  sync.RWMutex
	all map[string]*replica // by the room's subject token
}

func newRooms(g *Gateway) *rooms { return &rooms{g: g, all: make(map[string]*replica)} }

func (t *rooms) byToken(token string) *replica {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.all[token]
}

func (t *rooms) get(id proto.RoomID) *replica { return t.byToken(id.Token()) }

// pin returns the replica of id, made if need be, and keeps it until unpin.
func (t *rooms) pin(id proto.RoomID) *replica {
	token := id.Token()
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.all[token]
	if r == nil {
		r = newReplica(t.g, id, token)
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
	var c proto.Change
	if err := json.Unmarshal(data, &c); err != nil {
		g.log.Error("rooms: unreadable change", "room", token, "err", err)
		return
	}
	r := g.rooms.byToken(token)
	if r != nil {
		g.rooms.hold(r, func() { r.apply(&c) })
		return
	}
	names := func(m proto.Member) bool { return m.Holder() == g.id }
	if c.Room.Token() != token || !slices.ContainsFunc(c.Added, names) && !slices.ContainsFunc(c.Moved, names) {
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

// depart removes a peer that has ended from a room, for as long as it takes.
func (t *rooms) depart(id proto.RoomID, peer proto.PeerID) {
	r := t.pin(id)
	if !r.departing(peer) {
		t.unpin(r)
		return
	}
	t.leave(r, peer)
}

// stray has the gateway that a peer moved to without this one's word take a room over
// that names this one, as long as it does.
func (t *rooms) stray(id proto.RoomID, peer proto.PeerID) {
	r := t.pin(id)
	r.departLater(peer)
	t.leave(r, peer)
}

// leave sends the departure of peer, which holds one pin of r. A departure that
// is not confirmed is tried again by sync: until then the replica stays.
func (t *rooms) leave(r *replica, peer proto.PeerID) {
	if s := t.g.sessions.get(peer); s != nil {
		if s.live() {
			r.cameBack(peer)
			t.unpin(r)
			return
		}
		if wait := t.g.staysFor(s.newHolder()); wait > 0 {
			t.g.tellJoined(s, r.id)
			r.departLater(peer)
			r.retryIn(min(wait, proto.LeaseTimeout))
			t.unpin(r)
			return
		}
	}
	req := &proto.Request{Op: t.g.nextOp(), Room: r.id, Peer: peer, Gateway: t.g.id, Reason: proto.ReasonDisconnected, Have: r.revision()}
	t.g.requests.send(proto.OpLeave, req, func(reply *proto.Reply, err error) {
		defer t.unpin(r)
		if err != nil {
			r.departLater(peer)
			return
		}
		r.departed(peer)
		if reply.Error == nil && reply.Revision > 0 && !r.alone() {
			r.await(reply.Revision)
		}
	})
}

// staysFor is how long a peer that has moved to another gateway may be there, or on
// its way to a third, when nothing more is heard of that gateway.
func (g *Gateway) staysFor(holder proto.GatewayID) time.Duration {
	if holder == "" {
		return 0
	}
	now := time.Now()
	wait := proto.LeaseTimeout + g.cfg.SessionGrace - g.leases.silence(holder, now)
	if g.frozen(now) {
		wait = max(wait, time.Second) // nobody could be heard
	}
	return wait
}

// tellJoined says that a join was under way when the session moved, to the gateway
// that it moved to, and to the one that it may have moved on to since: that listens
// in place of the one that issued the peer.
func (g *Gateway) tellJoined(s *session, room proto.RoomID) {
	word := proto.Takeover{Peer: s.id, Gateway: g.id, Room: room}
	to, home := s.newHolder(), s.id.Home()
	g.tell(to, word)
	if home != to {
		g.tell(home, word)
	}
}

// fetch gets the whole room. It is called once at a time for a replica, by its fetcher.
func (t *rooms) fetch(r *replica) (*proto.Snapshot, error) {
	reply, err := t.g.askBefore(time.Now().Add(proto.RequestDeadline), proto.OpGet, &proto.Request{Room: r.id})
	if e, ok := errors.AsType[*proto.Error](err); ok && e.Code == proto.NotFound {
		return &proto.Snapshot{}, nil
	}
	if err != nil {
		return nil, err
	}
	if reply.State == nil {
		return &proto.Snapshot{Revision: reply.Revision}, nil
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

// syncLoop compares revisions every SyncInterval and after each reconnect, so
// that a change that was missed is healed although no other follows.
func (g *Gateway) syncLoop(done <-chan struct{}) {
	tick := time.NewTicker(proto.SyncInterval)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
		case <-g.syncNow:
		}
		g.syncRooms()
	}
}

func (g *Gateway) syncRooms() {
	all := g.rooms.list()
	for len(all) > 0 {
		page := all[:min(len(all), proto.MaxSyncRooms)]
		all = all[len(page):]
		have := make(map[proto.RoomID]uint64, len(page))
		for _, r := range page {
			r.retryDepartures()
			have[r.id] = r.revision()
		}
		began := time.Now()
		reply, err := g.ask(proto.OpSync, &proto.Request{Gateway: g.id, Rooms: have})
		if err != nil {
			g.log.Warn("rooms: comparing revisions failed", "err", err)
			return
		}
		for _, id := range reply.Differ {
			delete(have, id)
		}
		for _, r := range page {
			if _, same := have[r.id]; !same {
				g.rooms.hold(r, r.refetch)
			} else if r.doubtful() {
				g.rooms.hold(r, func() { r.certain(began) })
			}
		}
	}
}
