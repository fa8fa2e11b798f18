package gateway

import (
	"context"
	"sync"
	"time"

	"p2pconnector/proto"
)

// silenceLong is for how long a gateway that lives, however loaded, is not silent.
const silenceLong = 4 * time.Second

// silences are the times in which this gateway heard another one no more, though it
// listened: that one hung, or the NATS servers of the two had lost each other. What
// that one sent meanwhile to peers that this gateway holds for others may be lost, and
// no link shows it; what the two said of other losses may be too. Safe for concurrent
// use.
type silences struct {
	mu   sync.Mutex
	told map[proto.GatewayID]*silence // those that are being told; no more than there are leases
}

type silence struct {
	doubt
	more bool // there was another one since it was told last
}

// begin is false when the other gateway is being told already.
func (t *silences) begin(other proto.GatewayID, d doubt) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.told[other]; s != nil {
		s.until, s.more = d.until, true
		return false
	}
	if t.told == nil {
		t.told = make(map[proto.GatewayID]*silence)
	}
	t.told[other] = &silence{doubt: d}
	return true
}

// next returns of which time the other gateway is to be told.
func (t *silences) next(other proto.GatewayID) doubt {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.told[other]
	s.more = false
	return s.doubt
}

// heard is false when there was another silence, of which it is to be told again.
func (t *silences) heard(other proto.GatewayID) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.told[other].more
}

func (t *silences) end(other proto.GatewayID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.told, other)
}

func (t *silences) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.told)
}

// heardAgain tells a gateway that was silent between two times what may be lost, until
// it has heard that.
func (g *Gateway) heardAgain(other proto.GatewayID, since, until time.Time) {
	if other == g.id {
		return // its own connection was away, or its server hung: outages tells of that
	}
	if !g.silences.begin(other, doubt{since.Add(-pulseMargin).UnixNano(), until.Add(pulseMargin).UnixNano()}) {
		return
	}
	g.background(func() {
		defer g.silences.end(other)
		ctx, done := context.WithTimeout(g.alive, outagePatience)
		defer done()
		for ctx.Err() == nil {
			d := g.silences.next(other)
			if g.tellOutageTo(ctx, other, d, g.heldForOthers(time.Unix(0, d.from))) && g.silences.heard(other) {
				return
			}
			pause(ctx, time.Second)
		}
	}, func() { g.silences.end(other) })
}
