package gateway

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/iceprovider"
)

// newICE makes what lists ICE servers for clients, and what asks a provider for them.
func (g *Gateway) newICE() (err error) {
	if g.ice, err = auth.NewICE(g.cfg.ICE()); err != nil || g.cfg.ICEServersURL == "" {
		return err
	}
	cfg := g.cfg.ICEProvider()
	cfg.Fetched, cfg.Count, cfg.Logger = g.iceFetched, g.metrics.ICEFetches.Inc, g.log
	g.iceProvider = iceprovider.New(cfg)
	return nil
}

// iceFetched takes the provider's list for clients.
func (g *Gateway) iceFetched(servers []json.RawMessage) {
	g.ice.SetProvided(servers)
	select {
	case g.iceChanged <- struct{}{}:
	default: // the loop has not seen the last change yet
	}
}

// iceLoop sends all clients new credentials before the old ones expire, until done is closed:
// whenever the provider has given some, and at half the life of those that the gateway makes.
func (g *Gateway) iceLoop(done <-chan struct{}) {
	var fetching sync.WaitGroup
	defer fetching.Wait()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if g.iceProvider != nil {
		fetching.Go(func() { g.iceProvider.Run(ctx) })
	}
	every := g.ice.HalfLife()
	clock.Repeat(done, g.iceChanged, every, func() time.Duration {
		g.sessions.PushICEServers(done)
		return every
	})
}
