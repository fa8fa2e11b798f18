package gateway

import (
	"p2pconnector/gateway/internal/dialect"
	"p2pconnector/gateway/internal/dialect/nostr"
	"p2pconnector/gateway/internal/dialect/peerjs"
	"p2pconnector/gateway/internal/dialect/webtorrent"
	"p2pconnector/gateway/internal/dialect/wsrelay"
	"p2pconnector/gateway/internal/dialect/yjs"
	"p2pconnector/gateway/internal/names"
	"p2pconnector/proto"
)

// newDialects returns the client protocols that the gateway speaks besides its own. A new
// one is registered here.
func (g *Gateway) newDialects() (all []dialect.Dialect) {
	if !g.cfg.PeerJSOff {
		g.peerjs = peerjs.New(peerjs.Config{
			Key: g.cfg.PeerJSKey, Expire: g.cfg.PeerJSExpire, Discovery: g.cfg.PeerJSDiscovery, Names: g.newNames(peerjs.Name),
			Clock: &g.coarse, Count: g.metrics.Dialects.PeerJS.Inc,
		})
		all = append(all, g.peerjs)
	}
	if !g.cfg.WebTorrentOff {
		g.webtorrent = webtorrent.New(webtorrent.Config{
			Own: g.id, Interval: g.cfg.WebTorrentInterval, MaxPeers: g.cfg.WebTorrentMaxPeers, Rate: g.cfg.WebTorrentRate,
			Gateways: func() []proto.GatewayID { return g.liveness.Trackers(g.tracks()) }, Alive: g.liveness.Alive,
			Relay: func(from, to proto.PeerID, frame []byte) { g.links.SendAlone(from, to, frame) }, Clock: &g.coarse, Count: g.metrics.Dialects.WebTorrent.Inc,
		})
		all = append(all, g.webtorrent)
	}
	if !g.cfg.YjsOff {
		all = append(all, yjs.New(g.topics))
	}
	if !g.cfg.NostrOff {
		all = append(all, nostr.New(g.topics))
	}
	if !g.cfg.WSRelayOff {
		all = append(all, wsrelay.New(g.topics))
	}
	return all
}

// newNames returns a client of the directory of names.
func (g *Gateway) newNames(namespace string) *names.Client {
	c := names.New(names.Config{
		Namespace: namespace, Own: g.id, Ask: g.requests.AskNames, Alive: g.liveness.Alive,
		Await: func(id proto.GatewayID) { g.liveness.Await(id, g.alive.Done()) },
		Clock: &g.coarse, Count: g.metrics.Dialects.Names.Inc, Logger: g.log,
	})
	g.names = append(g.names, c)
	return c
}

// tracks reports whether this gateway may be the home of swarms.
func (g *Gateway) tracks() bool { return g.webtorrent != nil && !g.draining.Load() }

// serveDialect handles a frame that is for this gateway itself, by a peer id that no client
// has. It returns false when there is no such peer id.
func (g *Gateway) serveDialect(to proto.PeerID, frame []byte) bool {
	return g.webtorrent != nil && g.webtorrent.Serve(to, frame)
}
