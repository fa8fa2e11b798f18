package gateway

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"p2pconnector/gateway/internal/client"
	"p2pconnector/gateway/internal/frames"
	"p2pconnector/gateway/internal/session"
	"p2pconnector/proto"
)

// lonelyDrain is how long a drain takes when no other gateway could take the
// sessions over.
const lonelyDrain = time.Second

// The pace of a drain. Peers that move all at once overload the other gateways and the
// session directory, and some of them wait longer than a session lasts.
const (
	maxMoving  = 256             // peers that are closed and have not moved yet; at this many, no more are closed
	movingTime = 3 * time.Second // how long a closed peer counts as moving: some never come back
	drainTick  = 50 * time.Millisecond
)

// drain moves every peer to another gateway. It announces to each when its connection will
// be closed, closes it at that moment or soon after, and hands the session to the gateway
// that the client connects to. It returns when all have moved or the window is over.
func (g *Gateway) drain(window context.Context) {
	g.draining.Store(true)
	g.publishLease(false)
	g.bus.LeaveBackEnds()
	lonely := g.liveness.Alone()
	spread := g.cfg.DrainWindow * 6 / 10
	if lonely {
		spread = min(spread, lonelyDrain)
	}
	g.log.Info("draining", "peers", g.conns.Len(), "window", g.cfg.DrainWindow.String())
	began := time.Now()
	closings := g.announceDrain(spread)
	tick := time.NewTicker(drainTick)
	defer tick.Stop()
	var scratch []*session.Session
	for !g.drained(lonely) {
		if len(closings) > 0 {
			most := len(closings)
			if !lonely {
				var moving int
				moving, scratch = g.countMoving(len(closings), scratch)
				most = max(maxMoving-moving, paceOf(len(closings), spread+spread/3-time.Since(began)))
			}
			closings = closeDue(closings, time.Since(began), most)
		}
		select {
		case <-tick.C:
		case <-window.Done():
			g.log.Warn("drain window is over", "peers", g.conns.Len())
			return
		}
	}
	g.awaitAcks(window)
}

// closing is a connection that a drain closes, and how long after the drain began.
type closing struct {
	c     *client.Conn
	after time.Duration
}

// announceDrain announces to every client when it will be closed, within spread, and
// returns the connections in that order.
func (g *Gateway) announceDrain(spread time.Duration) []closing {
	var closings []closing
	for _, c := range g.conns.List(nil) {
		after := time.Duration(rand.Int64N(int64(spread) + 1))
		data := frames.Marshal(proto.DrainingData{ReconnectAfterMS: after.Milliseconds()})
		c.Enqueue("", g.frames.Server(proto.TypeInfo, string(proto.ServerDraining), data, nil))
		closings = append(closings, closing{c, after})
	}
	slices.SortFunc(closings, func(a, b closing) int { return cmp.Compare(a.after, b.after) })
	return closings
}

// paceOf is how many of the connections that are left must be closed in a tick, so that
// all are closed within a time, however slowly they move.
func paceOf(left int, within time.Duration) int {
	ticks := max(within/drainTick, 1)
	return (left + int(ticks) - 1) / int(ticks)
}

// closeDue closes the connections whose time has come, and returns the others. most bounds
// how many it closes.
func closeDue(closings []closing, now time.Duration, most int) []closing {
	for len(closings) > 0 && closings[0].after <= now && most > 0 {
		closings[0].c.Socket.Close(proto.CloseGoingAway, proto.CloseGoingAway.Reason(), false)
		closings = closings[1:]
		most--
	}
	return closings
}

// countMoving counts the peers that were closed a moment ago and have not moved to another
// gateway yet. open is the number of connections that are not to be closed yet.
func (g *Gateway) countMoving(open int, scratch []*session.Session) (int, []*session.Session) {
	moving, scratch := g.sessions.Moving(movingTime, scratch)
	return moving + max(0, g.conns.Len()-open), scratch // the closing handshake of these is not over
}

// awaitAcks waits until the last relays of this gateway are acknowledged, and acknowledges
// those that it has received.
func (g *Gateway) awaitAcks(window context.Context) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !g.links.Idle() {
		select {
		case <-tick.C:
		case <-window.Done():
			g.log.Warn("drain window is over before all relays were acknowledged")
			return
		}
	}
	g.links.AckAll()
}

// drained reports whether no peer is left here. Without another gateway it is
// enough that all connections are closed.
func (g *Gateway) drained(lonely bool) bool {
	if g.conns.Len() > 0 || g.requests.Len() > 0 {
		return false // pending requests of peers are finished here
	}
	if lonely && g.liveness.Alone() {
		return true
	}
	return !g.sessions.Any()
}
