package gateway

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"p2pconnector/proto"
)

// Bounds of frames that wait for a gateway which is reconnecting.
const (
	maxStalls      = 1024
	maxStallFrames = 64
)

// fencePatience is how long a fence may be on its way. One that was lost with the
// connection to NATS must not hold its receiver's frames for ever.
const fencePatience = 5 * time.Second

// stallPauses is how long to wait before each try.
var stallPauses = [...]time.Duration{100 * time.Millisecond, 300 * time.Millisecond, 900 * time.Millisecond}

// stalls holds the frames for receivers whose gateway lives but is not
// subscribed for a moment. While a receiver is stalled, every frame for it waits
// here, so that none overtakes another. Safe for concurrent use.
type stalls struct {
	g *Gateway
	n atomic.Int64 // stalls there are; the relay path looks no further when 0

	mu     sync.Mutex
	all    map[stallKey]*stall
	fences map[uint64]*stall
	closed bool
}

// stallKey is a receiver: a peer, or a sender's messages for a room at a gateway.
type stallKey struct {
	gw   proto.GatewayID
	to   proto.PeerID
	room proto.RoomID
	from proto.PeerID // only with room
}

func keyOf(s sentTo) stallKey {
	if s.room != "" {
		return stallKey{gw: s.gw, room: s.room, from: s.from}
	}
	return stallKey{gw: s.gw, to: s.to}
}

type stalled struct {
	sent  sentTo
	frame []byte
	order uint64 // they go out by it: the number under which it was sent first, or the next when it was queued
}

type stall struct {
	key     stallKey
	tries   int
	probing bool      // the frames have been sent again and the fence is on its way
	first   uint64    // number of the first frame that came back
	probed  uint64    // order of the newest frame that was sent again
	waiting []stalled // in order
	probe   []stalled // sent again, in order
	failed  []uint64  // numbers of probe that came back
	timer   *time.Timer
}

func newStalls(g *Gateway) *stalls {
	return &stalls{g: g, all: make(map[stallKey]*stall), fences: make(map[uint64]*stall)}
}

// hold takes a frame that came back; false when there is no room for it.
func (t *stalls) hold(sent sentTo, frame []byte) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	key := keyOf(sent)
	st := t.all[key]
	if st == nil {
		if len(t.all) >= maxStalls {
			return false
		}
		st = &stall{key: key, first: sent.seq}
		t.all[key] = st
		t.n.Add(1)
		t.scheduleLocked(st)
	}
	if st.probing {
		for _, p := range st.probe {
			if p.sent.seq == sent.seq {
				st.failed = append(st.failed, sent.seq)
				return true
			}
		}
	}
	if len(st.waiting) >= maxStallFrames || sent.seq <= st.probed {
		return false // a later one has been sent again, and may be there
	}
	st.insert(stalled{sent, frame, sent.seq})
	return true
}

// insert puts a frame among those that wait: it may come back after the first that
// came later was queued.
func (st *stall) insert(f stalled) {
	i := len(st.waiting)
	for i > 0 && st.waiting[i-1].order > f.order {
		i--
	}
	st.waiting = slices.Insert(st.waiting, i, f)
}

