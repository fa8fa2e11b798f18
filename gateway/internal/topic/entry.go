package topic

import (
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"p2pconnector/gateway/internal/egress"
	"p2pconnector/gateway/internal/fairqueue"
	"p2pconnector/gateway/internal/ratelimit"
	"p2pconnector/proto"
)

// Pauses after a request to the room service that failed. A refusal may be for ever, so the
// pause doubles up to the longest.
const (
	joinPause    = time.Second
	longestPause = 30 * time.Second
)

// errNoEffect is the error of a request that was answered and has no effect, or none any more.
var errNoEffect = errors.New("the room was lost at once")

// entry is a topic with subscribers here, or with a room that this gateway is in.
type entry struct {
	id proto.RoomID

	budget  egress.RoomBudget // of publications from here; needs no lock
	arrived ratelimit.ByteBucket

	key fairqueue.Key // that it counts for, and takes turns as; guarded by the table's lock

	mu          sync.Mutex
	rate        ratelimit.Bucket // of publications from here
	space       *Space           // nil: nobody has subscribed
	subscribers []*subscription
	joined      bool          // this gateway is a member of the room
	ready       chan struct{} // closed while joined and not leaving
	busy        bool          // a goroutine joins and leaves the room
	leaving     bool          // it has asked to leave
}

// subscription is one client's subscription of one topic.
type subscription struct {
	client *Client
	entry  *entry
	ids    []string // that the client has published as; guarded by the entry's lock
	all    bool     // the client has more ids than are remembered: it gets everything
	copies int      // of each publication that the client gets; guarded by the entry's lock
}

// copiesLocked returns how many texts subscribers get for a publication.
func copiesLocked(to []*subscription) (n int) {
	for _, s := range to {
		n += s.copies
	}
	return n
}

// Bounds of what is remembered of a subscription.
const (
	maxIDs     = 8
	maxIDBytes = 64
)

// learnLocked records that the client has published as id.
func (s *subscription) learnLocked(id string) {
	switch {
	case id == "" || s.all || slices.Contains(s.ids, id):
	case len(id) > maxIDBytes || len(s.ids) >= maxIDs:
		s.all, s.ids = true, nil
	default:
		s.ids = append(s.ids, id)
	}
}

// receiversLocked returns the subscribers that a publication is for.
func (e *entry) receiversLocked(text []byte) []*subscription {
	if len(e.subscribers) == 0 {
		return nil
	}
	to := e.space.address(text)
	if to == "" {
		return e.subscribers
	}
	var some []*subscription
	for _, s := range e.subscribers {
		if s.all || slices.Contains(s.ids, to) {
			some = append(some, s)
		}
	}
	return some
}

// entryLocked returns the entry of a topic, which it makes for k if there is none.
func (t *Table) entryLocked(id proto.RoomID, k fairqueue.Key) *entry {
	e := t.all[id]
	if e == nil {
		e = &entry{id: id, key: k, ready: make(chan struct{})}
		t.all[id] = e
		t.counted[k]++
	}
	return e
}

// countLocked counts e for the first of its subscribers. Without any, e counts for the last
// one until the gateway has left the room: a client that subscribes and unsubscribes for ever
// makes no more requests wait than it may have topics.
func (t *Table) countLocked(e *entry) {
	if len(e.subscribers) == 0 || e.key == e.subscribers[0].client.key {
		return
	}
	t.uncountLocked(e.key)
	e.key = e.subscribers[0].client.key
	t.counted[e.key]++
}

func (t *Table) uncountLocked(k fairqueue.Key) {
	if t.counted[k]--; t.counted[k] == 0 {
		delete(t.counted, k)
	}
}

// reconcileLocked makes the gateway join or leave the topic's room when it should, and forgets
// a topic that nothing needs. One goroutine at a time does that for a topic, so that a leave
// cannot undo a later join. The locks of the table and of e are held.
func (t *Table) reconcileLocked(e *entry) {
	wanted := len(e.subscribers) > 0
	switch {
	case e.busy:
	case wanted != e.joined:
		e.busy = true
		t.cfg.Go(func() { t.reconcile(e) })
	case !wanted:
		delete(t.all, e.id)
		t.uncountLocked(e.key)
	}
}

// reconcile joins and leaves the room of e until that is what its subscribers need. One
// goroutine for each topic may wait here for its turn, so Config.Topics bounds them. A leave
// is not overtaken for ever: it waits for those of its key that came before, while other keys
// take one turn each for one of its key.
func (t *Table) reconcile(e *entry) {
	pause := joinPause
	for !t.reconciled(e) {
		done, ok := t.cfg.Rooms.Turn(t.keyOf(e), math.MaxInt64)
		if !ok {
			return
		}
		err := t.change(e)
		done()
		if err == nil {
			pause = joinPause
			continue
		}
		t.counts.failed.Add(1)
		t.cfg.Logger.Debug("topics: room service", "topic", string(e.id), "err", err, "pause", pause)
		if !t.pause(pause) {
			return
		}
		if x, is := errors.AsType[*proto.Error](err); is && x.Code != proto.Unavailable {
			pause = min(2*pause, longestPause)
		}
	}
}

func (t *Table) keyOf(e *entry) fairqueue.Key {
	t.mu.Lock()
	defer t.mu.Unlock()
	return e.key
}

// reconciled reports whether neither a join nor a leave is needed, and then ends the work on e.
func (t *Table) reconciled(e *entry) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	if wanted := len(e.subscribers) > 0; wanted != e.joined {
		return false
	}
	e.leavingLocked(false)
	e.busy = false
	t.reconcileLocked(e)
	return true
}

// change joins or leaves the room of e, whichever is needed now: clients may have subscribed
// or unsubscribed while it waited for its turn.
func (t *Table) change(e *entry) error {
	e.mu.Lock()
	wanted := len(e.subscribers) > 0
	needed := wanted != e.joined
	e.leavingLocked(needed && !wanted)
	e.mu.Unlock()
	switch {
	case !needed:
		return nil
	case !wanted:
		return t.cfg.Rooms.Leave(e.id)
	}
	if err := t.cfg.Rooms.Join(e.id); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.joined {
		return errNoEffect
	}
	return nil
}

// leavingLocked records whether the gateway has asked to leave.
func (e *entry) leavingLocked(leaving bool) {
	switch {
	case leaving && !e.leaving:
		e.ready = make(chan struct{})
	case !leaving && e.leaving && e.joined:
		close(e.ready) // the leave has failed, and the gateway stays
	}
	e.leaving = leaving
}

// pause waits for d. It returns false when the gateway ends first.
func (t *Table) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-t.cfg.Ended:
		return false
	}
}
