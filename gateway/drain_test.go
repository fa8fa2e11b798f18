package gateway

import (
	"testing"
	"time"

	"p2pconnector/gateway/internal/socket/sockettest"
	"p2pconnector/proto"
)

// A drain closes the connections whose time has come, in order, and no more than may move
// at once.
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
		left int
	}{
		"none is due":         {-1, 5, 5},
		"three are due":       {2 * time.Second, 5, 2},
		"two may move":        {4 * time.Second, 2, 3},
		"too many are moving": {4 * time.Second, -1, 5},
	} {
		t.Run(name, func(t *testing.T) {
			before := closings()
			left := closeDue(before, c.now, c.most)
			if len(left) != c.left {
				t.Errorf("connections left: got %d, want %d", len(left), c.left)
			}
			for i, x := range before {
				want := proto.CloseGoingAway
				if i >= len(before)-c.left {
					want = 0
				}
				if got := x.c.Socket.CloseCode(); got != want {
					t.Errorf("connection %d: got close code %d, want %d", i, got, want)
				}
			}
		})
	}
}

// However slowly peers move, the others are closed in equal parts, and all in time.
func TestPaceOf_NobodyMoves_SpreadsWhatIsLeft(t *testing.T) {
	const within = 20 * time.Second
	left, most := 100_000, 0
	for at := time.Duration(0); at < within; at += drainTick {
		n := paceOf(left, within-at)
		left, most = left-n, max(most, n)
	}
	if left > 0 {
		t.Errorf("connections left after %v: got %d, want 0", within, left)
	}
	if want := 100_000/int(within/drainTick) + 1; most > want {
		t.Errorf("closed in one tick: got %d, want at most %d", most, want)
	}
	if n := paceOf(7, -time.Second); n != 7 {
		t.Errorf("after the end: got %d, want all 7", n)
	}
}
