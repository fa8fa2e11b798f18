package gateway

import (
	"log/slog"
	"strings"
	"sync/atomic"
	"time"
)

// Times of the watchdog. It counts its own ticks, not the time: while the process is
// stopped nobody can turn, and nobody hangs.
const (
	watchInterval = time.Second
	hungTicks     = 10 // ticks in which a loop that has work has not turned
)

// loop is one loop that the gateway's life depends on. The loop itself calls work when
// it has something to do, turned for each step of it, and rest before it waits; a loop
// that turns by a ticker never rests. All may be called by anyone.
type loop struct {
	name   string
	queued func() bool // what the loop has not begun yet; nil: nobody queues. It takes no lock.

	turns   atomic.Uint64
	working atomic.Bool
	hung    atomic.Bool // set by the watchdog

	// Owned by the watchdog.
	seen  uint64 // turns at the last tick
	still int    // ticks in a row in which it should have turned and has not
}

func (l *loop) work()   { l.working.Store(true) }
func (l *loop) turned() { l.turns.Add(1) }

func (l *loop) rest() {
	l.turned()
	l.working.Store(false)
}

// watchdog notices loops that hang. It waits for nothing that they could hold: it reads
// their counters, and what it found is read without a lock. The loops that follow keys
// and compare rooms are not among them: they wait for the room service, and repair only.
type watchdog struct {
	log   *slog.Logger
	clock loop // looks after every connection and keeps the coarse clock
	bus   loop // sends the lease, repeats requests, ends sessions
	inbox loop // handles what comes from NATS
	lines loop // writes to the connections
	hears loop // hears the other gateways' leases
}

// watch names the loops of g.
func (d *watchdog) watch(g *Gateway) {
	d.log = g.log
	d.clock.name, d.bus.name, d.inbox.name, d.lines.name, d.hears.name = "clock", "bus", "inbox", "writers", "leases"
	d.inbox.queued = func() bool { return len(g.inbox) > 0 }
	d.lines.queued = func() bool { return g.sockets.Waiting() > 0 }
}

func (d *watchdog) loops() [5]*loop {
	return [...]*loop{&d.clock, &d.bus, &d.inbox, &d.lines, &d.hears}
}

// run looks at every loop until done is closed.
func (d *watchdog) run(done <-chan struct{}) {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			for _, l := range d.loops() {
				d.look(l)
			}
		}
	}
}

// look counts a tick for a loop. All that others ask for is known before anything is
// logged: that may hang too.
func (d *watchdog) look(l *loop) {
	turns := l.turns.Load()
	idle := !l.working.Load() && (l.queued == nil || !l.queued())
	if turns != l.seen || idle {
		l.seen, l.still = turns, 0
		if l.hung.Swap(false) {
			d.log.Warn("loop goes on", "loop", l.name)
		}
		return
	}
	if l.still++; l.still == hungTicks {
		l.hung.Store(true)
		d.log.Error("loop hangs; restart this gateway", "loop", l.name, "for", (hungTicks * watchInterval).String())
	}
}

// hung names the loops that hang.
func (d *watchdog) hung() (names []string) {
	for _, l := range d.loops() {
		if l.hung.Load() {
			names = append(names, l.name)
		}
	}
	return names
}

// complaint says which loops hang; "" when none does.
func (d *watchdog) complaint() string {
	names := d.hung()
	if len(names) == 0 {
		return ""
	}
	return "hung for " + (hungTicks * watchInterval).String() + " or longer: " + strings.Join(names, ", ")
}
