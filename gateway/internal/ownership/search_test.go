package ownership

import (
	"hash/maphash"
	"slices"
	"strings"
	"testing"
)

// search visits every state that transitions lead to once, breadth first.
type search struct {
	limit  int // of states, after which it stops; 0: none
	seed   maphash.Seed
	seen   map[uint64]struct{} // hashes of the encodings: with 10^7 states, two share one with a chance below 10^-5
	states []visited
	queue  []*model // the states that are not expanded yet: the last ones of states
	rest   int      // states without messages in flight, which were brought to rest
}

// visited records how a state was first reached, which is by a shortest path.
type visited struct {
	from int32 // index of the state before; -1: none
	by   transition
}

// run searches from the initial state, and returns the first violation and the trace that
// leads to it.
func (s *search) run(initial func() *model) (trace []string, bad error) {
	s.seed, s.seen = maphash.MakeSeed(), make(map[uint64]struct{})
	s.enter(initial(), visited{from: -1})
	var all []transition
	for at := int32(0); len(s.queue) > 0 && (s.limit == 0 || len(s.states) < s.limit); at++ {
		w := s.queue[0]
		s.queue[0] = nil
		s.queue = s.queue[1:]
		all = w.enabled(all[:0])
		for _, t := range all {
			next := w.clone()
			next.apply(t)
			next.check()
			if next.bad != nil {
				return s.trace(initial(), visited{at, t}, false), next.bad
			}
			if !s.enter(next, visited{at, t}) || len(next.flight) > 0 {
				continue
			}
			s.rest++
			end := next.clone()
			if end.quiesce(); end.bad != nil {
				return s.trace(initial(), visited{at, t}, true), end.bad
			}
		}
	}
	return nil, nil
}

// enter records a state. It returns false when the state was visited before.
func (s *search) enter(w *model, v visited) bool {
	h := maphash.Bytes(s.seed, w.encode())
	if _, ok := s.seen[h]; ok {
		return false
	}
	s.seen[h] = struct{}{}
	s.states = append(s.states, v)
	s.queue = append(s.queue, w)
	return true
}

// trace repeats the transitions that lead to a state, and describes them.
func (s *search) trace(w *model, v visited, quiesce bool) (lines []string) {
	var way []transition
	for ; ; v = s.states[v.from] {
		way = append(way, v.by)
		if v.from <= 0 {
			break
		}
	}
	w.trace = &lines
	for _, t := range slices.Backward(way) {
		w.apply(t)
	}
	if quiesce {
		w.note("what follows when no more faults happen:")
		w.quiesce()
	}
	return lines
}

// limit returns the number of states after which a search stops; 0: never.
func limit() int {
	if testing.Short() {
		return 5_000
	}
	return searchLimit
}

// searched are the bounds of the searches. In all of them messages arrive in any order. The
// first bounds are the acceptance criteria: three gateways, two frames each way, one crash,
// one late message, two resumes. The others trade frames for other faults.
var searched = map[string]struct {
	gateways int
	left     budget
}{
	"crash and late message": {3, budget{down: 2, up: 2, resumes: 2, crashes: 1, late: 1}},
	"crash and sync":         {3, budget{down: 1, resumes: 2, crashes: 1, syncs: 1}},
	"crash and losses":       {3, budget{down: 1, resumes: 2, crashes: 1, losses: 2}},
	"freeze":                 {3, budget{down: 2, up: 1, resumes: 2, mistakes: 1, syncs: 1}},
	"freeze, late message":   {3, budget{down: 1, resumes: 2, mistakes: 1, syncs: 1, late: 1}},
	"end of grace":           {3, budget{down: 1, resumes: 2, graces: 1, syncs: 1, late: 1}},
	"three resumes":          {3, budget{down: 1, resumes: 3, late: 1}},
	"no fault":               {3, budget{down: 2, resumes: 3}},
	"two gateways":           {2, budget{down: 1, resumes: 3, graces: 1, syncs: 1, late: 1}},
}

func TestSearch_EveryState_KeepsInvariants(t *testing.T) {
	for name, b := range searched {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := search{limit: limit()}
			trace, bad := s.run(func() *model { return newModel(b.gateways, b.left, "") })
			t.Logf("%d states, %d of them without messages in flight; %d left to expand", len(s.states), s.rest, len(s.queue))
			if bad != nil {
				t.Errorf("got %v, want no violation; the shortest trace:\n%s", bad, strings.Join(trace, "\n"))
			}
		})
	}
}

// Each mutant breaks one rule of the machines or of what their callers do; a search within
// the bounds that are named must find a violation. The simulation has others.
func TestSearch_BrokenRule_IsNoticed(t *testing.T) {
	for m, bounds := range map[mutant]string{
		"takes without a revision":                           "crash and late message",
		"serves before the directory":                        "crash and late message",
		"forgets the loan at once":                           "crash and late message",
		"serves on after it has lent":                        "crash and late message",
		"keeps the copy for a later epoch":                   "crash and late message",
		"says that it recovered without a copy":              "crash and late message",
		"hides that it has lent before":                      "crash and late message",
		"sends frames to the last taker":                     "crash and late message",
		"forgets the copy of every loan":                     "crash and late message",
		"trusts the directory that the winner serves":        "two gateways",
		"takes a loan back from a dead owner":                "crash and sync",
		"skips the sync":                                     "freeze",
		"takes an owner by its token for one without a copy": "no fault",
	} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			b, s := searched[bounds], search{limit: limit()}
			trace, bad := s.run(func() *model { return newModel(b.gateways, b.left, m) })
			if bad == nil && s.limit == 0 {
				t.Fatalf("got no violation in %d states, want one", len(s.states))
			}
			t.Logf("%d states, %d lines of trace: %v", len(s.states), len(trace), bad)
		})
	}
}
