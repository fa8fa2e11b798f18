package chaos

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

// inject starts the faults at their times and returns when all are healed: at
// once when ctx ends.
func (w *world) inject(ctx context.Context, faults []fault, stats *stats) {
	var wg sync.WaitGroup
	defer wg.Wait()
	began := time.Now()
	for _, f := range faults {
		pause(ctx, time.Until(began.Add(f.at)))
		if ctx.Err() != nil {
			return
		}
		wg.Go(func() {
			w.logf("fault: %v", f)
			stats.faults.Add(1)
			heal := w.strike(f)
			pause(ctx, f.lasts)
			heal()
			w.logf("healed: %s %d", f.kind, f.target)
		})
	}
}

// strike starts f and returns the function that ends it.
func (w *world) strike(f fault) (heal func()) {
	switch verb, rest, _ := strings.Cut(f.kind, " "); {
	case verb == "kill" || verb == "freeze" || verb == "drain":
		return w.strikeProcess(verb, w.victims(rest, f))
	default:
		return w.strikeWires(verb, w.wires(f), f.delay)
	}
}

func (w *world) victims(who string, f fault) []*process {
	switch who {
	case "gateway":
		return w.gateways[f.target : f.target+1]
	case "rooms":
		return w.services[f.target : f.target+1]
	case "two nats":
		return []*process{w.nodes[f.target], w.nodes[f.other]}
	}
	return w.nodes[f.target : f.target+1]
}

func (w *world) wires(f fault) []*proxy {
	switch {
	case strings.Contains(f.kind, "client"):
		return w.front[f.target : f.target+1]
	case strings.Contains(f.kind, "rooms"):
		return w.svcLinks[f.target]
	}
	return w.gwLinks[f.target]
}

func (w *world) strikeProcess(verb string, victims []*process) (heal func()) {
	for _, p := range victims {
		switch verb {
		case "kill":
			w.must(p.kill())
		case "freeze":
			w.must(p.freeze(true))
		case "drain":
			w.must(p.stop(stopBound))
		}
	}
	return func() {
		for _, p := range victims {
			if verb == "freeze" {
				w.must(p.freeze(false))
			} else {
				w.must(p.start())
			}
		}
	}
}

func (w *world) strikeWires(verb string, wires []*proxy, delay time.Duration) (heal func()) {
	set := func(f func(*proxy)) {
		for _, p := range wires {
			f(p)
		}
	}
	switch verb {
	case "part":
		set(func(p *proxy) { p.hold(true) })
		return func() { set(func(p *proxy) { p.hold(false) }) }
	case "slow":
		set(func(p *proxy) { p.slow(delay) })
		return func() { set(func(p *proxy) { p.slow(0) }) }
	case "lose":
		set(func(p *proxy) { p.deafen(true) })
		return func() { set(func(p *proxy) { p.deafen(false) }) }
	}
	set(func(p *proxy) { p.cut(func() bool { return rand.N(2) == 0 }) })
	return func() {}
}

// must reports an error of a process that was to be controlled.
func (w *world) must(err error) {
	if err != nil {
		w.violate("%v", err)
	}
}
