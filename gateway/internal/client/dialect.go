package client

import (
	"time"

	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/egress"
	"p2pconnector/gateway/internal/fairqueue"
	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/session"
	"p2pconnector/gateway/internal/socket"
	"p2pconnector/proto"
)

// foreign handles a text of a client of a dialect.
func (c *Conn) foreign(text []byte) {
	c.tab.cfg.Metrics.Dialects.In.Inc(c.Session.Dialect())
	wait, persistent := c.frameRate.Take(c.tab.cfg.Clock.Load(), c.tab.cfg.FrameLimit)
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
// Enqueue.
func (c *Conn) enqueueForeign(from proto.PeerID, frame []byte) session.Result {
	text, ok := c.translator.Encode(frame)
	switch {
	case !ok:
		return session.Declined
	case text == nil:
		return session.Delivered
	}
	v := c.send(from, text)
	if v <= session.FlushNeeded {
		c.tab.cfg.Metrics.Dialects.Out.Inc(c.Session.Dialect())
	}
	return v
}

// restore turns the texts that were queued for a client of a dialect, and never written,
// into the frames that they were. What was written counts as confirmed.
func (c *Conn) restore(left socket.Remains) socket.Remains {
	var frames []byte
	for text := range socket.Texts(left.Unsent...) {
		if frame := c.translator.Restore(text); frame != nil {
			frames = socket.AppendText(frames, frame)
		}
	}
	return socket.Remains{Unsent: [][]byte{frames}, Sent: left.Sent, Confirmed: left.Sent}
}

// port lets a translator use its connection. It implements dialect.Port.
type port struct{ c *Conn }

// Peer implements dialect.Port.
func (p *port) Peer() proto.PeerID { return p.c.Session.ID() }

// Relay implements dialect.Port. A dialect relays to peers that a directory has named, so
// its look-ups of peers are not limited again.
func (p *port) Relay(to proto.PeerID, frame []byte) proto.ErrorCode {
	tab := p.c.tab
	if code := p.Pay(len(frame)); code != "" {
		return code
	}
	x := link.Frame{From: p.c.Session.ID(), To: to, Epoch: p.c.Epoch, Data: frame}
	if s := tab.cfg.Sessions.Get(to); s != nil {
		if v, ok := s.TakeDirect(&x); ok {
			v.Count(&tab.cfg.Metrics.Relays)
			return v.Code()
		}
	} else if !to.Valid() || to.Home() == tab.cfg.Own {
		tab.cfg.Metrics.Relays.NotFound.Inc()
		return proto.NotFound
	}
	if !tab.cfg.Relays.Connected() {
		return proto.Unavailable
	}
	return tab.cfg.Relays.Send(x)
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
	v := p.c.Socket.Send(text)
	if v == socket.FlushNeeded {
		p.c.Socket.Flush() // or the queue of a fast client may fill before any writer empties it
	}
	if v <= socket.FlushNeeded {
		p.c.tab.cfg.Metrics.Dialects.Out.Inc(p.c.Session.Dialect())
	}
}

// MayJoin implements dialect.Port.
func (p *port) MayJoin(topic string) bool {
	return p.c.Access.Load().May(auth.CanJoin, proto.RoomID(topic))
}

// Budget implements dialect.Port.
func (p *port) Budget() *egress.Client { return p.c.Budget }

// TurnKey implements dialect.Port.
func (p *port) TurnKey() fairqueue.Key { return p.c.Session.TurnKey() }

// Alive implements dialect.Port. The clock by which reads are noted is coarse, so the ping
// waits until an earlier read cannot pass for its answer.
func (p *port) Alive(d time.Duration) bool {
	ws := p.c.Socket
	tick := time.NewTicker(2 * clock.Tick)
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
func (p *port) Close(code proto.CloseCode, reason string) {
	p.c.Socket.Close(code, reason, true)
	p.c.Session.EndAway()
}

// Go implements dialect.Port.
func (p *port) Go(f func()) { p.c.tab.cfg.Go(f, func() {}) }

// Ending implements dialect.Port.
func (p *port) Ending() <-chan struct{} { return p.c.tab.cfg.Ended }
