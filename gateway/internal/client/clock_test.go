package client

import (
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/ratelimit"
	"p2pconnector/gateway/internal/socket/sockettest"
	"p2pconnector/proto"
)

// TestWallClock_SetBackAndForward_ConnectionsStay: setting the time of day does not affect
// a connection that answers every ping, sends now and then and holds an access token. Only
// the token's expiry follows the time of day.
func TestWallClock_SetBackAndForward_ConnectionsStay(t *testing.T) {
	for _, step := range []time.Duration{-7 * time.Second, -time.Minute, -24 * time.Hour, 40 * time.Second, time.Hour} {
		t.Run(step.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				raw := sockettest.NewNet(false)
				g := testGateway(t, config{})
				var set time.Duration
				g.Frames.Wall = func() time.Time { return time.Now().Add(set) }
				c := serveTest(t, g, raw)
				c.Access.Store(&auth.Access{Expires: time.Now().Add(2 * time.Hour)})
				answered, refused := 0, 0
				sweepFor(c, raw, 3*time.Minute, func() {
					if answered == 3 {
						set = step
					}
					if wait, _ := c.frameRate.Take(g.Clock.Load(), ratelimit.Limit{PerSecond: 10, Burst: 20}); wait > 0 {
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
				c.Access.Store(&auth.Access{Expires: time.Now().Add(time.Minute + set)})
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
