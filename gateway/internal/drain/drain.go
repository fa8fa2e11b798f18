// Package drain moves the peers of a gateway that ends to other gateways, at a pace that these
// and the session directory can follow.
package drain

import (
	"cmp"
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"p2pconnector/gateway/internal/client"
	"p2pconnector/gateway/internal/frames"
	"p2pconnector/gateway/internal/natsbus"
	"p2pconnector/gateway/internal/relay"
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

// Config says what a drain works with. Every field is required.
type Config struct {
	Conns    *client.Table
	Sessions *session.Table
	Links    *relay.Links
	Requests *natsbus.Requests
	Liveness *natsbus.Liveness
	Frames   *frames.Encoder
	Window   time.Duration // how long it may take
	Announce func()        // announces to other services that the drain has begun
	Logger   *slog.Logger
}

// Drain is the drain of one gateway. Run may be called once; Begun may be called concurrently.
type Drain struct {
	Config
	begun atomic.Bool
}

// New returns a drain that has not begun.
func New(cfg Config) *Drain { return &Drain{Config: cfg} }

// Begun reports whether the gateway drains, or has drained.
func (d *Drain) Begun() bool { return d.begun.Load() }

// Run moves every peer to another gateway. It announces to each when its connection will
// be closed, closes it at that moment or soon after, and hands the session to the gateway
// that the client connects to. It returns when all have moved or window ends.
func (d *Drain) Run(window context.Context) {
	d.begun.Store(true)
	d.Announce()
	lonely := d.Liveness.Alone()
	spread := d.Window * 6 / 10
	if lonely {
		spread = min(spread, lonelyDrain)
	}
	d.Logger.Info("draining", "peers", d.Conns.Len(), "window", d.Window.String())
	began := time.Now()
	closings := d.announce(spread)
	tick := time.NewTicker(drainTick)
	defer tick.Stop()
	var scratch []*session.Session
	for !d.done(lonely) {
		if len(closings) > 0 {
			most := len(closings)
			if !lonely {
				var moving int
				moving, scratch = d.countMoving(len(closings), scratch)
				most = mayClose(moving, len(closings), spread+spread/3-time.Since(began))
			}
			closings = closeDue(closings, time.Since(began), most)
		}
		select {
		case <-tick.C:
		case <-window.Done():
			d.Logger.Warn("drain window is over", "peers", d.Conns.Len())
			return
		}
	}
	d.awaitAcks(window)
}

// closing is a connection that a drain closes, and how long after the drain began.
type closing struct {
	end   func()
	after time.Duration
}

// announce announces to every client when it will be closed, within spread, and
// returns the connections in that order.
func (d *Drain) announce(spread time.Duration) []closing {
	var closings []closing
	for _, c := range d.Conns.List(nil) {
		after := time.Duration(rand.Int64N(int64(spread) + 1))
		data := frames.Marshal(proto.DrainingData{ReconnectAfterMS: after.Milliseconds()})
		c.Enqueue("", d.Frames.Server(proto.TypeInfo, string(proto.ServerDraining), data, nil))
		end := func() { c.Socket.Close(proto.CloseGoingAway, proto.CloseGoingAway.Reason(), false) }
		closings = append(closings, closing{end, after})
	}
	slices.SortFunc(closings, func(a, b closing) int { return cmp.Compare(a.after, b.after) })
	return closings
}

// mayClose is how many of the connections that are left may be closed now: up to maxMoving
// peers move at a time, but all connections are closed within a time.
func mayClose(moving, left int, within time.Duration) int {
	return max(maxMoving-moving, paceOf(left, within))
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
		closings[0].end()
		closings = closings[1:]
		most--
	}
	return closings
}

// countMoving counts the peers that were closed a moment ago and have not moved to another
// gateway yet. open is the number of connections that are not to be closed yet.
func (d *Drain) countMoving(open int, scratch []*session.Session) (int, []*session.Session) {
	moving, scratch := d.Sessions.Moving(movingTime, scratch)
	return moving + max(0, d.Conns.Len()-open), scratch // the closing handshake of these is not over
}

// awaitAcks waits until the last relays of this gateway are acknowledged, and acknowledges
// those that it has received.
func (d *Drain) awaitAcks(window context.Context) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !d.Links.Idle() {
		select {
		case <-tick.C:
		case <-window.Done():
			d.Logger.Warn("drain window is over before all relays were acknowledged")
			return
		}
	}
	d.Links.AckAll()
}

// done reports whether no peer is left here. Without another gateway it is
// enough that all connections are closed.
func (d *Drain) done(lonely bool) bool {
	if d.Conns.Len() > 0 || d.Requests.Len() > 0 {
		return false // pending requests of peers are finished here
	}
	if lonely && d.Liveness.Alone() {
		return true
	}
	return !d.Sessions.Any()
}
