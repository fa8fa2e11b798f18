package gateway

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"p2pconnector/proto"
)

// lonelyDrain is how long a drain takes when no other gateway could take the
// sessions over.
const lonelyDrain = time.Second

// drain has every peer connect elsewhere: each is told when, is closed at that
// moment, and its session is handed to the gateway it comes back to. It returns
// when all have moved or the window is over.
func (g *Gateway) drain() {
	g.draining.Store(true)
	g.sayLease(false)
	window, end := context.WithTimeout(context.Background(), g.cfg.DrainWindow)
	defer end()
	lonely := g.leases.others(g.id, time.Now()) == 0
	spread := g.cfg.DrainWindow * 6 / 10
	if lonely {
		spread = min(spread, lonelyDrain)
	}
	g.log.Info("draining", "peers", g.conns.len(), "window", g.cfg.DrainWindow.String())
	var timers []*time.Timer
	for _, c := range g.conns.list(nil) {
		after := time.Duration(rand.Int64N(int64(spread) + 1))
		c.announceDrain(after)
		timers = append(timers, time.AfterFunc(after, func() {
			c.close(proto.CloseGoingAway, proto.CloseGoingAway.Reason(), false)
		}))
	}
	defer func() {
		for _, t := range timers {
			t.Stop()
		}
	}()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !g.drained(lonely) {
		select {
		case <-tick.C:
		case <-window.Done():
			g.log.Warn("drain window is over", "peers", g.conns.len())
			return
		}
	}
	g.hearOut(window)
}

// hearOut waits until it is known what became of the last relays that left here:
// the gateways that they went to have counted them, and NATS has said which found
// nobody. Their senders have moved, and are told there.
func (g *Gateway) hearOut(ctx context.Context) {
	now := time.Now()
	g.out.countLinks(now.UnixNano(), func(proto.GatewayID) bool { return false })
	asking, cancel := context.WithTimeout(ctx, handoverTimeout)
	defer cancel()
	var wg sync.WaitGroup
	for _, to := range g.leases.living(g.id, now) {
		wg.Go(func() {
			// One that does not answer will not count before this one is gone.
			_, _ = g.fence(asking, to)
		})
	}
	wg.Wait()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for counted := time.Now().UnixNano(); g.nc.IsConnected() && !g.pulse.knows(counted); {
		g.pulse.beat(time.Now().UnixNano(), g.out.fence)
		select {
		case <-tick.C:
		case <-ctx.Done():
			g.log.Warn("drain window is over before NATS has answered")
			return
		}
	}
}

// announceDrain tells the client when it will be closed.
func (c *conn) announceDrain(after time.Duration) {
	data := marshal(map[string]int64{"reconnect_after_ms": after.Milliseconds()})
	c.enqueue(c.g.serverFrame(proto.TypeInfo, string(proto.ServerDraining), data, nil))
}

// drained reports whether nobody is left here. With no other gateway to go to,
// it is enough that all connections are closed.
func (g *Gateway) drained(lonely bool) bool {
	if g.conns.len() > 0 || g.requests.len() > 0 {
		return false // what a peer has asked for is finished here
	}
	if lonely && g.leases.others(g.id, time.Now()) == 0 {
		return true
	}
	for _, s := range g.sessions.list(nil) {
		s.mu.Lock()
		here := s.phase < moved || s.parting != nil
		s.mu.Unlock()
		if here {
			return false
		}
	}
	return true
}
