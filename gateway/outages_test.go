package gateway

import (
	"context"
	"slices"
	"testing"
	"time"

	"p2pconnector/proto"
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

// TestHeldForOthers: the senders to a peer that was handed on right after an outage,
// before anybody was told of it, are told too.
func TestHeldForOthers(t *testing.T) {
	const other = "0a1b2c3d"
	g := testGateway(t, Config{})
	outage := time.Unix(0, fixedClock())
	put := func(home proto.GatewayID, phase phase, since time.Duration) proto.PeerID {
		s := &session{g: g, id: proto.NewPeerID(home), bus: true, phase: phase, since: outage.Add(since)}
		g.sessions.put(s)
		return s.id
	}
	want := []proto.PeerID{
		put(other, attached, 0), put(other, away, -time.Second), put(other, moved, 0), put(other, moved, time.Second),
	}
	put(other, moved, -time.Millisecond)
	put(other, over, time.Second)
	put(g.id, attached, 0)
	put(g.id, moved, time.Second)
	got := g.heldForOthers(outage)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("held for others: %v, want %v", got, want)
	}
}
