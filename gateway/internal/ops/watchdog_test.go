package ops

import (
	"bytes"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestWatchdog_Loops_NamesThoseThatHang: a loop that rests or turns is alive, however long
// that lasts. A loop that does not turn although it has work hangs, and is logged once.
func TestWatchdog_Loops_NamesThoseThatHang(t *testing.T) {
	for name, tc := range map[string]struct {
		each   func(a, b *Loop) // once a second, by the loops
		queued bool             // for loop b
		hung   []string
	}{
		"all idle":                 {func(_, _ *Loop) {}, false, nil},
		"turns":                    {func(a, _ *Loop) { a.Turn() }, false, nil},
		"works and turns":          {func(a, _ *Loop) { a.Work(); a.Turn() }, false, nil},
		"works and rests":          {func(a, _ *Loop) { a.Work(); a.Rest() }, false, nil},
		"turns what is queued":     {func(_, b *Loop) { b.Turn() }, true, nil},
		"works for ever":           {func(a, _ *Loop) { a.Work() }, false, []string{"a"}},
		"two at once":              {func(a, b *Loop) { a.Work(); b.Work() }, false, []string{"a", "b"}},
		"never takes what waits":   {func(_, _ *Loop) {}, true, []string{"b"}},
		"another loop turns alone": {func(a, _ *Loop) { a.Turn() }, true, []string{"b"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				a, b := NewLoop("a", nil), NewLoop("b", func() bool { return tc.queued })
				d := NewWatchdog(slog.New(slog.NewTextHandler(&log, nil)), a, b)
				done := make(chan struct{})
				var dog sync.WaitGroup
				dog.Go(func() { d.Run(done) })
				live := func(dur time.Duration) {
					for range dur / time.Second {
						tc.each(a, b)
						time.Sleep(time.Second)
					}
					synctest.Wait()
				}
				live((HungTicks - 1) * WatchInterval)
				if got := hung(d); got != nil {
					t.Errorf("got %v after %v, want none", got, (HungTicks-1)*WatchInterval)
				}
				live(time.Minute)
				if got := hung(d); !slices.Equal(got, tc.hung) {
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

// hung names the loops that hang.
func hung(d *Watchdog) (names []string) {
	all := d.Hung()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if all[name] {
			names = append(names, name)
		}
	}
	return names
}

// TestWatchdog_LoopGoesOn_IsAliveAgain: a loop that was only slow is no reason to restart.
func TestWatchdog_LoopGoesOn_IsAliveAgain(t *testing.T) {
	l := NewLoop("bus", nil)
	d := NewWatchdog(slog.New(slog.DiscardHandler), l)
	l.Work()
	for range HungTicks {
		d.look(l)
	}
	if got, want := d.Problem(), "hung for 10s or longer: bus"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	l.Turn()
	d.look(l)
	if got := d.Problem(); got != "" {
		t.Errorf("got %q after a turn, want nothing", got)
	}
}
