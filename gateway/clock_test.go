package gateway

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/ratelimit"
	"p2pconnector/gateway/internal/socket/sockettest"
	"p2pconnector/proto"
)

// TestWallClock_SetBackAndForward_ConnectionsStay: a connection that answers every ping,
// sends now and then and holds an access token notices nothing of a time of day that is
// set; only the token is measured by it.
func TestWallClock_SetBackAndForward_ConnectionsStay(t *testing.T) {
	for _, step := range []time.Duration{-7 * time.Second, -time.Minute, -24 * time.Hour, 40 * time.Second, time.Hour} {
		t.Run(step.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				raw := sockettest.NewNet(false)
				g := testGateway(t, Config{})
				var set time.Duration
				g.wall = func() time.Time { return time.Now().Add(set) }
				c := serveTest(t, g, raw)
				c.access.Store(&auth.Access{Expires: time.Now().Add(2 * time.Hour)})
				answered, refused := 0, 0
				sweepFor(c, raw, 3*time.Minute, func() {
					if answered == 3 {
						set = step
					}
					if wait, _ := c.frameRate.Take(g.coarse.Load(), ratelimit.Limit{PerSecond: 10, Burst: 20}); wait > 0 {
						refused++
					}
					ops, payloads := raw.Frames()
					for ; answered < len(ops); answered++ {
						if ops[answered] == sockettest.Ping {
							raw.Receive(sockettest.ClientFrame(sockettest.ClientPong, []byte(payloads[answered])))
						}
					}
				})
				if raw.Closed() || raw.CloseCode() != sockettest.NoClose {
					t.Errorf("got close code %d, network closed: %v; want it open", raw.CloseCode(), raw.Closed())
				}
				if answered < 6 || refused > 0 {
					t.Errorf("got %d pings and %d refused frames, want 6 or more and none", answered, refused)
				}
				c.access.Store(&auth.Access{Expires: time.Now().Add(time.Minute + set)})
				alive := func() { raw.Receive(sockettest.ClientFrame(sockettest.ClientPong, nil)) }
				sweepFor(c, raw, 50*time.Second, alive)
				if raw.CloseCode() != sockettest.NoClose {
					t.Errorf("before the token expires: got close code %d, want it open", raw.CloseCode())
				}
				sweepFor(c, raw, 20*time.Second, alive)
				raw.Close()
				if raw.CloseCode() != int(proto.CloseToken) {
					t.Errorf("after the token expired by the time of day: got close code %d, want %d", raw.CloseCode(), proto.CloseToken)
				}
			})
		})
	}
}

// The active clock stands still while messages do not reach the gateway, although the
// connection is up: a NATS server that hangs must not make every other gateway look dead.
func TestActiveClock_OwnLeaseDoesNotComeBack_StandsStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := testGateway(t, Config{})
		g.natsUp.Store(true)
		pass := func(d time.Duration) time.Duration {
			before := g.active.Now()
			for range d / clockTick {
				time.Sleep(clockTick) // of the bubble's clock
				g.active.Tick(clock.Now(), g.receives(clock.Now()))
			}
			return g.active.Now() - before
		}
		own := &nats.Msg{Subject: g.leaseSubject, Data: marshal(proto.Lease{Gateway: g.id})}
		other := proto.NewGatewayID()
		g.receiveLease(own)
		g.leases.renew(other, false)
		if got := pass(time.Second); got < 900*time.Millisecond {
			t.Errorf("while leases come: got %v in 1 s, want it to run", got)
		}
		if got, most := pass(time.Minute), 2*proto.LeaseInterval; got > most {
			t.Errorf("while none come back: got %v in a minute, want at most %v", got, most)
		}
		if !g.leases.live(other) {
			t.Error("got the other gateway dead after a minute in which nothing came, want it alive")
		}
		g.receiveLease(own)
		g.leases.renew(other, false)
		if got := pass(time.Second); got < 900*time.Millisecond {
			t.Errorf("when they come again: got %v in 1 s, want it to run", got)
		}
	})
}
