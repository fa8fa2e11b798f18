package gateway

import (
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/directory"
)

// suspect records that other gateways may have considered this one dead, and given away its
// sessions and its clients' names.
func (g *Gateway) suspect() {
	g.suspicion.Raise()
	g.nameSuspicion.Raise()
}

// compareNames compares the names of the clients of dialects with their directory, on
// suspicion, and returns the time until the next comparison. It has a loop of its own: each
// client is a request, and a slow directory of names must not delay sessions.
func (g *Gateway) compareNames() time.Duration {
	if !g.nameSuspicion.Raised() {
		return directory.CompareInterval
	}
	began := clock.Now()
	if !g.conns.Verify(g.bg.Ended()) {
		g.log.Warn("names: not compared with the directory")
		return directory.CompareRetry
	}
	return g.nameSuspicion.Compared(began)
}
