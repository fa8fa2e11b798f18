package ownership

import (
	"flag"
	"math/rand/v2"
	"strings"
	"testing"
)

var (
	simRuns = flag.Int("sim.runs", 100_000, "random schedules to simulate")
	simSeed = flag.Uint64("sim.seed", 1, "seed of the first schedule; each one has the next")
)

const simSteps = 120

func TestSimulation_RandomSchedules_KeepInvariants(t *testing.T) {
	runs := *simRuns
	if testing.Short() {
		runs = min(runs, 2000)
	}
	for i := range uint64(runs) {
		seed := *simSeed + i
		if randomRun(seed, "", nil) != nil {
			var trace []string
			err := randomRun(seed, "", &trace)
			t.Fatalf("-sim.seed=%d -sim.runs=1: got %v, want no violation\n%s", seed, err, strings.Join(trace, "\n"))
		}
	}
}

// randomRun takes up to simSteps random transitions, and lets everything come to rest.
func randomRun(seed uint64, m mutant, trace *[]string) error {
	rng := rand.New(rand.NewPCG(seed, 2))
	w := newModel(2+rng.IntN(3), budget{
		down: rng.IntN(12), up: rng.IntN(4), resumes: 1 + rng.IntN(6), crashes: rng.IntN(2),
		mistakes: rng.IntN(3), losses: rng.IntN(3), late: rng.IntN(3), graces: rng.IntN(2), syncs: rng.IntN(3),
	}, m)
	w.trace = trace
	var all []transition
	for range simSteps {
		all = w.enabled(all[:0])
		if len(all) == 0 || w.bad != nil {
			break
		}
		w.apply(all[rng.IntN(len(all))])
		w.check()
	}
	if w.bad == nil {
		w.quiesce()
	}
	return w.bad
}

// Each mutant breaks a rule whose violation lies beyond the bounds of the searches; the
// simulation must detect it.
func TestSimulation_BrokenRule_IsNoticed(t *testing.T) {
	for m, first := range map[mutant]uint64{ // the first seed
		"no epoch check":                                 21_000,
		"keeps what came for a lost epoch":               0,
		"delivers what was sent in an earlier epoch":     0,
		"trusts itself after a freeze":                   211_000,
		"takes the owner that it could not ask for dead": 51_471_000,
		"trusts itself after it took the session back":   50_124_000,
		"takes the epoch of an earlier attempt":          58_720_000,
	} {
		t.Run(string(m), func(t *testing.T) {
			for seed := first; seed < first+50_000; seed++ {
				if err := randomRun(seed, m, nil); err != nil {
					t.Logf("seed %d: %v", seed, err)
					return
				}
			}
			t.Errorf("got no violation in 50,000 schedules, want one")
		})
	}
}