// queue takes a new frame for a receiver that is stalled. held is false when it
// is not stalled, ok when there was no room.
func (t *stalls) queue(sent sentTo, frame []byte) (held, ok bool) {
	if t.n.Load() == 0 {
		return false, false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	st := t.all[keyOf(sent)]
	if st == nil {
		return false, false
	}
	if len(st.waiting) >= maxStallFrames {
		return true, false
	}
	st.waiting = append(st.waiting, stalled{sent, slices.Clone(frame), t.g.out.newest() + 1})
	return true, true
}

func (t *stalls) scheduleLocked(st *stall) {
	st.timer = time.AfterFunc(stallPauses[st.tries], func() { t.retry(st) })
	st.tries++
}

// retry sends everything again, and a fence behind it: what has not come back
// when the fence does has arrived.
func (t *stalls) retry(st *stall) {
	t.mu.Lock()
	if t.all[st.key] != st {
		t.mu.Unlock()
		return
	}
	var late []stalled
	if st.first != 0 {
		late = st.dropOvertaken(t.g.out)
		st.first = 0
	}
	late = append(late, st.dropLeft(t.g)...)
	st.probe, st.waiting, st.failed = st.waiting, nil, nil
	err := t.sendLocked(st)
	if err != nil {
		late = append(late, t.dropLocked(st)...)
	}
	t.mu.Unlock()
	for _, f := range late {
		t.g.notify(f.sent, f.frame, t.verdict(f.sent), nil)
	}
}

func (t *stalls) sendLocked(st *stall) error {
	st.probing = true
	if n := len(st.probe); n > 0 {
		st.probed = st.probe[n-1].order
	}
	for i, f := range st.probe {
		seq, err := t.g.out.again(f.sent, f.frame)
		if err != nil {
			return err
		}
		st.probe[i].sent.seq = seq
	}
	seq, err := t.g.out.fence()
	if err == nil {
		t.fences[seq] = st
		st.timer = time.AfterFunc(fencePatience, func() { t.fenceLost(st, seq) })
	}
	return err
}

// fenceLost gives up a stall whose fence did not come back: which of its frames
// arrived cannot be told, so all their senders are told that they may not have.
func (t *stalls) fenceLost(st *stall, seq uint64) {
	t.mu.Lock()
	if t.fences[seq] != st {
		t.mu.Unlock()
		return
	}
	delete(t.fences, seq)
	st.probe = slices.DeleteFunc(st.probe, func(f stalled) bool {
		return !slices.Contains(st.failed, f.sent.seq) && t.g.out.wasSettled(f.sent.seq)
	})
	late := t.dropLocked(st)
	t.mu.Unlock()
	for _, f := range late {
		t.g.notify(f.sent, f.frame, t.verdict(f.sent), nil)
	}
}

// dropLeft removes the frames whose senders this gateway holds no more: what they
// send now goes out elsewhere, and these would come behind it.
func (st *stall) dropLeft(g *Gateway) (late []stalled) {
	kept := st.waiting[:0]
	for _, f := range st.waiting {
		if s := g.sessions.get(f.sent.from); s != nil && s.live() {
			kept = append(kept, f)
		} else {
			late = append(late, f)
		}
	}
	st.waiting = kept
	return late
}

// dropOvertaken removes the frames that came back although a later one for the
// same receiver arrived: sending them again would break the order.
func (st *stall) dropOvertaken(out *outbound) (late []stalled) {
	newest := out.newestTo(st.first, func(s sentTo) bool { return keyOf(s) == st.key })
	kept := st.waiting[:0]
	for _, f := range st.waiting {
		if f.sent.seq != 0 && f.sent.seq < newest {
			late = append(late, f)
		} else {
			kept = append(kept, f)
		}
	}
	st.waiting = kept
	return late
}

// wasSettled settles relay number seq, and reports whether it was settled before,
// as far as it is remembered: then its sender has been told.
func (o *outbound) wasSettled(seq uint64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := &o.slots[seq%ringSlots]
	if s.seq != seq {
		return false
	}
	before := s.settled
	s.settled = true
	return before
}

// fence handles the return of fence number seq; false when seq is none.
func (t *stalls) fence(seq uint64) bool {
	if t.n.Load() == 0 {
		return false
	}
	t.mu.Lock()
	st := t.fences[seq]
	if st == nil {
		t.mu.Unlock()
		return false
	}
	delete(t.fences, seq)
	st.timer.Stop()
	late, back := st.sift()
	st.probe, st.probing, st.failed = nil, false, nil
	st.waiting = append(back, st.waiting...)
	late = append(late, st.dropLeft(t.g)...)
	switch {
	case len(back) == 0:
		for _, f := range st.waiting { // came meanwhile; nobody can overtake them under the lock
			if _, err := t.g.out.again(f.sent, f.frame); err != nil {
				late = append(late, f)
			}
		}
		st.waiting = nil
		t.dropLocked(st)
	case st.tries < len(stallPauses):
		t.scheduleLocked(st)
	default:
		late = append(late, t.dropLocked(st)...)
	}
	t.mu.Unlock()
	for _, f := range late {
		t.g.notify(f.sent, f.frame, t.verdict(f.sent), nil)
	}
	return true
}

// verdict is what the sender hears of a frame that is given up: that the peer is
// gone when its gateway has not been heard meanwhile.
func (t *stalls) verdict(s sentTo) proto.ErrorCode {
	if s.room == "" && !t.g.leases.fresh(s.gw, time.Now()) {
		return proto.NotFound
	}
	return proto.NotDelivered
}

// sift splits the probe's frames that came back: those that a later one has
// overtaken, and those that may be sent again.
func (st *stall) sift() (late, back []stalled) {
	failed := make(map[uint64]bool, len(st.failed))
	for _, seq := range st.failed {
		failed[seq] = true
	}
	for _, f := range st.probe {
		if failed[f.sent.seq] {
			back = append(back, f)
		} else {
			late, back = append(late, back...), nil
		}
	}
	return late, back
}

// dropLocked forgets st and returns what waited in it.
func (t *stalls) dropLocked(st *stall) []stalled {
	delete(t.all, st.key)
	t.n.Add(-1)
	return append(st.probe, st.waiting...)
}

// close gives up what waits.
func (t *stalls) close() {
	t.mu.Lock()
	t.closed = true
	var late []stalled
	for _, st := range t.all {
		st.timer.Stop()
		late = append(late, t.dropLocked(st)...)
	}
	clear(t.fences)
	t.mu.Unlock()
	for _, f := range late {
		t.g.notify(f.sent, f.frame, t.verdict(f.sent), nil)
	}
}
