package gateway

import (
	"time"

	"p2pconnector/gateway/internal/auth"
	"p2pconnector/proto/bus"
)

// sessionKeys returns the configuration of the keys that sign session tokens.
func (g *Gateway) sessionKeys() auth.SessionKeysConfig {
	return auth.SessionKeysConfig{
		Secrets: g.cfg.SessionKey, Fetch: g.fetchKeys, Go: g.bg.Go, Count: g.metrics.Sessions.KeyFetches.Inc, Logger: g.log,
	}
}

// fetchKeys asks the room service for the keys that all gateways share.
func (g *Gateway) fetchKeys(have *bus.KeySet) (*bus.KeySet, error) {
	reply, err := g.requests.Ask(bus.OpKeys, &bus.Request{Gateway: g.cfg.ID, Keys: have})
	if err != nil {
		return nil, err
	}
	return reply.Keys, nil
}

// keysLoop follows the rotation of shared keys, and restores them at the room service
// when it may have lost them.
func (g *Gateway) keysLoop(done <-chan struct{}) {
	if g.cfg.SessionKey != "" {
		return
	}
	repeat(done, g.keysNow, auth.KeyPoll, func() time.Duration {
		g.keys.Refresh()
		return auth.KeyPoll
	})
}
