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
	var ends []func()
	for range maxOutages + 3 {
		ctx, end := outages.begin(t.Context())
		all, ends = append(all, ctx), append(ends, end)
	}
	for i, ctx := range all {
		if over := ctx.Err() != nil; over != (i < 3) {
			t.Errorf("outage %d of %d is over: %v", i, len(all), over)
		}
	}
	if n := outages.len(); n != maxOutages {
		t.Errorf("%d outages are being told of, want %d", n, maxOutages)
	}
	for _, end := range ends {
		end()
	}
	if n := outages.len(); n != 0 {
		t.Errorf("%d outages are being told of in the end", n)
	}
}
