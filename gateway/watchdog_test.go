package gateway

import (
	"bytes"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
)

// TestWatchdog_Loops_NamesThoseThatHang: a loop that rests or turns is alive however long
// that lasts; one that does not turn although it has work hangs, and is logged once.
func TestWatchdog_Loops_NamesThoseThatHang(t *testing.T) {
	for name, tc := range map[string]struct {
		each func(g *Gateway) // once a second, by the loop that is watched
		hung []string
	}{
		"all idle":            {func(*Gateway) {}, nil},
		"turns":               {func(g *Gateway) { g.watchdog.bus.turned() }, nil},
		"works and turns":     {func(g *Gateway) { g.watchdog.inbox.work(); g.watchdog.inbox.turned() }, nil},
		"works and rests":     {func(g *Gateway) { g.watchdog.hears.work(); g.watchdog.hears.rest() }, nil},
		"works for ever":      {func(g *Gateway) { g.watchdog.clock.work() }, []string{"clock"}},
		"never begins a line": {func(*Gateway) {}, []string{"writers"}},
		"two at once":         {func(g *Gateway) { g.watchdog.bus.work(); g.watchdog.hears.work() }, []string{"bus", "leases"}},
		"never takes a message": {func(g *Gateway) {
			if len(g.inbox) == 0 {
				g.inbox <- &nats.Msg{}
			}
		}, []string{"inbox"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				g := testGateway(t, Config{Logger: logTo(&log)})
				if name == "never begins a line" {
					g.watchdog.lines.queued = func() bool { return true }
				}
				done := make(chan struct{})
				var dog sync.WaitGroup
				dog.Go(func() { g.watchdog.run(done) })
				live := func(d time.Duration) {
					for range d / time.Second {
						tc.each(g)
						time.Sleep(time.Second)
					}
					synctest.Wait()
				}
				live((hungTicks - 1) * watchInterval)
				if got := g.watchdog.hung(); got != nil {
					t.Errorf("got %v after %v, want none", got, (hungTicks-1)*watchInterval)
				}
				live(time.Minute)
				if got := g.watchdog.hung(); !slices.Equal(got, tc.hung) {
					t.Errorf("got %v after a minute, want %v", got, tc.hung)
				}
				close(done)
				dog.Wait()
				if n := strings.Count(log.String(), "loop hangs"); n != len(tc.hung) {
					t.Errorf("got %d lines in the log, want %d: %s", n, len(tc.hung), log.String())
				}
			})
		})
	}
}

// TestWatchdog_LoopGoesOn_IsAliveAgain: what was only slow is no reason to restart.
func TestWatchdog_LoopGoesOn_IsAliveAgain(t *testing.T) {
	g := testGateway(t, Config{})
	l := &g.watchdog.bus
	l.work()
	for range hungTicks {
		g.watchdog.look(l)
	}
	if got, want := g.watchdog.complaint(), "hung for 10s or longer: bus"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	l.turned()
	g.watchdog.look(l)
	if got := g.watchdog.complaint(); got != "" {
		t.Errorf("got %q after a turn, want nothing", got)
	}
}
