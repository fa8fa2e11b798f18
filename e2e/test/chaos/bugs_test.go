package chaos

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"
)

// catchTime bounds the search for a bug that is known to exist.
const catchTime = 90 * time.Second

// TestChecker_FaultyRoomService_IsCaught shows that the suite can fail: with a room service that is
// wrong on purpose the checker refuses a history. The faults are those of
// roomsvc/faulty_test.go.
func TestChecker_FaultyRoomService_IsCaught(t *testing.T) {
	for fault, what := range map[string]string{
		"ack-before-commit": "answers before it commits",
		"no-revision-check": "forgets the revision check",
	} {
		t.Run(fault, func(t *testing.T) {
			sys := newSystem(t, seed(), shape{nodes: 1, gateways: 2, services: 3, fault: fault})
			w := newWorkload(sys, 1, 8, 20*time.Millisecond)
			ctx, stop := context.WithTimeout(context.Background(), catchTime)
			for ctx.Err() == nil && sys.found() == "" {
				pause(ctx, 500*time.Millisecond)
				p := sys.services[rand.N(len(sys.services))]
				sys.must(p.kill())
				w.stats.faults.Add(1)
				pause(ctx, 500*time.Millisecond)
				sys.must(p.start())
			}
			stop()
			w.stop()
			w.wg.Wait()
			w.groups[0].room().finish()
			w.leaveAll()
			close(w.checks)
			w.checkers.Wait()
			if sys.found() == "" {
				t.Fatalf("seed %d: a room service that %s was not caught within %v; %v", sys.seed, what, catchTime, &w.stats)
			}
			t.Logf("seed %d: a room service that %s was found out after %v: %s", sys.seed, what, time.Since(sys.began).Round(time.Millisecond), sys.found())
		})
	}
}
