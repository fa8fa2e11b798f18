package loss

import "testing"

// NATS stops or ends for a while under a small load. Flags start longer runs.
func TestLoss_NATSFails_EachFrameIsDeliveredOrReportedOnce(t *testing.T) {
	for _, f := range []struct {
		fault string
		rate  int
	}{
		{freeze, 4000}, // more frames wait than any record of relays in flight holds
		{kill, 2000},
	} {
		for _, moved := range []string{fresh, other, third} {
			t.Run(f.fault+" "+moved, func(t *testing.T) {
				r := short(f.fault, moved, lasting[f.fault])
				r.rate = f.rate
				check(t, r)
			})
		}
	}
}

// The sender repeats a frame that was refused with Unavailable: no gateway reports it
// again.
func TestLoss_RefusedWithUnavailable_IsNotReportedAgain(t *testing.T) {
	c := run(t, short(kill, fresh, lasting[kill]))
	if c.refusedAgain > 0 {
		t.Errorf("frames refused with Unavailable and reported again: got %d of %d, want 0", c.refusedAgain, c.sent)
	}
}
