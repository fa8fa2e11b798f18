package topic

import (
	"errors"
	"slices"
	"sync"
	"time"

	"p2pconnector/gateway/internal/egress"
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

// entryLocked returns the entry of a topic, which it makes if there is none.
func (t *Table) entryLocked(id proto.RoomID) *entry {
	e := t.all[id]
	if e == nil {
		e = &entry{id: id, ready: make(chan struct{})}
		t.all[id] = e
	}
	return e
}

// settleLocked makes the gateway join or leave the topic's room when it should, and forgets
// a topic that nothing needs. One goroutine at a time does that for a topic, so that a leave
// cannot undo a later join. The locks of the table and of e are held.
func (t *Table) settleLocked(e *entry) {
	wanted := len(e.subscribers) > 0
	switch {
	case e.busy:
	case wanted != e.joined:
		e.busy = true
		t.cfg.Go(func() { t.settle(e) })
	case !wanted:
		delete(t.all, e.id)
	}
}

// settle joins and leaves the room of e until that is what its subscribers need.
func (t *Table) settle(e *entry) {
	pause := joinPause
	for t.next(e) {
		err := t.request(e)
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

// request joins or leaves the room of e.
func (t *Table) request(e *entry) (err error) {
	if e.leaves() {
		return t.cfg.Rooms.Leave(e.id)
	}
	if err = t.cfg.Rooms.Join(e.id); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.joined {
		return errNoEffect
	}
	return nil
}

// next chooses between join and leave. It returns false when neither is needed any more.
func (t *Table) next(e *entry) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	wanted := len(e.subscribers) > 0
	leave := e.joined && !wanted
	switch {
	case leave && !e.leaving:
		e.ready = make(chan struct{})
	case e.leaving && e.joined && wanted:
		close(e.ready) // the leave has failed, and the gateway stays
	}
	e.leaving = leave
	if wanted != e.joined {
		return true
	}
	e.busy = false
	t.settleLocked(e)
	return false
}

func (e *entry) leaves() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.leaving
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
