package link

import (
	"flag"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

var (
	simRuns = flag.Int("sim.runs", 100_000, "random schedules to simulate")
	simSeed = flag.Uint64("sim.seed", 1, "seed of the first schedule; each one has the next")
)

// simSteps is the number of events before a run comes to rest.
const simSteps = 400

func TestSimulation_RandomSchedules_KeepInvariants(t *testing.T) {
	runs := uint64(*simRuns)
	if testing.Short() {
		runs = min(runs, 2000)
	}
	var next, failed atomic.Uint64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := next.Add(1); i <= runs && failed.Load() == 0; i = next.Add(1) {
				if seed := *simSeed + i - 1; randomSimulator(seed, "").run(simSteps) != nil {
					failed.CompareAndSwap(0, seed)
				}
			}
		})
	}
	wg.Wait()
	if seed := failed.Load(); seed != 0 {
		sim := randomSimulator(seed, "")
		sim.trace = true
		err := sim.run(simSteps)
		t.Fatalf("-sim.seed=%d -sim.runs=1: got %v, want no violation\n%s", seed, err, strings.Join(sim.log, "\n"))
	}
}

// Each mutant breaks one rule; the simulation must detect it.
func TestSimulation_BrokenRule_IsNoticed(t *testing.T) {
	for _, m := range []mutant{
		"base is not sent", "takes above next", "takes duplicates", "forgets refusals", "releases past a lost ack", "numbers before refusing",
		"releases routes early", "no epoch check", "leaves the fence behind", "ignores the receiver's epoch",
	} {
		t.Run(string(m), func(t *testing.T) {
			for seed := range uint64(20_000) {
				if err := randomSimulator(seed, m).run(simSteps); err != nil {
					t.Logf("seed %d: %v", seed, err)
					return
				}
			}
			t.Errorf("got no violation in 20,000 schedules, want one")
		})
	}
}
