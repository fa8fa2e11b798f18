// Package registry lists the dialects that a gateway speaks, and makes them. Package
// dialect documents what a dialect is.
package registry

import (
	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/config"
	"p2pconnector/gateway/internal/dialect"
	"p2pconnector/gateway/internal/dialect/nostr"
	"p2pconnector/gateway/internal/dialect/peerjs"
	"p2pconnector/gateway/internal/dialect/webtorrent"
	"p2pconnector/gateway/internal/dialect/wsrelay"
	"p2pconnector/gateway/internal/dialect/yjs"
	"p2pconnector/gateway/internal/metrics"
	"p2pconnector/gateway/internal/names"
	"p2pconnector/gateway/internal/natsbus"
	"p2pconnector/gateway/internal/relay"
	"p2pconnector/gateway/internal/topic"
	"p2pconnector/proto"
)

// Config says what the dialects work with. Every field is required.
type Config struct {
	Own      proto.GatewayID
	Settings *config.Config // with its defaults; Logger too
	Counts   *metrics.Dialects
	Clock    *clock.AtomicInstant
	Liveness *natsbus.Liveness
	Requests *natsbus.Requests
	Links    *relay.Links
	Topics   *topic.Table
	Draining func() bool
	Ended    <-chan struct{} // closed when the gateway ends
}

// Registry has the dialects that the settings switch on. Safe for concurrent use.
type Registry struct {
	cfg        Config
	all        []dialect.Dialect
	peerjs     *peerjs.Dialect     // nil: it is off
	webtorrent *webtorrent.Dialect // nil: it is off
	names      []*names.Client     // one for each namespace
}

// New makes the dialects. A new one is registered here.
func New(cfg Config) *Registry {
	r := &Registry{cfg: cfg}
	s := cfg.Settings
	if !s.PeerJSOff {
		r.peerjs = peerjs.New(peerjs.Config{
			Key: s.PeerJSKey, Expire: s.PeerJSExpire, Discovery: s.PeerJSDiscovery, WaitBytes: s.PeerJSWaitBytes, Lookups: s.NameLookupsPerSecond, Names: r.newNames(peerjs.Name),
			Clock: cfg.Clock, Count: cfg.Counts.PeerJS.Inc,
		})
		r.all = append(r.all, r.peerjs)
	}
	if !s.WebTorrentOff {
		r.webtorrent = webtorrent.New(webtorrent.Config{
			Own: cfg.Own, Interval: s.WebTorrentInterval, MaxPeers: s.WebTorrentMaxPeers, MaxMembers: s.WebTorrentMaxTotal, MaxSwarms: s.WebTorrentMaxSwarms, Rate: s.WebTorrentRate,
			Gateways: func() []proto.GatewayID { return cfg.Liveness.Trackers(r.Tracks()) }, Alive: cfg.Liveness.Alive,
			Relay: func(from, to proto.PeerID, frame []byte) { cfg.Links.SendAlone(from, to, frame) }, Clock: cfg.Clock, Count: cfg.Counts.WebTorrent.Inc,
		})
		r.all = append(r.all, r.webtorrent)
	}
	if !s.YjsOff {
		r.all = append(r.all, yjs.New(cfg.Topics))
	}
	if !s.NostrOff {
		r.all = append(r.all, nostr.New(cfg.Topics, s.NostrMaxSubs))
	}
	if !s.WSRelayOff {
		r.all = append(r.all, wsrelay.New(cfg.Topics))
	}
	return r
}

// newNames returns a client of the directory of names.
func (r *Registry) newNames(namespace string) *names.Client {
	c := names.New(names.Config{
		Namespace: namespace, Own: r.cfg.Own, Requests: r.cfg.Settings.MaxNameLookups, Known: r.cfg.Settings.MaxKnownNames, Ask: r.cfg.Requests.AskNames, Alive: r.cfg.Liveness.Alive,
		Await: func(id proto.GatewayID) { r.cfg.Liveness.Await(id, r.cfg.Ended) },
		Clock: r.cfg.Clock, Count: r.cfg.Counts.Names.Inc, Logger: r.cfg.Settings.Logger,
	})
	r.names = append(r.names, c)
	return c
}

// All returns the dialects, in the order in which they are asked for a request.
func (r *Registry) All() []dialect.Dialect { return r.all }

// Tracks reports whether this gateway may be the home of swarms.
func (r *Registry) Tracks() bool { return r.webtorrent != nil && !r.cfg.Draining() }

// Serve handles a frame that is for this gateway itself, by a peer id that no client has. It
// returns false when there is no such peer id.
func (r *Registry) Serve(to proto.PeerID, frame []byte) bool {
	return r.webtorrent != nil && r.webtorrent.Serve(to, frame)
}

// Appeared makes the dialects take notice of a gateway that has just appeared.
func (r *Registry) Appeared() {
	if r.webtorrent != nil {
		r.webtorrent.Appeared()
	}
}

// Tick does the periodic work of the dialects. It is called once a second, by one goroutine
// at a time.
func (r *Registry) Tick() {
	if r.webtorrent != nil {
		r.webtorrent.Tick()
	}
}

// Count adds what the dialects and the topics of their clients hold to a snapshot.
func (r *Registry) Count(now *metrics.Snapshot) {
	now.Topics = r.cfg.Topics.Counts()
	for _, c := range r.names {
		now.NamesKnown += c.Len()
	}
	if r.peerjs != nil {
		now.PeerJSWaiting, now.PeerJSWaitingBytes = r.peerjs.Waiting()
	}
	if r.webtorrent != nil {
		now.Swarms, now.SwarmMembers = r.webtorrent.Swarms()
	}
}
