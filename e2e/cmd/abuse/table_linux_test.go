package main

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// short returns a row of the table with few clients and little time.
func short(t *testing.T, name string) *row {
	t.Helper()
	i := slices.IndexFunc(tableRows, func(r row) bool { return r.name == name })
	if i < 0 {
		t.Fatalf("row %q: got none, want one", name)
	}
	r := tableRows[i]
	r.members, r.quiet, r.lasts = min(r.members, 5), 100*time.Millisecond, 500*time.Millisecond
	return &r
}

// TestRow_Short_MeasuresAttackAndPairs runs the ways in which rows differ: a room, the
// attacker's own room, a link that stalls, and flags of the server.
func TestRow_Short_MeasuresAttackAndPairs(t *testing.T) {
	for _, name := range []string{"fanout-slow", "update-room", "stranger", "ice"} {
		t.Run(name, func(t *testing.T) {
			res, err := short(t, name).run(t.Context(), t.Output())
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			res.print(&out)
			t.Log(out.String())
			if res.got.frames == 0 || res.out == 0 || res.cpu <= 0 || res.rssBefore <= 0 || res.wall <= 0 {
				t.Errorf("got %d frames, %d bytes out, CPU %v, memory %d, in %v, want more than nothing of each",
					res.got.frames, res.out, res.cpu, res.rssBefore, res.wall)
			}
			if len(res.outsideFelt.took) == 0 || len(res.outsideBefore) == 0 {
				t.Errorf("the pair elsewhere: got %d frames before the attack and %d during it, want some", len(res.outsideBefore), len(res.outsideFelt.took))
			}
			if has := res.inside != nil; has != (name != "ice") {
				t.Errorf("a pair beside the attack: got %v, want %v", has, !has)
			}
			if cells := strings.Count(out.String(), "|") - 1; cells != 6 {
				t.Errorf("got %d cells, want 6, in %s", cells, out.String())
			}
		})
	}
}

// TestResultCheck_EachFault_IsFound spoils a good result in each way.
func TestResultCheck_EachFault_IsFound(t *testing.T) {
	good := func() *result {
		got := newOutcomes()
		got.noted(5, "rooms")
		return &result{
			trial: &trial{row: &row{most: bound{out: 1000, memory: 2000, gained: 5}}, got: got},
			wall:  2 * time.Second, out: 2000, rssBefore: 1000, rssMost: 2000,
			closed: map[string]int{},
		}
	}
	if faults := good().check(); len(faults) > 0 {
		t.Errorf("a good result: got %q, want no fault", faults)
	}
	for want, spoil := range map[string]func(*result){
		"disconnected":         func(r *result) { r.closed["closed 1013"] = 1 },
		"elsewhere: 1 frames":  func(r *result) { r.outsideFelt.lost = 1 },
		"beside the attack: 0": func(r *result) { r.insideFelt.refused = 1 },
		"received":             func(r *result) { r.out += 2 },
		"reached":              func(r *result) { r.rssMost++ },
		"6 rooms":              func(r *result) { r.got.gained++ },
		"no room":              func(r *result) { r.fault("%v", errors.New("no room")) },
	} {
		r := good()
		spoil(r)
		if faults := r.check(); len(faults) != 1 || !strings.Contains(faults[0], want) {
			t.Errorf("got %q, want one fault with %q", faults, want)
		}
	}
}
