package gateway

import (
	"time"

	"p2pconnector/gateway/internal/client"
	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/natsbus"
	"p2pconnector/gateway/internal/ops"
	"p2pconnector/gateway/internal/session"
	"p2pconnector/proto/bus"
)

// watchConns advances the coarse clock and sweeps every connection once a second.
// It never waits for NATS: a stuck bus must not stop the clock that clients are
// measured by.
func (g *Gateway) watchConns(done <-chan struct{}) {
	tick := time.NewTicker(clock.Tick)
	defer tick.Stop()
	var next time.Time
	var cs []*client.Conn
	memory := ops.NewTrim()
	g.loops.clock.Work()
	defer g.loops.clock.Rest()
	for {
		g.loops.clock.Turn()
		select {
		case <-done:
			return
		case now := <-tick.C:
			g.heartbeat.Advance(g.coarse.Load(), clock.At(now))
			g.coarse.Store(clock.At(now))
			if now.After(next) {
				next = now.Add(time.Second)
				cs = g.conns.Sweep(now, cs)
				memory.Tick(g.metrics.Connections.Accepted.Load())
			}
		}
	}
}

// watchBus repeats unanswered requests and relays. Once a second it publishes the lease and
// the acks that are not due yet, ends the sessions whose grace is over, and sheds buffers.
func (g *Gateway) watchBus(done <-chan struct{}) {
	tick := time.NewTicker(natsbus.RequestTick)
	defer tick.Stop()
	var next time.Time
	var ss []*session.Session
	g.loops.bus.Work()
	defer g.loops.bus.Rest()
	for {
		g.loops.bus.Turn()
		select {
		case <-done:
			return
		case now := <-tick.C:
			g.requests.Tick(now)
			g.links.Tick()
			g.links.ReleaseSoon()
			if now.Before(next) {
				continue
			}
			next = now.Add(bus.LeaseInterval)
			g.heartbeat.Tick()
			g.links.AckAll()
			g.rooms.SweepMoved()
			g.dialects.Tick()
			ss = g.sessions.Sweep(now, ss)
			g.buffers.Relieve(g.conns.Buffers, g.sessions.Buffers)
		}
	}
}
