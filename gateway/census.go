package gateway

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"p2pconnector/proto"
)

// census asks every gateway for the number of its newest relay. What has a greater
// number was sent later than the question. Those who ask at the same time share the
// answers. Safe for concurrent use.
type census struct {
	mu   sync.Mutex
	busy bool
	next *count // the one that begins when the present one ends
}

// count is one round of questions.
type count struct {
	done   chan struct{}
	newest map[proto.GatewayID]uint64 // by gateway; set when done
}

// take returns the newest numbers, each drawn after the call and before the return.
// A gateway that does not answer within handoverTimeout is not in it.
func (c *census) take(g *Gateway) map[proto.GatewayID]uint64 {
	c.mu.Lock()
	if c.next == nil {
		c.next = &count{done: make(chan struct{})}
	}
	mine := c.next
	if !c.busy {
		c.busy = true
		g.background(func() { c.run(g) }, func() {
			close(mine.done) // without answers: the gateway is ending
			c.next, c.busy = nil, false
		})
	}
	c.mu.Unlock()
	<-mine.done
	return mine.newest
}

// run takes one round after the other, as long as somebody waits.
func (c *census) run(g *Gateway) {
	for {
		c.mu.Lock()
		now := c.next
		c.next, c.busy = nil, now != nil
		c.mu.Unlock()
		if now == nil {
			return
		}
		now.newest = g.askNewest()
		close(now.done)
	}
}

func (g *Gateway) askNewest() map[proto.GatewayID]uint64 {
	ctx, cancel := context.WithTimeout(g.alive, handoverTimeout)
	defer cancel()
	var mu sync.Mutex
	all := map[proto.GatewayID]uint64{g.id: g.out.newest()}
	var wg sync.WaitGroup
	for _, to := range g.leases.living(g.id, time.Now()) {
		wg.Go(func() {
			if h, err := g.fence(ctx, to); err == nil {
				mu.Lock()
				defer mu.Unlock()
				all[to] = h.Newest
			}
		})
	}
	wg.Wait()
	return all
}

// fence asks a gateway for an answer, which runs behind all that it has said to this
// one and comes when it has handled what this one had said to it.
func (g *Gateway) fence(ctx context.Context, to proto.GatewayID) (*proto.Handover, error) {
	nobody := proto.NewPeerID(g.id)
	subject, err := proto.SessionSubject(to, nobody)
	if err != nil {
		return nil, err
	}
	m, err := g.nc.RequestWithContext(ctx, subject, marshal(proto.Takeover{Peer: nobody, Gateway: g.id, Fence: true}))
	if err != nil {
		return nil, err
	}
	h := new(proto.Handover)
	return h, json.Unmarshal(m.Data, h)
}
