package chaos

import (
	"context"
	"flag"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"p2pconnector/e2e/kit"
)

var (
	duration  = flag.Duration("chaos.duration", 90*time.Second, "`time` in which faults happen")
	seedFlag  = flag.Uint64("chaos.seed", 1, "`number` that the faults are drawn from; 0 draws one")
	relayPace = flag.Duration("chaos.pace", 100*time.Millisecond, "`time` between two frames of one worker, on average")
	movedFlag = flag.Bool("chaos.moved", false, "have every worker move to another gateway before faults happen")
	maskFlag  = flag.String("chaos.mask", "", "`words`, separated by commas: faults whose kind contains one are left out, to find a cause")
)

func TestMain(m *testing.M) { kit.Main(m) }

// seed returns the same seed each time unless the flag names another, so that a
// change is tested with the faults of its predecessor.
func seed() uint64 {
	if *seedFlag != 0 {
		return *seedFlag
	}
	return rand.Uint64N(1<<32) + 1
}

// TestChaos_RandomFaults_NoViolation injects faults for 90 s, or for the time that the flag gives, and
// expects no violation.
func TestChaos_RandomFaults_NoViolation(t *testing.T) {
	sys := newSystem(t, seed(), shape{nodes: 3, gateways: 3, services: 3})
	w := newWorkload(sys, 4, 6, 200*time.Millisecond)
	ctx, stop := context.WithCancel(context.Background())
	checked := make(chan struct{})
	go func() {
		defer close(checked)
		for ctx.Err() == nil {
			pause(ctx, 5*time.Second)
			w.relays.check(checkAfter)
		}
	}()
	if *movedFlag {
		var moves sync.WaitGroup
		for _, p := range w.all {
			moves.Go(p.move)
		}
		moves.Wait()
	}
	sys.inject(ctx, plan(sys.seed, *duration, strings.Split(*maskFlag, ",")), &w.stats)
	pause(ctx, time.Until(sys.began.Add(*duration)))
	w.end()
	stop()
	<-checked
	if w.stats.delivered.Load() == 0 || w.stats.rooms.Load() == 0 {
		t.Errorf("seed %d: the load did nothing: %v", sys.seed, &w.stats)
	}
	t.Logf("seed %d: %d violations; %v", sys.seed, sys.violations(), &w.stats)
}
