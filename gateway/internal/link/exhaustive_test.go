package link

import (
	"flag"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"testing"
	"time"
)

// choice is the panic of a run that has used up its choices and needs another, among n.
type choice struct{ n int }

// explorer runs every schedule within the bounds, each state once.
type explorer struct {
	bounds bounds
	mutant mutant
	seed   maphash.Seed
	seen   map[uint64]bool
	states int
	bad    error
	path   []int // that led to it
}

// explore tries every continuation of the choices of path.
func (x *explorer) explore(path []int) {
	if x.bad != nil {
		return
	}
	n, sim := x.replay(path)
	switch {
	case sim.bad != nil || n == 0: // n == 0: it came to rest
		if x.bad == nil && sim.bad != nil {
			x.bad, x.path = sim.bad, slices.Clone(path)
		}
		return
	case n < 0:
		return // seen before
	}
	for i := range n {
		x.explore(append(path[:len(path):len(path)], i))
	}
}

// replay runs a new simulator by the choices of path. It returns the number of options at the
// next choice: 0 at rest, and -1 in a state that was seen before.
func (x *explorer) replay(path []int) (n int, sim *simulator) {
	at := 0
	sim = newSimulator(x.bounds, func(n int) int {
		if n == 1 {
			return 0
		}
		if at == len(path) {
			panic(choice{n})
		}
		at++
		return path[at-1]
	})
	sim.mutant, sim.step = x.mutant, 2*time.Second
	defer func() {
		if c, ok := recover().(choice); ok {
			n = c.n
		}
	}()
	for sim.bad == nil {
		all := sim.events()
		if at == len(path) {
			if !x.enter(sim) {
				return -1, sim
			}
			if len(all) == 0 {
				sim.pick = func(int) int { return 0 }
				sim.bad = sim.rest()
				return 0, sim
			}
		}
		if len(all) == 0 {
			return 0, sim
		}
		all[sim.pick(len(all))].do()
	}
	return 0, sim
}

// enter reports whether a state is new.
func (x *explorer) enter(sim *simulator) bool {
	h := maphash.String(x.seed, sim.fingerprint())
	if x.seen[h] {
		return false
	}
	x.seen[h] = true
	x.states++
	return true
}

// fingerprint encodes everything that determines what can happen from here on.
func (sim *simulator) fingerprint() string {
	var b strings.Builder
	fmt.Fprint(&b, sim.bounds, sim.faulty, sim.now)
	for _, n := range sim.gateways {
		fmt.Fprint(&b, "|", n.path, n.up, n.frozen, n.active)
		for _, m := range n.inbox {
			m.print(&b)
		}
		for _, other := range sim.gateways {
			if s := n.r.links[other.id]; s != nil {
				fmt.Fprint(&b, ";", s.base, s.head, s.polls, s.pollHead, s.pollAt, s.resentBase, s.resentPoll, s.blocked, s.blockedAt, s.blockedPoll, s.blockedTries, s.nextPoll)
				for r := range s.Unacked {
					fmt.Fprint(&b, ",", r.Frame.To, r.Frame.Data, r.at)
				}
			}
			if r := n.recv[other.id]; r != nil {
				fmt.Fprint(&b, ";", *r)
			}
		}
		for _, p := range sim.peers {
			if s := n.session[p.id]; s != nil {
				fmt.Fprint(&b, ";", s.phase, s.move, s.fence.newest)
				for _, f := range s.buffered {
					fmt.Fprint(&b, f.From, f.Data)
				}
			}
			route := n.r.Owner(p.id)
			fmt.Fprint(&b, ";", route)
		}
		for _, x := range n.r.order {
			fmt.Fprint(&b, ";", x.peer, x.lookup, len(x.until))
			for _, u := range x.until {
				fmt.Fprint(&b, u.link.base, u.upto)
			}
			for _, f := range x.frames() {
				fmt.Fprint(&b, f.From, f.Data)
			}
		}
	}
	for _, k := range sim.keys {
		fmt.Fprint(&b, "|", k)
		for _, m := range sim.pipes[k].q {
			m.print(&b)
		}
	}
	for _, p := range sim.peers {
		fmt.Fprint(&b, "|", p.at, p.epoch, p.moving)
		for _, to := range sim.peers {
			fmt.Fprint(&b, ",", p.sent[to], p.last[to])
			for k := 1; k <= p.sent[to]; k++ {
				if f := p.frames[fateKey{to, k}]; f != nil {
					fmt.Fprint(&b, *f)
				}
			}
		}
	}
	return b.String()
}

func (m *message) print(b *strings.Builder) {
	fmt.Fprint(b, ",", m.from, m.to, m.base, m.nobody)
	switch {
	case m.data != nil:
		fmt.Fprint(b, "d", m.data.Seq, m.data.Frame.To, m.data.Frame.Data, m.data.Frame.ToEpoch)
	case m.ack != nil:
		fmt.Fprint(b, "a", *m.ack)
	case m.poll != nil:
		fmt.Fprint(b, "p", *m.poll)
	case m.handoff != nil:
		fmt.Fprint(b, "h", m.handoff.peer.id, m.handoff.epoch, m.handoff.seated, m.handoff.ask, m.handoff.fence, len(m.handoff.frames))
	}
}

var exhaustive = flag.Bool("sim.exhaustive", false, "search all schedules of larger bounds, which takes minutes")

// All schedules of two gateways within small bounds keep the invariants.
func TestExhaustive_SmallBounds_KeepInvariants(t *testing.T) {
	all := map[string]bounds{
		"cut":    {gateways: 2, peers: 2, frames: 1, cuts: 1, ticks: 2},
		"freeze": {gateways: 2, peers: 2, frames: 1, cuts: 1, freezes: 1, ticks: 2},
		"move":   {gateways: 2, peers: 2, frames: 1, moves: 1, ticks: 2},
		"link":   {gateways: 2, peers: 2, frames: 2, cuts: 1, freezes: 1, ticks: 2, oneWay: true},
	}
	if *exhaustive {
		all["link of three frames"] = bounds{gateways: 2, peers: 2, frames: 3, cuts: 2, freezes: 1, ticks: 2, oneWay: true}
		all["cut of two frames"] = bounds{gateways: 2, peers: 2, frames: 2, cuts: 1, ticks: 2}
		all["cuts"] = bounds{gateways: 2, peers: 2, frames: 2, cuts: 2, ticks: 2}
		all["cut and freeze"] = bounds{gateways: 2, peers: 2, frames: 2, cuts: 1, freezes: 1, ticks: 2}
		all["move and two frames"] = bounds{gateways: 2, peers: 2, frames: 2, moves: 1, ticks: 2}
		all["moves"] = bounds{gateways: 2, peers: 2, frames: 2, moves: 2, ticks: 2}
	}
	for name, b := range all {
		t.Run(name, func(t *testing.T) {
			x := &explorer{bounds: b, seed: maphash.MakeSeed(), seen: make(map[uint64]bool)}
			x.explore(nil)
			t.Logf("%d states", x.states)
			if x.bad != nil {
				t.Errorf("after the choices %v: got %v, want no violation", x.path, x.bad)
			}
		})
	}
}
