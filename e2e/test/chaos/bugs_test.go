package chaos

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"
)

// catchTime bounds the search for a bug that is known to exist.
const catchTime = 90 * time.Second

// TestCatchesBugs shows that the suite can fail: with a room service that is
// wrong on purpose the checker refuses a history. The faults are those of
// roomsvc/faulty_test.go.
func TestCatchesBugs(t *testing.T) {
	for fault, what := range map[string]string{
		"ack-before-commit": "answers before it commits",
		"no-revision-check": "forgets the revision check",
	} {
		t.Run(fault, func(t *testing.T) {
			w := newWorld(t, seed(), shape{nodes: 1, gateways: 2, services: 3, fault: fault})
			g := newGame(w, 1, 8, 20*time.Millisecond)
			ctx, stop := context.WithTimeout(context.Background(), catchTime)
			for ctx.Err() == nil && w.found() == "" {
				pause(ctx, 500*time.Millisecond)
				p := w.services[rand.N(len(w.services))]
				w.must(p.kill())
				g.stats.faults.Add(1)
				pause(ctx, 500*time.Millisecond)
				w.must(p.start())
			}
			stop()
			g.stop()
			g.wg.Wait()
			g.tables[0].room().finish()
			g.leaveAll()
			close(g.checks)
			g.judges.Wait()
			if w.found() == "" {
				t.Fatalf("seed %d: a room service that %s was not caught within %v; %v", w.seed, what, catchTime, &g.stats)
			}
			t.Logf("seed %d: a room service that %s was found out after %v: %s", w.seed, what, time.Since(w.began).Round(time.Millisecond), w.found())
		})
	}
}
