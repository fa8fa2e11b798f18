package gateway

import (
	"net/netip"
	"testing"

	"p2pconnector/proto"
)

// TestSendToPeer_NotTaken_IsCounted: an error frame that cannot be delivered to the sender
// is dropped, and the metrics count it.
func TestSendToPeer_NotTaken_IsCounted(t *testing.T) {
	for _, x := range []struct {
		name  string
		phase phase
		kept  int // frames that wait for the sender
		want  uint64
	}{
		{"away", away, 0, 0},
		{"away, and its replay buffer is full", away, proto.ReplayFrames, 1},
		{"over", over, 0, 1},
	} {
		t.Run(x.name, func(t *testing.T) {
			g := testGateway(t, Config{})
			s := newSession(g, netip.Addr{}, "")
			s.phase = x.phase
			for range x.kept {
				s.kept.Add(g.buffers, []byte("x"))
			}
			g.sessions.put(s)
			g.sendToPeer(s.id, []byte("error"))
			if n := g.metrics.Relays.Unreported.Load(); n != x.want {
				t.Errorf("errors that were dropped: got %d, want %d", n, x.want)
			}
		})
	}
}
