package directory

import (
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/proto"
)

// A suspicion lasts until a comparison began after all takes of its time must have ended.
func TestSuspicion_ComparedTooEarly_Lasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := NewSuspicion()
		if x.Raised() || x.Compared(clock.Now()) != CompareInterval {
			t.Error("at first: got it raised, want not")
		}
		x.Raise()
		x.Raise() // does not wait for the comparison
		select {
		case <-x.Soon():
		default:
			t.Error("raised: got no comparison soon, want one")
		}
		if again := x.Compared(clock.Now()); !x.Raised() || again != proto.RequestDeadline {
			t.Errorf("compared at once: got raised %v and %v until the next, want %v", x.Raised(), again, proto.RequestDeadline)
		}
		time.Sleep(proto.RequestDeadline - time.Millisecond) // of the bubble's clock
		if again := x.Compared(clock.Now()); !x.Raised() || again != CompareRetry {
			t.Errorf("compared a little too early: got raised %v and %v until the next, want %v", x.Raised(), again, CompareRetry)
		}
		time.Sleep(time.Millisecond)
		if again := x.Compared(clock.Now()); x.Raised() || again != CompareInterval {
			t.Errorf("compared in time: got raised %v and %v until the next, want %v", x.Raised(), again, CompareInterval)
		}
	})
}
