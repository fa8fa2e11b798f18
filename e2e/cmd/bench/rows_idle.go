package main

import (
	"context"
	"fmt"
	"time"

	"p2pconnector/e2e/cmd/bench/internal/process"
)

const idlePause = 3 * time.Second

func idleSteps(b *bench) int {
	n := 0
	for _, st := range b.idleStarters() {
		if b.wantsSystem(st.name) {
			n++
		}
	}
	return n * b.opt.rounds
}

func (b *bench) idleStarters() []starter {
	var some []starter
	for _, st := range b.relayStarters() {
		if st.name != natsFloor {
			some = append(some, st)
		}
	}
	return some
}

// idleRow starts every system afresh each time, because used memory is returned
// to the system late.
func idleRow(ctx context.Context, b *bench) error {
	for round := range b.opt.rounds {
		for _, st := range b.idleStarters() {
			systems, err := b.startAll(ctx, "idle", st)
			if err != nil {
				return err
			}
			for _, s := range systems {
				b.show.step("idle", idleCase(b.opt.idle), s.name, round)
				err = b.idleOnce(ctx, s)
			}
			stopAll(systems)
			if err != nil {
				return fmt.Errorf("%s: %w", st.name, err)
			}
		}
	}
	return nil
}

func idleCase(n int) string { return grouped(n) + " connections" }

func (b *bench) idleOnce(ctx context.Context, s *system) error {
	n, kase := b.opt.idle, idleCase(b.opt.idle)
	if need := uint64(n) + 200; b.book.Files < need {
		return fmt.Errorf("%d connections need %d open files, and the limit is %d: raise it (ulimit -n) or give fewer with --idle", n, need, b.book.Files)
	}
	if err := pause(ctx, time.Second); err != nil {
		return err
	}
	empty, err := process.RSSSum(s.procs)
	if err != nil {
		return err
	}
	began := time.Now()
	f, err := connect(ctx, s, n, 512)
	if err != nil {
		return err
	}
	defer f.close()
	b.book.add("idle", kase, s.name, "connects", perSecond, float64(n)/time.Since(began).Seconds())
	if err := pause(ctx, idlePause); err != nil {
		return err
	}
	u, err := b.watch(s.procs, func() error { return pause(ctx, b.opt.idleFor) })
	if err != nil {
		return err
	}
	full, err := process.RSSSum(s.procs)
	if err != nil {
		return err
	}
	b.book.add("idle", kase, s.name, "RSS each", kilobytes, float64(full-empty)/1e3/float64(n))
	b.book.add("idle", kase, s.name, "RSS empty", "MB", float64(empty)/1e6)
	b.book.add("idle", kase, s.name, "cpu of 10,000", "% of one CPU", 100*u.servers.Seconds()/u.wall.Seconds()*10_000/float64(n))
	return f.broken()
}
