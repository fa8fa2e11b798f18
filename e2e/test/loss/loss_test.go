package loss

import (
	"flag"
	"testing"
	"time"

	"p2pconnector/e2e/kit"
)

var (
	pairsFlag    = flag.Int("loss.pairs", 100, "`pairs` of clients")
	rateFlag     = flag.Int("loss.rate", 500, "`frames` a second of all pairs, for TestLoss_Flags_EveryFrameIsAccountedFor")
	durationFlag = flag.Duration("loss.duration", 3*time.Second, "`time` in which frames are sent")
	sizeFlag     = flag.Int("loss.size", 300, "`bytes` of a frame")
	movedFlag    = flag.String("loss.moved", fresh, "`where` receivers are: fresh on the second gateway, other: moved there from the senders' gateway, third: moved from the second to a third")
	faultFlag    = flag.String("loss.fault", none, "`fault`: none, freeze or kill (NATS), drain, kill-gateway or freeze-gateway (the receivers' gateway)")
	lastsFlag    = flag.Duration("loss.lasts", 0, "`time` that a fault lasts; 0 is 6 s for freeze, 1.8 s for freeze-gateway, else 2 s")
	everyFlag    = flag.Duration("loss.every", 0, "`time` from one fault to the next; 0 for a single one")
)

func TestMain(m *testing.M) { kit.Main(m) }

// TestLoss_Flags_EveryFrameIsAccountedFor runs the row given by the flags.
func TestLoss_Flags_EveryFrameIsAccountedFor(t *testing.T) {
	r := row{
		pairs: *pairsFlag, rate: *rateFlag, duration: *durationFlag, size: *sizeFlag,
		moved: *movedFlag, fault: *faultFlag, lasts: *lastsFlag, every: *everyFlag,
	}
	if r.lasts == 0 {
		var known bool
		if r.lasts, known = lasting[r.fault]; !known {
			t.Fatalf("-loss.fault: got %q, want one of %v", r.fault, lasting)
		}
	}
	check(t, r)
}

// short returns a row of the normal suite.
func short(fault, moved string, lasts time.Duration) row {
	return row{pairs: 20, rate: 1000, duration: lead + lasts + 2*time.Second, size: 300, moved: moved, fault: fault, lasts: lasts}
}

func TestLoss_NoFault_DeliversEachFrameOnceInOrder(t *testing.T) {
	for _, moved := range []string{fresh, other, third} {
		t.Run(moved, func(t *testing.T) {
			r := short(none, moved, 0)
			c := run(t, r)
			for _, v := range c.violations(true) {
				t.Error(v)
			}
			if c.delivered != c.sent {
				t.Errorf("delivered: got %d, want all %d", c.delivered, c.sent)
			}
		})
	}
}

// Receivers whose gateway drains or is killed resume on another one, and every frame to
// them has an outcome.
func TestLoss_GatewayEnds_EachFrameIsDeliveredOrReportedOnce(t *testing.T) {
	for _, fault := range []string{drain, killGateway} {
		for _, moved := range []string{fresh, third} {
			t.Run(fault+" "+moved, func(t *testing.T) { check(t, short(fault, moved, lasting[fault])) })
		}
	}
}
