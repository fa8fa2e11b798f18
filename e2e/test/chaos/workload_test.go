package chaos

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"p2pconnector/proto"
)

// workload is what the system has to do: workers, their rooms, and the frames they
// send.
type workload struct {
	sys      *system
	stats    stats
	relays   *ledger
	groups   []*group
	all      []*worker
	pace     time.Duration // between two operations of a worker, on average
	checks   chan *room
	wg       sync.WaitGroup // workers
	checkers sync.WaitGroup

	mu    sync.Mutex
	rooms map[proto.RoomID]*room // not checked yet
	stop  context.CancelFunc
}

// stats counts operations and frames.
type stats struct {
	ops, unknowns, rooms, drops           atomic.Int64
	frames, delivered, refused, explained atomic.Int64
	resumes, lostIDs, updates, faults     atomic.Int64
}

// String implements fmt.Stringer.
func (s *stats) String() string {
	return fmt.Sprintf("%d faults; %d room operations (%d of unknown outcome) in %d histories (%d possible drops), %d updates shown; "+
		"%d frames relayed: %d delivered, %d refused, %d on connections that broke; %d returns, %d with a new id",
		s.faults.Load(), s.ops.Load(), s.unknowns.Load(), s.rooms.Load(), s.drops.Load(), s.updates.Load(),
		s.frames.Load(), s.delivered.Load(), s.refused.Load(), s.explained.Load(), s.resumes.Load(), s.lostIDs.Load())
}

// group is a sequence of rooms, one at a time, and the workers in it.
type group struct {
	w *workload
	n int

	mu      sync.Mutex
	gen     int
	now     *room
	workers []*worker
}

func newWorkload(sys *system, groups, perGroup int, pace time.Duration) *workload {
	ctx, stop := context.WithCancel(context.Background())
	w := &workload{sys: sys, pace: pace, stop: stop, checks: make(chan *room, 1024), rooms: make(map[proto.RoomID]*room)}
	w.relays = newLedger(w)
	w.checkers.Go(func() {
		for r := range w.checks {
			r.check(&w.stats)
			w.forget(r)
		}
	})
	for n := range groups {
		grp := &group{w: w, n: n}
		grp.next(nil)
		w.groups = append(w.groups, grp)
		for range perGroup {
			p := newWorker(ctx, sys, len(w.all))
			grp.workers = append(grp.workers, p)
			w.all = append(w.all, p)
		}
	}
	for _, grp := range w.groups {
		for _, p := range grp.workers {
			w.wg.Go(func() { w.run(grp, p) })
		}
	}
	return w
}

// next opens a new room for the group when old is still the current one.
func (grp *group) next(old *room) *room {
	grp.mu.Lock()
	defer grp.mu.Unlock()
	if grp.now == old {
		grp.gen++
		w := grp.w
		grp.now = newRoom(w.sys, proto.RoomID(fmt.Sprintf("r%d-%d", grp.n, grp.gen)), func(r *room) { w.checks <- r })
		w.mu.Lock()
		w.rooms[grp.now.id] = grp.now
		w.mu.Unlock()
	}
	return grp.now
}

func (grp *group) room() *room {
	grp.mu.Lock()
	defer grp.mu.Unlock()
	return grp.now
}

func (w *workload) forget(r *room) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.rooms, r.id)
}

func (w *workload) sawRoom(event string, d *proto.RoomData) {
	w.mu.Lock()
	r := w.rooms[d.Room]
	w.mu.Unlock()
	if r != nil {
		r.saw(event, d)
	}
}

// run runs a worker: clients one after the other, each with its reader, its
// sender and its room operations.
func (w *workload) run(grp *group, p *worker) {
	for p.connect() {
		c := p.client()
		ctx, cancel := context.WithCancel(p.ctx)
		var wg sync.WaitGroup
		wg.Go(func() { w.relays.send(ctx, p, c) })
		wg.Go(func() { w.operate(ctx, grp, p, c) })
		wg.Go(func() { // the reader continues until the client ends
			select {
			case <-c.Done():
				cancel()
			case <-ctx.Done():
			}
		})
		read := make(chan struct{})
		go func() { defer close(read); w.read(p, c) }()
		wg.Wait()
		cancel()
		select {
		case <-p.ctx.Done(): // the end of the test uses this client
			w.relays.wg.Go(func() { <-read })
			return
		case <-read:
		}
	}
}
