package fairqueue

import (
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Key is who takes turns: a user of access tokens, or else an address. The zero Key is the
// gateway itself.
type Key struct {
	User string
	Addr netip.Addr
}

// Of returns the key of a client.
func Of(user string, addr netip.Addr) Key {
	if user != "" {
		return Key{User: user}
	}
	return Key{Addr: addr}
}

// Queue shares slots. A nil *Queue has no limit. Safe for concurrent use.
type Queue struct {
	slots, share int // in all, and of one key; fixed by New

	mu       sync.Mutex
	used     int
	waiting  int           // entries
	lanes    map[Key]*lane // only those that use a slot or wait
	turns    []*lane       // those with entries that wait, in the order of their turns
	starting bool          // a goroutine calls begin
}

// lane is what one key uses and waits for.
type lane struct {
	key     Key
	used    int
	entries []*entry // that wait, oldest first
}

// entry waits for a slot.
type entry struct {
	lane  *lane
	begin func(leave func())
}

// New returns a Queue with so many slots, or nil when slots is no limit: 0 or less.
func New(slots int) *Queue {
	if slots <= 0 {
		return nil
	}
	return &Queue{slots: slots, share: (slots + 3) / 4, lanes: make(map[Key]*lane)}
}

// Waiting returns how many wait for a slot.
func (q *Queue) Waiting() int {
	if q == nil {
		return 0
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiting
}

// Enter calls begin once, as soon as there is a slot for k: before it returns, or later from
// another goroutine. begin must not block, and leave must be called when the slot is not
// used any more. The caller holds no lock that any begin takes.
func (q *Queue) Enter(k Key, begin func(leave func())) {
	if q == nil {
		begin(func() {})
		return
	}
	q.enter(k, begin)
}

func (q *Queue) enter(k Key, begin func(leave func())) *entry {
	q.mu.Lock()
	l := q.lanes[k]
	if l == nil {
		l = &lane{key: k}
		q.lanes[k] = l
	}
	e := &entry{lane: l, begin: begin}
	if len(l.entries) == 0 {
		q.turns = append(q.turns, l)
	}
	l.entries = append(l.entries, e)
	q.waiting++
	q.mu.Unlock()
	q.start()
	return e
}

// Await waits for a slot for k. It returns false when there is none within d, or when ended
// is closed. Otherwise the caller calls leave when it does not use the slot any more.
func (q *Queue) Await(k Key, d time.Duration, ended <-chan struct{}) (leave func(), ok bool) {
	if q == nil {
		return func() {}, true
	}
	began := make(chan func(), 1)
	e := q.enter(k, func(leave func()) { began <- leave })
	timer := time.NewTimer(max(d, 0))
	defer timer.Stop()
	select {
	case leave = <-began:
		return leave, true
	default: // what is free is taken, whatever d is
	}
	select {
	case leave = <-began:
		return leave, true
	case <-timer.C:
	case <-ended:
	}
	if q.withdraw(e) {
		return nil, false
	}
	return <-began, true // its turn has come meanwhile
}

// withdraw removes an entry that waits. It returns false when its turn has come.
func (q *Queue) withdraw(e *entry) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(e.lane.entries, e)
	if i < 0 {
		return false
	}
	e.lane.entries = slices.Delete(e.lane.entries, i, i+1)
	q.waiting--
	if len(e.lane.entries) == 0 {
		q.turns = slices.DeleteFunc(q.turns, func(l *lane) bool { return l == e.lane })
		q.forgetLocked(e.lane)
	}
	return true
}

// start calls begin of the entries that there are slots for. One goroutine does that at a
// time: the slot of an entry that leaves at once is used by a loop, not by a recursion.
func (q *Queue) start() {
	for q.startOne() {
	}
}

func (q *Queue) startOne() bool {
	e := q.take()
	if e == nil {
		return false
	}
	defer func() {
		q.mu.Lock()
		q.starting = false
		q.mu.Unlock()
	}()
	e.begin(sync.OnceFunc(func() { q.leave(e.lane) }))
	return true
}

// take takes a slot for the next entry. It returns nil when there is no slot or no entry, or
// when another goroutine starts entries, which then looks again.
func (q *Queue) take() *entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.starting || q.used >= q.slots {
		return nil
	}
	i := slices.IndexFunc(q.turns, func(l *lane) bool { return l.used < q.share })
	if i < 0 {
		return nil
	}
	l := q.turns[i]
	q.turns = slices.Delete(q.turns, i, i+1)
	e := l.entries[0]
	l.entries[0] = nil
	if l.entries = l.entries[1:]; len(l.entries) > 0 {
		q.turns = append(q.turns, l)
	}
	l.used++
	q.used++
	q.waiting--
	q.starting = true
	return e
}

// leave gives a slot back.
func (q *Queue) leave(l *lane) {
	q.mu.Lock()
	l.used--
	q.used--
	q.forgetLocked(l)
	q.mu.Unlock()
	q.start()
}

func (q *Queue) forgetLocked(l *lane) {
	if l.used == 0 && len(l.entries) == 0 {
		delete(q.lanes, l.key)
	}
}
