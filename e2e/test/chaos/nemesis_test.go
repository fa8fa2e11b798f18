package chaos

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

// inject is the nemesis: it starts the faults at their times and returns when all are
// healed, at once when ctx ends.
func (sys *system) inject(ctx context.Context, faults []fault, stats *stats) {
	var wg sync.WaitGroup
	defer wg.Wait()
	began := time.Now()
	for _, f := range faults {
		pause(ctx, time.Until(began.Add(f.at)))
		if ctx.Err() != nil {
			return
		}
		wg.Go(func() {
			sys.logf("fault: %v", f)
			stats.faults.Add(1)
			heal := sys.startFault(f)
			pause(ctx, f.lasts)
			heal()
			sys.logf("healed: %s %d", f.kind, f.target)
		})
	}
}

// startFault starts f and returns the function that ends it.
func (sys *system) startFault(f fault) (heal func()) {
	switch verb, rest, _ := strings.Cut(f.kind, " "); {
	case verb == "kill" || verb == "freeze" || verb == "drain":
		return sys.faultProcesses(verb, sys.targets(rest, f))
	default:
		return sys.faultLinks(verb, sys.linksOf(f), f.delay)
	}
}

func (sys *system) targets(who string, f fault) []*process {
	switch who {
	case "gateway":
		return sys.gateways[f.target : f.target+1]
	case "rooms":
		return sys.services[f.target : f.target+1]
	case "two nats":
		return []*process{sys.nodes[f.target], sys.nodes[f.other]}
	}
	return sys.nodes[f.target : f.target+1]
}

func (sys *system) linksOf(f fault) []*proxy {
	switch {
	case strings.Contains(f.kind, "client"):
		return sys.front[f.target : f.target+1]
	case strings.Contains(f.kind, "rooms"):
		return sys.svcLinks[f.target]
	}
	return sys.gwLinks[f.target]
}

func (sys *system) faultProcesses(verb string, targets []*process) (heal func()) {
	for _, p := range targets {
		switch verb {
		case "kill":
			sys.must(p.kill())
		case "freeze":
			sys.must(p.freeze(true))
		case "drain":
			sys.must(p.stop(stopBound))
		}
	}
	return func() {
		for _, p := range targets {
			if verb == "freeze" {
				sys.must(p.freeze(false))
			} else {
				sys.must(p.start())
			}
		}
	}
}

func (sys *system) faultLinks(verb string, links []*proxy, delay time.Duration) (heal func()) {
	set := func(f func(*proxy)) {
		for _, p := range links {
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
		set(func(p *proxy) { p.dropReplies(true) })
		return func() { set(func(p *proxy) { p.dropReplies(false) }) }
	}
	set(func(p *proxy) { p.cut(func() bool { return rand.N(2) == 0 }) })
	return func() {}
}

// must reports an error of a process that was to be controlled.
func (sys *system) must(err error) {
	if err != nil {
		sys.violate("%v", err)
	}
}
