package gateway

import (
	"time"

	"p2pconnector/proto"
)

// clockTick is how old the coarse clock may be.
const clockTick = 50 * time.Millisecond

// watchConns keeps the coarse clock and looks after every connection once a
// second. It never waits for NATS: a stuck bus must not stop the clock that
// clients are measured by.
func (g *Gateway) watchConns(done <-chan struct{}) {
	tick := time.NewTicker(clockTick)
	defer tick.Stop()
	var next time.Time
	var cs []*conn
	memory := newTrim()
	for {
		select {
		case <-done:
			return
		case now := <-tick.C:
			if g.frozen(now) {
				g.leases.deaf(now)
				g.pulse.froze(g.coarse.Load(), now.UnixNano())
			}
			g.coarse.Store(now.UnixNano())
			if now.After(next) {
				next = now.Add(time.Second)
				cs = g.conns.sweepAll(now, cs)
				memory.tick(g.stats.accepted.Load())
			}
		}
	}
}

// frozen reports whether the clock stood still until now: the process was stopped, or
// got no CPU for long.
func (g *Gateway) frozen(now time.Time) bool {
	return now.UnixNano()-g.coarse.Load() > int64(time.Second)
}

// mayLive reports whether another gateway may live, as far as this one could hear.
func (g *Gateway) mayLive(other proto.GatewayID) bool {
	now := time.Now()
	return g.frozen(now) || g.leases.mayLive(other, now)
}

// watchBus repeats requests that were not answered, and once a second says what
// other gateways need to know of this one and ends the sessions whose grace is over.
func (g *Gateway) watchBus(done <-chan struct{}) {
	tick := time.NewTicker(requestTick)
	defer tick.Stop()
	var next, nextBeat time.Time
	var ss []*session
	var dropped int
	for {
		select {
		case <-done:
			return
		case now := <-tick.C:
			g.requests.tick(now)
			if !now.Before(nextBeat) {
				nextBeat = now.Add(pulseInterval)
				g.pulse.beat(now.UnixNano(), g.out.fence)
			}
			if now.Before(next) {
				continue
			}
			next = now.Add(proto.LeaseInterval)
			g.sayLease(false)
			g.out.countLinks(now.UnixNano(), func(gw proto.GatewayID) bool { return !g.leases.lostWithin(gw, now, time.Hour) })
			g.leases.sweep(now)
			g.claims.tick(now)
			g.farewells.tick(now)
			g.eras.sweep(now.UnixNano())
			if n, _ := g.wildcard.Dropped(); n > dropped {
				dropped = n
				g.doubted(g.pulse.overflowed(now.UnixNano()))
			}
			ss = g.sweepSessions(now, ss)
		}
	}
}
