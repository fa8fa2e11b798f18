package gateway

import (
	"time"

	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/dialect"
	"p2pconnector/gateway/internal/dialect/nostr"
	"p2pconnector/gateway/internal/dialect/peerjs"
	"p2pconnector/gateway/internal/dialect/webtorrent"
	"p2pconnector/gateway/internal/dialect/wsrelay"
	"p2pconnector/gateway/internal/dialect/yjs"
	"p2pconnector/gateway/internal/egress"
	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/names"
	"p2pconnector/gateway/internal/session"
	"p2pconnector/gateway/internal/socket"
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
			Own: g.id, Interval: g.cfg.WebTorrentInterval, MaxPeers: g.cfg.WebTorrentMaxPeers,
			Gateways: func() []proto.GatewayID { return g.liveness.Trackers(g.tracks()) }, Alive: g.liveness.Alive,
			Relay: g.relayFrame, Clock: &g.coarse, Count: g.metrics.Dialects.WebTorrent.Inc,
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

// relayFrame sends a dialect's frame to a peer on any gateway, for nobody of this gateway. from
// learns when it does not arrive; "" for nobody.
func (g *Gateway) relayFrame(from, to proto.PeerID, frame []byte) {
	x := link.Frame{From: from, To: to, Data: frame}
	if s := g.sessions.Get(to); s != nil {
		if v, ok := s.TakeDirect(&x); ok {
			v.Count(&g.metrics.Relays)
			return
		}
	}
	if !g.links.bus.Connected() || g.links.send(&x, nil) != "" {
		g.metrics.Relays.Unreported.Inc()
	}
}

// foreign handles a text of a client of a dialect.
func (c *conn) foreign(text []byte) {
	c.g.metrics.Dialects.In.Inc(c.Session.Dialect())
	wait, persistent := c.frameRate.Take(c.g.coarse.Load(), c.g.cfg.frameLimit())
	switch {
	case wait > 0 || c.Budget.Receive(len(text)).Limit != "":
		c.translator.Refuse(text)
		if persistent || c.Budget.Persistent() {
			c.closeFlooding()
		}
	case !c.Access.Load().May(auth.CanMessage, ""):
		c.translator.Refuse(text)
	default:
		c.translator.Decode(text)
	}
}

// enqueueForeign queues what the client gets for a frame, if it gets anything. from is as for
// enqueueFrom.
func (c *conn) enqueueForeign(from proto.PeerID, frame []byte) session.Result {
	text, ok := c.translator.Encode(frame)
	switch {
	case !ok:
		return session.Declined
	case text == nil:
		return session.Delivered
	}
	v := c.send(from, text)
	if v <= session.FlushNeeded {
		c.g.metrics.Dialects.Out.Inc(c.Session.Dialect())
	}
	return v
}

// verifyForeign makes the clients of dialects check what they have in directories. It returns
// false when a directory does not answer.
func (g *Gateway) verifyForeign() bool {
	for _, c := range g.conns.list(nil) {
		if c.translator != nil && !c.translator.Verify() {
			return false
		}
	}
	return true
}

// restore turns the texts that were queued for a client of a dialect, and never written,
// into the frames that they were. What was written counts as confirmed.
func (c *conn) restore(left socket.Remains) socket.Remains {
	var frames []byte
	for text := range socket.Texts(left.Unsent...) {
		if frame := c.translator.Restore(text); frame != nil {
			frames = socket.AppendText(frames, frame)
		}
	}
	return socket.Remains{Unsent: [][]byte{frames}, Sent: left.Sent, Confirmed: left.Sent}
}

// comesBack returns the frame that its sender, a client of a dialect, gets back for an
// undelivered frame; nil when the sender gets an error.
func comesBack(f *link.Frame, code proto.ErrorCode) []byte {
	if f.Room != "" {
		return nil
	}
	return dialect.Returned(f.Data, code != proto.NotFound)
}

// port lets a translator use its connection. It implements dialect.Port.
type port struct{ c *conn }

// Peer implements dialect.Port.
func (p *port) Peer() proto.PeerID { return p.c.Session.ID() }

// Relay implements dialect.Port. A dialect relays to peers that a directory has named, so
// its look-ups of peers are not limited again.
func (p *port) Relay(to proto.PeerID, frame []byte) proto.ErrorCode {
	g := p.c.g
	if code := p.Pay(len(frame)); code != "" {
		return code
	}
	x := link.Frame{From: p.c.Session.ID(), To: to, Epoch: p.c.Epoch, Data: frame}
	if s := g.sessions.Get(to); s != nil {
		if v, ok := s.TakeDirect(&x); ok {
			v.Count(&g.metrics.Relays)
			return v.Code()
		}
	} else if !to.Valid() || to.Home() == g.id {
		g.metrics.Relays.NotFound.Inc()
		return proto.NotFound
	}
	if !g.links.bus.Connected() {
		return proto.Unavailable
	}
	return g.links.send(&x, nil)
}

// Pay implements dialect.Port.
func (p *port) Pay(bytes int) proto.ErrorCode {
	if p.c.Budget.Relay(bytes).Limit != "" {
		return proto.RateLimited
	}
	return ""
}

// Send implements dialect.Port.
func (p *port) Send(text []byte) {
	if p.c.Socket.Send(text) <= socket.FlushNeeded {
		p.c.g.metrics.Dialects.Out.Inc(p.c.Session.Dialect())
	}
}

// MayJoin implements dialect.Port.
func (p *port) MayJoin(topic string) bool {
	return p.c.Access.Load().May(auth.CanJoin, proto.RoomID(topic))
}

// Budget implements dialect.Port.
func (p *port) Budget() *egress.Client { return p.c.Budget }

// Alive implements dialect.Port. The clock by which reads are noted is coarse, so the ping
// waits until an earlier read cannot pass for its answer.
func (p *port) Alive(d time.Duration) bool {
	ws := p.c.Socket
	tick := time.NewTicker(2 * clockTick)
	defer tick.Stop()
	var pinged clock.Instant
	for end := time.Now().Add(d); time.Now().Before(end); {
		select {
		case <-tick.C:
		case <-p.Ending():
			return false
		}
		switch {
		case pinged == 0:
			pinged = ws.Ping()
		case ws.LastRead() >= pinged:
			return true
		}
	}
	return false
}

// Close implements dialect.Port.
func (p *port) Close() {
	p.c.Socket.Close(0, "", true)
	p.c.Session.EndAway()
}

// Go implements dialect.Port.
func (p *port) Go(f func()) { p.c.g.background(f, func() {}) }

// Ending implements dialect.Port.
func (p *port) Ending() <-chan struct{} { return p.c.g.alive.Done() }
