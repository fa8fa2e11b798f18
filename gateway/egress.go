package gateway

import (
	"errors"
	"flag"
	"fmt"

	"p2pconnector/gateway/internal/egress"
)

// minByteRate is the lowest limit on bytes a second. Below it a client could not even receive
// the answers that it needs.
const minByteRate = 1024

// egressFlags binds the limits on bytes to fs. d is c with its defaults.
func (c *Config) egressFlags(fs *flag.FlagSet, d *Config) {
	fs.IntVar(&c.BytesPerSecond, string(egress.Received), d.BytesPerSecond, "`bytes` a second of frames from one client; 4 seconds' worth at once; -1 for no limit")
	fs.IntVar(&c.EgressPerSecond, string(egress.Caused), d.EgressPerSecond, "`bytes` a second that one client makes be sent: its messages to rooms and updates of rooms for each receiver, and lists of members; 4 seconds' worth at once; -1 for no limit")
	fs.IntVar(&c.RoomEgressPerSecond, string(egress.Room), d.RoomEgressPerSecond, "`bytes` a second that the clients of this gateway send to the members of one room; 4 seconds' worth at once; -1 for no limit")
	fs.IntVar(&c.TotalEgressPerSecond, string(egress.Total), d.TotalEgressPerSecond, "`bytes` a second that all clients of this gateway make be sent; 4 seconds' worth at once; -1 for no limit")
}

// checkEgress returns an error for each limit on bytes that cannot work.
func (c *Config) checkEgress() error {
	var errs []error
	for _, x := range []struct {
		name egress.LimitName
		rate int
	}{
		{egress.Received, c.BytesPerSecond}, {egress.Caused, c.EgressPerSecond},
		{egress.Room, c.RoomEgressPerSecond}, {egress.Total, c.TotalEgressPerSecond},
	} {
		if x.rate > 0 && x.rate < minByteRate {
			errs = append(errs, fmt.Errorf("%s: %d is less than %d; give -1 for no limit", x.name, x.rate, minByteRate))
		}
	}
	return errors.Join(errs...)
}

// newBudgets makes the budgets of bytes that the clients of g share.
func newBudgets(g *Gateway) *egress.Budgets {
	return egress.New(egress.Config{
		Received: g.cfg.BytesPerSecond, Caused: g.cfg.EgressPerSecond, Room: g.cfg.RoomEgressPerSecond, Total: g.cfg.TotalEgressPerSecond,
		Clock: &g.coarse, Refused: g.metrics.Frames.Limited.Inc,
	})
}
