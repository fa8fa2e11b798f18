package link

import (
	"fmt"
	"math/rand/v2"
	"time"

	"p2pconnector/proto"
)

// simulator is a deterministic model of gateways, the NATS servers between them, and
// clients that send, move between gateways and count what they receive. All that
// happens is an event that pick chooses.
type simulator struct {
	pick     func(n int) int // one of n
	bounds   bounds
	now      time.Duration
	step     time.Duration // of a tick
	gateways []*node
	pipes    map[[3]int]*pipe // from, to, path
	keys     [][3]int         // of pipes, in order of making
	peers    []*simPeer
	faulty   bool // something was lost or given up on purpose
	bad      error
	mutant   mutant
	log      []string
	trace    bool
	list     []event
}

// bounds limit what happens in one run. ticks 0 means any number of ticks.
type bounds struct {
	gateways, peers, frames, cuts, freezes, moves, ticks int
	oneWay                                               bool // only the first peer sends, to the second
}

// mutant breaks one rule.
type mutant string

func newSimulator(b bounds, pick func(int) int) *simulator {
	sim := &simulator{pick: pick, bounds: b, step: 100 * time.Millisecond, pipes: make(map[[3]int]*pipe)}
	for i := range b.gateways {
		n := &node{sim: sim, n: i, id: proto.GatewayID(fmt.Sprintf("%08x", i+1)), up: true, recv: make(map[proto.GatewayID]*Receiver), session: make(map[proto.PeerID]*simSession)}
		n.r = NewRouter(n.id, n, DefaultWindowBytes)
		sim.gateways = append(sim.gateways, n)
	}
	for i := range b.peers {
		home := sim.gateways[i%b.gateways]
		p := &simPeer{
			id: proto.PeerID(fmt.Sprintf("%s-0000-8000-8000-%012x", home.id, i)), at: home.n,
			sent: make(map[*simPeer]int), last: make(map[*simPeer]int), frames: make(map[fateKey]*fate),
		}
		home.session[p.id] = &simSession{phase: "serving"}
		sim.peers = append(sim.peers, p)
	}
	return sim
}

func (sim *simulator) fail(format string, args ...any) {
	if sim.bad == nil {
		sim.bad = fmt.Errorf(format, args...)
	}
}

func (sim *simulator) note(format string, args ...any) {
	if sim.trace {
		sim.log = append(sim.log, fmt.Sprintf("%v ", sim.now)+fmt.Sprintf(format, args...))
	}
}

// event is something that may happen next.
type event struct {
	name string
	do   func()
}

// events lists what may happen now. The list is good until the next call.
func (sim *simulator) events() []event {
	all := sim.list[:0]
	for _, k := range sim.keys {
		p := sim.pipes[k]
		if len(p.q) > 0 {
			all = append(all, event{"arrive", func() { sim.deliver(k) }})
		}
	}
	for _, n := range sim.gateways {
		if len(n.inbox) > 0 && !n.frozen {
			all = append(all, event{"handle", func() {
				m := n.inbox[0]
				n.inbox = n.inbox[1:]
				n.receive(m)
			}})
		}
		if !n.up {
			all = append(all, event{"reconnect", func() { n.reconnect() }})
		} else if sim.bounds.cuts > 0 {
			all = append(all, event{"cut", func() { sim.bounds.cuts--; sim.cut(n) }})
		}
		if n.frozen {
			all = append(all, event{"thaw", func() { n.frozen = false }})
		} else if sim.bounds.freezes > 0 {
			all = append(all, event{"freeze", func() { sim.bounds.freezes--; n.frozen = true }})
		}
	}
	sim.list = sim.clientEvents(all)
	return sim.list
}

func (sim *simulator) busy() bool {
	for _, n := range sim.gateways {
		if !n.r.Idle() {
			return true
		}
	}
	return false
}

// tick lets time pass.
func (sim *simulator) tick() {
	step := sim.step
	sim.now += step
	for _, n := range sim.gateways {
		frozen := n.frozen || !n.up
		if !frozen {
			n.active += step
		}
		if n.frozen {
			continue
		}
		if sim.mutant == "releases routes early" {
			for _, x := range n.r.order {
				x.until = nil
			}
		}
		n.r.Tick(n.active)
		if sim.now%time.Second == 0 {
			for _, other := range sim.gateways {
				if n.recv[other.id] != nil {
					n.ack(other, true)
				}
			}
		}
	}
}

// rest ends all faults and lets everything come to rest, then checks the invariants.
func (sim *simulator) rest() error {
	for _, n := range sim.gateways {
		if !n.up {
			n.reconnect()
		}
		n.frozen = false
	}
	sim.bounds = bounds{}
	sim.step = 100 * time.Millisecond
	for range 100000 {
		progress := false
		for _, k := range sim.keys {
			for len(sim.pipes[k].q) > 0 {
				sim.deliver(k)
				progress = true
			}
		}
		for _, n := range sim.gateways {
			for len(n.inbox) > 0 {
				m := n.inbox[0]
				n.inbox = n.inbox[1:]
				n.receive(m)
				progress = true
			}
		}
		if !progress {
			if !sim.busy() {
				break
			}
			sim.tick()
		}
	}
	return sim.check()
}

func (sim *simulator) check() error {
	if sim.busy() {
		sim.fail("frames wait, or are in a window, at rest")
	}
	for _, p := range sim.peers {
		for k, f := range p.frames {
			if f.delivered == 0 && f.reported == 0 {
				sim.fail("frame %d of %s to %s was neither delivered nor reported", k.n, p.id, k.to.id)
			}
			if f.delivered > 1 {
				sim.fail("frame %d of %s to %s was delivered %d times", k.n, p.id, k.to.id, f.delivered)
			}
		}
	}
	for _, n := range sim.gateways {
		if n.r.bytes != 0 {
			sim.fail("gateway %s counts %d bytes at rest", n.id, n.r.bytes)
		}
	}
	return sim.bad
}

// run lets steps random events happen, then comes to rest and checks the invariants.
func (sim *simulator) run(steps int) error {
	for range steps {
		all := sim.events()
		if len(all) == 0 || sim.bad != nil {
			break
		}
		all[sim.pick(len(all))].do()
	}
	return sim.rest()
}

func randomSimulator(seed uint64, m mutant) *simulator {
	rng := rand.New(rand.NewPCG(seed, 1))
	b := bounds{
		gateways: 2 + rng.IntN(3), peers: 2 + rng.IntN(4), frames: 5 + rng.IntN(40),
		cuts: rng.IntN(4), freezes: rng.IntN(3), moves: rng.IntN(6),
	}
	sim := newSimulator(b, rng.IntN)
	sim.mutant = m
	return sim
}
