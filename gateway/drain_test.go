package gateway

import (
	"testing"
	"time"

	"p2pconnector/gateway/internal/socket/sockettest"
	"p2pconnector/proto"
)

// A drain closes the connections whose time has come, in order, and no more than may move
// at once. Near the end of the window it closes all.
func TestCloseDue_ManyAreDue_ClosesAsManyAsMayMove(t *testing.T) {
	g := testGateway(t, Config{})
	closings := func() (all []closing) {
		for i := range 5 {
			all = append(all, closing{newTestConn(g, sockettest.NewNet(false)), time.Duration(i) * time.Second})
		}
		return all
	}
	for name, c := range map[string]struct {
		now  time.Duration
		most int
		all  bool
		left int
	}{
		"none is due":          {-1, 5, false, 5},
		"three are due":        {2 * time.Second, 5, false, 2},
		"two may move":         {4 * time.Second, 2, false, 3},
		"too many are moving":  {4 * time.Second, -1, false, 5},
		"the window ends soon": {4 * time.Second, -1, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			before := closings()
			left := closeDue(before, c.now, c.most, c.all)
			if len(left) != c.left {
				t.Errorf("connections left: got %d, want %d", len(left), c.left)
			}
			for i, x := range before {
				want := proto.CloseGoingAway
				if i >= len(before)-c.left {
					want = 0
				}
				if got := x.c.ws.CloseCode(); got != want {
					t.Errorf("connection %d: got close code %d, want %d", i, got, want)
				}
			}
		})
	}
}
