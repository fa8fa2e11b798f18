package gateway

import (
	"context"
	"math/rand/v2"
	"time"

	"p2pconnector/proto"
)

// lonelyDrain is how long a drain takes when no other gateway could take the
// sessions over.
const lonelyDrain = time.Second

// drain has every peer connect elsewhere: each is told when, is closed at that
// moment, and its session is handed to the gateway it comes back to. It returns
// when all have moved or the window is over.
func (g *Gateway) drain(window context.Context) {
	g.draining.Store(true)
	g.publishLease(false)
	// Without NATS nothing comes for it either.
	_ = g.anyPeer.Unsubscribe()
	lonely := g.liveness.Alone()
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
			c.ws.Close(proto.CloseGoingAway, proto.CloseGoingAway.Reason(), false)
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
	g.awaitAcks(window)
}

// awaitAcks waits until the last relays of this gateway are acknowledged, and acknowledges
// those that it has received.
func (g *Gateway) awaitAcks(window context.Context) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !g.links.idle() {
		select {
		case <-tick.C:
		case <-window.Done():
			g.log.Warn("drain window is over before all relays were acknowledged")
			return
		}
	}
	g.links.ackAll()
}

// announceDrain tells the client when it will be closed.
func (c *conn) announceDrain(after time.Duration) {
	data := marshal(map[string]int64{"reconnect_after_ms": after.Milliseconds()})
	c.enqueue(c.g.serverFrame(proto.TypeInfo, string(proto.ServerDraining), data, nil))
}

// drained reports whether nobody is left here. With no other gateway to go to,
// it is enough that all connections are closed.
func (g *Gateway) drained(lonely bool) bool {
	if g.conns.len() > 0 || g.requests.Len() > 0 {
		return false // what a peer has asked for is finished here
	}
	if lonely && g.liveness.Alone() {
		return true
	}
	for _, s := range g.sessions.list(nil) {
		s.mu.Lock()
		here := s.phase <= lent
		s.mu.Unlock()
		if here {
			return false
		}
	}
	return true
}
