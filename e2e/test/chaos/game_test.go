package chaos

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"p2pconnector/proto"
)

// game is the workload: clients (players), their rooms, and the frames they
// send.
type game struct {
	w      *world
	stats  stats
	relays *ledger
	tables []*table
	all    []*player
	pace   time.Duration // between two operations of a player, on average
	checks chan *room
	wg     sync.WaitGroup // players
	judges sync.WaitGroup

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

// table is a sequence of rooms, one at a time, and the players in it.
type table struct {
	g *game
	n int

	mu      sync.Mutex
	gen     int
	now     *room
	players []*player
}

func newGame(w *world, tables, seats int, pace time.Duration) *game {
	ctx, stop := context.WithCancel(context.Background())
	g := &game{w: w, pace: pace, stop: stop, checks: make(chan *room, 1024), rooms: make(map[proto.RoomID]*room)}
	g.relays = newLedger(g)
	g.judges.Go(func() {
		for r := range g.checks {
			r.check(&g.stats)
			g.forget(r)
		}
	})
	for n := range tables {
		t := &table{g: g, n: n}
		t.next(nil)
		g.tables = append(g.tables, t)
		for range seats {
			p := newPlayer(ctx, w, len(g.all))
			t.players = append(t.players, p)
			g.all = append(g.all, p)
		}
	}
	for _, t := range g.tables {
		for _, p := range t.players {
			g.wg.Go(func() { g.play(t, p) })
		}
	}
	return g
}

// next opens a new room at the table when old is still the current one.
func (t *table) next(old *room) *room {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.now == old {
		t.gen++
		g := t.g
		t.now = newRoom(g.w, proto.RoomID(fmt.Sprintf("r%d-%d", t.n, t.gen)), func(r *room) { g.checks <- r })
		g.mu.Lock()
		g.rooms[t.now.id] = t.now
		g.mu.Unlock()
	}
	return t.now
}

func (t *table) room() *room {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.now
}

func (g *game) forget(r *room) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.rooms, r.id)
}

func (g *game) sawRoom(event string, d *proto.RoomData) {
	g.mu.Lock()
	r := g.rooms[d.Room]
	g.mu.Unlock()
	if r != nil {
		r.saw(event, d)
	}
}

// play runs a player: clients one after the other, each with its reader, its
// sender and its room operations.
func (g *game) play(t *table, p *player) {
	for p.connect() {
		c := p.client()
		ctx, cancel := context.WithCancel(p.ctx)
		var wg sync.WaitGroup
		wg.Go(func() { g.relays.send(ctx, p, c) })
		wg.Go(func() { g.operate(ctx, t, p, c) })
		wg.Go(func() { // the reader continues until the client ends
			select {
			case <-c.Done():
				cancel()
			case <-ctx.Done():
			}
		})
		read := make(chan struct{})
		go func() { defer close(read); g.read(p, c) }()
		wg.Wait()
		cancel()
		select {
		case <-p.ctx.Done(): // the end of the test uses this client
			g.relays.wg.Go(func() { <-read })
			return
		case <-read:
		}
	}
}
