package room

import (
	"slices"
	"sync"
	"sync/atomic"

	"p2pconnector/gateway/internal/link"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// maxAllMoved bounds the members that have moved, of rooms without a member here.
const maxAllMoved = 1 << 14

// Rooms is the table of replicas. A replica is there as long as the room has a member
// here, a request for it is under way, or a departure has yet to be confirmed. Safe for
// concurrent use.
type Rooms struct {
	cfg  Config
	ops  atomic.Uint64 // operations that were named
	soon chan struct{} // rooms are to be compared now

	first atomic.Uint64 // lowest revision of the room service's present bucket; 0: unknown

	mu         sync.RWMutex
	all        map[string]*replica // by the room's subject token
	moved      map[string]Moved    // of rooms without a replica, by the same
	movedCount int                 // members in it
}

// New returns an empty table. Run must run until it is not used any more.
func New(cfg Config) *Rooms {
	return &Rooms{
		cfg: cfg, soon: make(chan struct{}, 1),
		all: make(map[string]*replica), moved: make(map[string]Moved),
	}
}

// nextOp names an operation of this gateway.
func (t *Rooms) nextOp() bus.OpID { return bus.NewOpID(t.cfg.Own, t.ops.Add(1)) }

func (t *Rooms) byToken(token string) *replica {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.all[token]
}

func (t *Rooms) get(id proto.RoomID) *replica { return t.byToken(bus.RoomToken(id)) }

// pin returns the replica of id, made if need be, and keeps it until unpin.
func (t *Rooms) pin(id proto.RoomID) *replica {
	token := bus.RoomToken(id)
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.all[token]
	if r == nil {
		r = &replica{rooms: t, id: id, token: token, moved: t.takeMovedLocked(token)}
		t.all[token] = r
	}
	r.pins++
	return r
}

// unpin drops the replica when nothing needs it any more.
func (t *Rooms) unpin(r *replica) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r.pins--; r.pins == 0 && r.idle() {
		r.stop()
		delete(t.all, r.token)
		t.keepMovedLocked(r)
	}
}

// hold runs f with the replica pinned, so that it goes when f leaves it empty.
func (t *Rooms) hold(r *replica, f func()) {
	t.mu.Lock()
	if t.all[r.token] != r {
		t.mu.Unlock()
		return
	}
	r.pins++
	t.mu.Unlock()
	f()
	t.unpin(r)
}

// Len returns the number of replicas.
func (t *Rooms) Len() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.all)
}

func (t *Rooms) list() []*replica {
	t.mu.RLock()
	defer t.mu.RUnlock()
	all := make([]*replica, 0, len(t.all))
	for _, r := range t.all {
		all = append(all, r)
	}
	return all
}

// Counts returns the members of all rooms, and those that are here.
func (t *Rooms) Counts() (all, here int) {
	for _, r := range t.list() {
		a, h := r.counts()
		all += a
		here += h
	}
	return all, here
}

// Stop stops all timers, when the gateway ends.
func (t *Rooms) Stop() {
	for _, r := range t.list() {
		r.stop()
	}
}

// Changed applies a committed change to the replica of the room with this subject token.
func (t *Rooms) Changed(token string, c *bus.Change) {
	r := t.byToken(token)
	if r != nil {
		t.hold(r, func() { r.apply(c) })
		return
	}
	names := func(m bus.Member) bool { return m.Holder() == t.cfg.Own }
	if bus.RoomToken(c.Room) != token || !slices.ContainsFunc(c.Added, names) && !slices.ContainsFunc(c.Moved, names) {
		return // nobody here needs the room any more
	}
	// A request that was not answered took effect after all, or this is old: the room
	// service knows whether somebody here is a member.
	r = t.pin(c.Room)
	r.refetch()
	t.unpin(r)
}

// Relay sends a message of a member that is here to every other member of f.Room, and
// returns those that it did not reach; member is false when its sender is none. With none,
// no other gateway could be reached, and no other member is here.
func (t *Rooms) Relay(f link.Frame) (missed []proto.PeerID, none, member bool) {
	if r := t.get(f.Room); r != nil {
		f.Room = r.id // it may point into what was read
		return r.relay(f)
	}
	return nil, false, false
}

// Receive hands a message of another gateway to the members of a room that are here, and
// returns whom it did not reach. here is false when no replica has the room: those who were
// here have moved, or left. known is false, and nothing was done, when the message's sender
// knows a newer state of the room than this gateway.
func (t *Rooms) Receive(token string, m *Message) (x bus.Refusal, here, known bool) {
	r := t.byToken(token)
	if r == nil {
		return t.redirectMoved(token, m), false, true
	}
	x, known = r.receive(m)
	return x, true, known
}

// ReceiveBackEnd hands a message of a back end to the members of a room that are here, and
// sends it on to those that have moved. It returns whom it did not reach; nobody, when the
// last member here has left.
func (t *Rooms) ReceiveBackEnd(token string, m *Message) bus.Refusal {
	r := t.byToken(token)
	if r == nil {
		return bus.Refusal{}
	}
	x, known := r.receive(m)
	if !known {
		x.Code = proto.NotDelivered
	}
	for _, move := range x.Moved {
		t.cfg.Relays.Send(link.Frame{To: move.Peer, Room: r.id, Reply: m.Reply, Data: m.Frame})
	}
	return x
}

// Reseat makes m the session of a member that is here: what rooms showed an earlier one
// may have been lost.
func (t *Rooms) Reseat(m Member, ids []proto.RoomID) {
	for _, id := range ids {
		if r := t.get(id); r != nil {
			r.reseat(m)
		}
	}
}

// keepMovedLocked remembers those of a replica that is dropped, as long as that matters.
func (t *Rooms) keepMovedLocked(r *replica) {
	if d := r.moved; d.Fresh() && t.movedCount+d.Len() <= maxAllMoved {
		t.moved[r.token] = d
		t.movedCount += d.Len()
	}
}

// takeMovedLocked returns what is remembered of a room, for its new replica.
func (t *Rooms) takeMovedLocked(token string) Moved {
	d := t.moved[token]
	t.movedCount -= d.Len()
	delete(t.moved, token)
	return d
}

// redirectMoved returns the outcome of a message for a room that has no member here: it
// is sent on to those who have moved. Others have left the room meanwhile.
func (t *Rooms) redirectMoved(token string, m *Message) (x bus.Refusal) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	d := t.moved[token]
	d.Redirect(m, &x)
	if len(x.Moved) == 0 {
		x.Code = proto.NotDelivered
	}
	return x
}

// SweepMoved forgets members that moved so long ago that no message for them can come.
func (t *Rooms) SweepMoved() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for token, d := range t.moved {
		if !d.Fresh() {
			t.takeMovedLocked(token)
		}
	}
}
