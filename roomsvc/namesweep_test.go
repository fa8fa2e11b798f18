package roomsvc

import (
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/proto"
)

// The names of a dead gateway's peers are given back after the grace, and no others.
func TestNames_GatewayDies_AreSwept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t)
		y.named["n.YQ"], y.named["n.Yg"] = ann, ben
		y.live(5*time.Second, gwA, gwB)
		y.live(proto.SessionGrace-time.Second, gwB)
		y.mu.Lock()
		if len(y.named) != 2 {
			t.Errorf("within the grace: got %v, want both names", y.named)
		}
		y.mu.Unlock()
		y.live(25*time.Second, gwB)
		y.mu.Lock()
		defer y.mu.Unlock()
		if len(y.named) != 1 || y.named["n.Yg"] != ben {
			t.Errorf("after the grace: got %v, want only that of the gateway that is alive", y.named)
		}
	})
}
