package drain

import (
	"slices"
	"testing"
	"time"
)

// A drain closes the connections whose time has come, in order, and no more than may move
// at once.
func TestCloseDue_ManyAreDue_ClosesAsManyAsMayMove(t *testing.T) {
	closings := func(closed *[]int) (all []closing) {
		for i := range 5 {
			all = append(all, closing{func() { *closed = append(*closed, i) }, time.Duration(i) * time.Second})
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
			var closed []int
			left := closeDue(closings(&closed), c.now, c.most)
			if len(left) != c.left {
				t.Errorf("connections left: got %d, want %d", len(left), c.left)
			}
			if want := []int{0, 1, 2, 3, 4}[:5-c.left]; !slices.Equal(closed, want) {
				t.Errorf("closed: got %v, want %v", closed, want)
			}
		})
	}
}

// TestMayClose_AsManyMoveAsMay_ClosesNoMoreThanThePace: 256 peers move at a time.
func TestMayClose_AsManyMoveAsMay_ClosesNoMoreThanThePace(t *testing.T) {
	for moving, want := range map[int]int{0: 256, 254: 2, 255: 1, 256: 1, 1000: 1} { // the pace is 1
		if got := mayClose(moving, 10, time.Minute); got != want {
			t.Errorf("%d peers move: got %d more to close, want %d", moving, got, want)
		}
	}
	if got := mayClose(256, 2000, 10*drainTick); got != 200 {
		t.Errorf("time is short: got %d to close, want 200", got)
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
