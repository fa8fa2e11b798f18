package room

import (
	"slices"
	"sync"
	"sync/atomic"

	"p2pconnector/gateway/internal/egress"
	"p2pconnector/gateway/internal/link"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// maxAllMoved bounds the remembered members that have moved, of rooms without a local
// member.
const maxAllMoved = 1 << 14

// Rooms is the table of replicas. A replica exists as long as the room has a local member, a
// peer of this gateway waits to be admitted, a request for it is pending, or a departure has yet to be confirmed. Safe for concurrent
// use.
type Rooms struct {
	cfg  Config
	ops  atomic.Uint64 // number of operation ids made
	soon chan struct{} // receives a value when rooms must be compared now

	rosters rosters

	first atomic.Uint64 // lowest revision of the room service's current bucket; 0: unknown

	mu         sync.RWMutex
	all        map[string]*replica // by the room's subject token
	moved      map[string]Moved    // of rooms without a replica, by the same token
	movedCount int                 // members in moved
}

// New returns an empty table. Run must run as long as the table is used.
func New(cfg Config) *Rooms {
	return &Rooms{
		cfg: cfg, soon: make(chan struct{}, 1),
		all: make(map[string]*replica), moved: make(map[string]Moved),
	}
}

// nextOp returns a new operation id of this gateway.
func (t *Rooms) nextOp() bus.OpID { return bus.NewOpID(t.cfg.Own, t.ops.Add(1)) }

func (t *Rooms) byToken(token string) *replica {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.all[token]
}

func (t *Rooms) get(id proto.RoomID) *replica { return t.byToken(bus.RoomToken(id)) }

// pin returns the replica of id, which it makes if there is none, and keeps it until unpin.
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
		t.rosters.set(r.id, new(State))
		t.keepMovedLocked(r)
	}
}

// hold runs f with the replica pinned, so that the replica is dropped when f leaves it empty.
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

// Counts returns the number of members of all rooms, and the number of local members.
func (t *Rooms) Counts() (all, here int) {
	for _, r := range t.list() {
		a, h := r.counts()
		all += a
		here += h
	}
	return all, here
}

// Stop stops all timers when the gateway ends.
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
	names := func(m bus.Member) bool { return m.Owner() == t.cfg.Own }
	if bus.RoomToken(c.Room) != token || !slices.ContainsFunc(c.Added, names) && !slices.ContainsFunc(c.Moved, names) && !slices.ContainsFunc(c.Waiting, names) {
		return // this gateway does not need the room any more
	}
	// Either a request that was not answered took effect after all, or this change is old:
	// the room service knows whether a peer of this gateway is a member.
	r = t.pin(c.Room)
	r.refetch()
	t.unpin(r)
}

// Relay sends a message of a local member to every other member of f.Room. from pays for it
// before it is sent.
func (t *Rooms) Relay(f link.Frame, from *egress.Client) Relayed {
	if r := t.get(f.Room); r != nil {
		f.Room = r.id // the old string may point into the read buffer
		return r.relay(f, from)
	}
	return Relayed{NotMember: true}
}

// RelayOutside sends a message to the members of f.Room that other gateways serve. Its sender
// is no member; the room service tells who the members are. The call waits for that.
func (t *Rooms) RelayOutside(f link.Frame, from *egress.Client) (Relayed, error) {
	snap, err := t.fetch(f.Room)
	if err != nil || snap.Room == nil {
		return Relayed{}, err
	}
	var to State
	to.Replace(snap.Room, snap.Revision)
	f.View = snap.Revision
	if short := from.Fanout(new(egress.RoomBudget), len(f.Data), len(snap.Room.Members)); short.Limit != "" {
		return Relayed{Short: short}, nil
	}
	missed, reached := t.cfg.Relays.SendRoom(&to, f)
	return Relayed{Missed: missed, NoneReached: !reached}, nil
}

// Receive delivers a message from another gateway to the local members of a room, and
// returns the members that it did not reach. here is false when no replica has the room: its
// local members have moved, or left. known is false, and nothing was done, when the
// message's sender knows a newer state of the room than this gateway.
func (t *Rooms) Receive(token string, m *Message) (x bus.Refusal, here, known bool) {
	r := t.byToken(token)
	if r == nil {
		return t.redirectMoved(token, m), false, true
	}
	x, known = r.receive(m)
	return x, true, known
}

// ReceiveBackEnd delivers a message of a back end to the local members of a room, and
// forwards it to those that have moved. It returns the members that it did not reach; none,
// when the last local member has left.
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

// Reseat makes m the session of a local member: frames about rooms that went to its earlier
// session may have been lost.
func (t *Rooms) Reseat(m Member, ids []proto.RoomID) {
	for _, id := range ids {
		if r := t.get(id); r != nil {
			r.reseat(m)
		}
	}
}

// keepMovedLocked remembers the moved members of a replica that is dropped, as long as
// messages for them may arrive.
func (t *Rooms) keepMovedLocked(r *replica) {
	if d := r.moved; d.Fresh() && t.movedCount+d.Len() <= maxAllMoved {
		t.moved[r.token] = d
		t.movedCount += d.Len()
	}
}

// takeMovedLocked removes and returns the moved members of a room, for its new replica.
func (t *Rooms) takeMovedLocked(token string) Moved {
	d := t.moved[token]
	t.movedCount -= d.Len()
	delete(t.moved, token)
	return d
}

// redirectMoved returns the outcome of a message for a room without a local member: the
// message is redirected to the members that have moved. All others have left the room.
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

// SweepMoved forgets members that moved so long ago that no message for them can arrive.
func (t *Rooms) SweepMoved() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for token, d := range t.moved {
		if !d.Fresh() {
			t.takeMovedLocked(token)
		}
	}
}
