package gateway

import (
	"testing"

	"p2pconnector/gateway/internal/session"
	"p2pconnector/proto"
)

// TestSendToPeer_NotTaken_IsCounted: an error frame that cannot be delivered to the sender
// is dropped, and the metrics count it.
func TestSendToPeer_NotTaken_IsCounted(t *testing.T) {
	for _, x := range []struct {
		name string
		over bool
		kept int // frames that wait for the sender
		want uint64
	}{
		{"away", false, 0, 0},
		{"away, and its replay buffer is full", false, proto.DefaultReplayFrames, 1},
		{"over", true, 0, 1},
	} {
		t.Run(x.name, func(t *testing.T) {
			g := testGateway(t, Config{})
			c := &session.Conn{Client: mute{}}
			start(g, c, "")
			s := c.Session
			end(c, x.over)
			for range x.kept {
				s.Deliver([]byte("x"))
			}
			g.links.ReportUndelivered(proto.NewPeerID(g.cfg.ID), [][]byte{frameFrom(s.ID(), 100)})
			if n := g.metrics.Relays.Unreported.Load(); n != x.want {
				t.Errorf("errors that were dropped: got %d, want %d", n, x.want)
			}
		})
	}
}
