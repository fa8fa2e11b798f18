package gateway

import (
	"context"
	"testing"
)

// TestOutagesGiveWay: however often the connection breaks, only the last times are
// told of.
func TestOutagesGiveWay(t *testing.T) {
	var outages outages
	var all []context.Context
	for range maxOutages + 3 {
		ctx, cancel := outages.begin(t.Context())
		defer cancel()
		all = append(all, ctx)
	}
	for i, ctx := range all {
		if over := ctx.Err() != nil; over != (i < 3) {
			t.Errorf("outage %d of %d is over: %v", i, len(all), over)
		}
	}
}
