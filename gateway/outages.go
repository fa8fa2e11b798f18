package gateway

import (
	"context"
	"slices"
	"sync"
	"time"

	"p2pconnector/proto"
)

// Bounds of what is said about peers that are held for other gateways.
const (
	maxGapTold     = 1000 // peers in one message
	maxOutages     = 8    // the last ones, told side by side
	outagePatience = 30 * time.Second
	outageRounds   = 3 // at least: a gateway that has just started is not known before its first lease
)

// outages are the times in which this gateway may have missed what others said: what
// became of its relays, and relays to peers that it holds for others. Those have no
// link that would show which were lost, so the senders are told of all that may be.
// Safe for concurrent use.
type outages struct {
	mu   sync.Mutex
	told []*outage // those that are being told, oldest first
}

type outage struct{ end context.CancelFunc }

// begin returns a context for the telling of one more, and what ends it.
func (t *outages) begin(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithTimeout(parent, outagePatience)
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.told) == maxOutages {
		t.told[0].end()
		t.told = slices.Delete(t.told, 0, 1)
	}
	one := &outage{cancel}
	t.told = append(t.told, one)
	return ctx, func() {
		cancel()
		t.mu.Lock()
		defer t.mu.Unlock()
		if i := slices.Index(t.told, one); i >= 0 {
			t.told = slices.Delete(t.told, i, i+1)
		}
	}
}

func (t *outages) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.told)
}

// tellOutage says to every gateway that lives, until it has heard, that this one
// may have missed what was sent since a time, also to peers of others that it holds.
// It begins when the server has all subscriptions of this gateway, and what
// is said to another runs behind them: whatever that one sends later arrives.
func (g *Gateway) tellOutage(since int64, peers []proto.PeerID) {
	ctx, done := g.outages.begin(g.alive)
	g.background(func() {
		defer done()
		told := make(map[proto.GatewayID]bool)
		var mu sync.Mutex
		for round := 1; ctx.Err() == nil; round++ {
			if err := g.flush(ctx); err == nil {
				var wg sync.WaitGroup
				all := append(g.leases.living(g.id, time.Now()), g.id)
				left := slices.DeleteFunc(all, func(to proto.GatewayID) bool { return told[to] })
				for _, to := range left {
					wg.Go(func() {
						if g.tellOutageTo(ctx, to, doubt{from: since}, peers) {
							mu.Lock()
							defer mu.Unlock()
							told[to] = true
						}
					})
				}
				wg.Wait()
				if round >= outageRounds && !slices.ContainsFunc(left, func(to proto.GatewayID) bool { return !told[to] }) {
					return
				}
			}
			pause(ctx, time.Second)
		}
	}, done)
}

// tellOutageTo reports whether a gateway has heard. What it sends may be lost until now
// when d has no end.
func (g *Gateway) tellOutageTo(ctx context.Context, to proto.GatewayID, d doubt, peers []proto.PeerID) bool {
	for first := true; first || len(peers) > 0; first = false {
		chunk := peers[:min(len(peers), maxGapTold)]
		peers = peers[len(chunk):]
		now := time.Now().UnixNano()
		gap := proto.Gap{Peers: chunk, WithinMS: (now-d.from)/int64(time.Millisecond) + 1}
		if d.until != 0 {
			gap.EndedMS = max(0, (now-d.until)/int64(time.Millisecond))
		}
		asking, cancel := context.WithTimeout(ctx, handoverTimeout)
		_, err := g.nc.RequestWithContext(asking, proto.GapSubject(to, g.id), marshal(gap))
		cancel()
		if err != nil {
			g.log.Debug("outage not told yet", "to", string(to), "err", err)
			return false
		}
	}
	return true
}

// outageOf says to another gateway again what it may not have heard, and tells the
// senders here of the relays that it may have missed.
func (g *Gateway) outageOf(other proto.GatewayID, gap proto.Gap) {
	now := g.coarse.Load()
	d := doubt{now - gap.WithinMS*int64(time.Millisecond), now - gap.EndedMS*int64(time.Millisecond)}
	g.repeat(d.from, other)
	if len(gap.Peers) > 0 {
		g.undeliveredAll(g.out.sentToPeers(gap.Peers, d))
	}
}

func (g *Gateway) undeliveredAll(relays []sentTo, frames [][]byte) {
	for i, s := range relays {
		g.undelivered(s, frames[i])
	}
}

// flush returns when the server has handled what this gateway has sent.
func (g *Gateway) flush(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, handoverTimeout)
	defer cancel()
	return g.nc.FlushWithContext(ctx)
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// sentToPeers settles the relays to peers that a gateway may have missed.
func (o *outbound) sentToPeers(peers []proto.PeerID, d doubt) (relays []sentTo, frames [][]byte) {
	names := make(map[proto.PeerID]bool, len(peers))
	for _, p := range peers {
		names[p] = true
	}
	return o.settleAll(func(s *sentTo) bool { return (s.room == "" || s.hop != "") && names[s.to] && d.holds(s.at) })
}

// sentWithin settles the relays that left within a time.
func (o *outbound) sentWithin(d doubt) (relays []sentTo, frames [][]byte) {
	return o.settleAll(func(s *sentTo) bool { return d.holds(s.at) })
}
