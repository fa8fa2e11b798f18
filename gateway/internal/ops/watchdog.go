package ops

import (
	"log/slog"
	"strings"
	"sync/atomic"
	"time"
)

// Times of the watchdog. It counts its own ticks, not the time: while the process is
// stopped no loop can turn, and none hangs.
const (
	WatchInterval = time.Second
	HungTicks     = 10 // ticks without a turn after which a loop that has work hangs
)

// Loop is one loop that the gateway depends on. The loop calls Work when it has something
// to do, Turn for each step, and Rest before it waits; a loop that is driven by a ticker
// never rests. The methods may be called concurrently.
type Loop struct {
	// Fixed after NewLoop.
	name   string
	queued func() bool

	turns   atomic.Uint64
	working atomic.Bool
	hung    atomic.Bool // set by the watchdog

	// Owned by the watchdog.
	seen  uint64 // turns at the last tick
	still int    // ticks in a row in which the loop should have turned and has not
}

// NewLoop returns a loop that rests. queued reports whether work waits that the loop has not
// begun; it takes no lock. A nil queued means that work never waits.
func NewLoop(name string, queued func() bool) *Loop { return &Loop{name: name, queued: queued} }

// Work records that the loop has something to do.
func (l *Loop) Work() { l.working.Store(true) }

// Turn records that the loop makes progress.
func (l *Loop) Turn() { l.turns.Add(1) }

// Rest records that the loop waits for something to do.
func (l *Loop) Rest() {
	l.Turn()
	l.working.Store(false)
}

// Watchdog detects loops that hang. It waits for no lock that they could hold: it reads
// atomic counters, and its result is read without a lock. Do not watch loops that only
// repair and may wait for another service. The methods may be called concurrently; call Run
// only once.
type Watchdog struct {
	log   *slog.Logger
	loops []*Loop
}

// NewWatchdog returns a watchdog of the given loops, whose names must differ.
func NewWatchdog(log *slog.Logger, loops ...*Loop) *Watchdog {
	return &Watchdog{log: log, loops: loops}
}

// Run checks every loop at each tick until done is closed.
func (d *Watchdog) Run(done <-chan struct{}) {
	tick := time.NewTicker(WatchInterval)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			for _, l := range d.loops {
				d.look(l)
			}
		}
	}
}

// look counts a tick for a loop. It stores the results that other methods read before it
// logs anything, because the logger may hang too.
func (d *Watchdog) look(l *Loop) {
	turns := l.turns.Load()
	idle := !l.working.Load() && (l.queued == nil || !l.queued())
	if turns != l.seen || idle {
		l.seen, l.still = turns, 0
		if l.hung.Swap(false) {
			d.log.Warn("loop no longer hangs", "loop", l.name)
		}
		return
	}
	if l.still++; l.still == HungTicks {
		l.hung.Store(true)
		d.log.Error("loop hangs; restart this gateway", "loop", l.name, "for", (HungTicks * WatchInterval).String())
	}
}

// Hung returns, for each loop by its name, whether it hangs. It takes no lock.
func (d *Watchdog) Hung() map[string]bool {
	hung := make(map[string]bool, len(d.loops))
	for _, l := range d.loops {
		hung[l.name] = l.hung.Load()
	}
	return hung
}

// Problem returns a text that names the loops that hang, or "" when none does. It takes no
// lock.
func (d *Watchdog) Problem() string {
	var names []string
	for _, l := range d.loops {
		if l.hung.Load() {
			names = append(names, l.name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "hung for " + (HungTicks * WatchInterval).String() + " or longer: " + strings.Join(names, ", ")
}
