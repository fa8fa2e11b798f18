package gateway

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/nats-io/nats.go"

	"p2pconnector/proto"
)

const dialTimeout = 2 * time.Second

// connectNATS dials NATS. Relays must fail at once while it is away, so nothing
// is buffered for a reconnect; a frozen server must be noticed in seconds.
func (g *Gateway) connectNATS() (*nats.Conn, error) {
	log := g.log
	g.dialer.timeout, g.dialer.handled = dialTimeout, g.inboxFilled
	opts := []nats.Option{
		nats.Name("gateway " + string(g.id)),
		nats.CustomInboxPrefix(proto.GatewayInbox),
		nats.ReconnectBufSize(-1),
		nats.MaxReconnects(-1),
		nats.RetryOnFailedConnect(true),
		nats.ReconnectWait(250 * time.Millisecond),
		nats.ReconnectJitter(250*time.Millisecond, 500*time.Millisecond),
		nats.Timeout(dialTimeout),
		nats.PingInterval(2 * time.Second),
		nats.MaxPingsOutstanding(2),
		nats.FlusherTimeout(0), // writes do not wait
		nats.SetCustomDialer(&g.dialer),
		nats.ConnectHandler(func(c *nats.Conn) { g.onNATSUp(c, log) }),
		nats.ReconnectHandler(func(c *nats.Conn) {
			now := time.Now().UnixNano()
			g.natsBackAt.Store(now)
			g.leases.deaf(time.Unix(0, now))
			if d, ok := g.pulse.started(now); ok {
				g.background(func() { g.doubted(d) }, func() {})
			}
			g.onNATSUp(c, log)
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			g.stats.natsDown.Add(1)
			g.pulse.stopped()
			g.doubtKept()
			if err != nil {
				log.Warn("nats: disconnected", "err", err)
			}
		}),
		nats.ErrorHandler(func(_ *nats.Conn, s *nats.Subscription, err error) {
			subject := ""
			if s != nil {
				subject = s.Subject
			}
			log.Error("nats: asynchronous error", "subject", subject, "err", err)
			if s == nil {
				// What was to be written may be gone although the connection lives on.
				d := g.pulse.overflowed(time.Now().UnixNano())
				g.background(func() { g.doubted(d) }, func() {})
			}
		}),
	}
	if g.cfg.NATSCreds != "" {
		opts = append(opts, nats.UserCredentials(g.cfg.NATSCreds))
	}
	if g.cfg.NATSCert != "" {
		opts = append(opts, nats.ClientCert(g.cfg.NATSCert, g.cfg.NATSKey))
	}
	if g.cfg.NATSCA != "" {
		opts = append(opts, nats.RootCAs(g.cfg.NATSCA))
	}
	nc, err := nats.Connect(g.cfg.NATSURL, append(opts, g.cfg.NATSOptions...)...)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // u's text has the URL, and with it a password
		}
		return nil, fmt.Errorf("nats-url: %w", err)
	}
	return nc, nil
}

// onNATSUp runs after each connect and reconnect.
func (g *Gateway) onNATSUp(c *nats.Conn, log *slog.Logger) {
	g.stats.natsUp.Add(1)
	log.Info("nats: connected", "server", c.ConnectedServerName())
	g.kickSync()
}

// doubtKept notes for every peer that is away that frames for it may be lost: it
// will be told when it resumes.
func (g *Gateway) doubtKept() {
	for _, s := range g.sessions.list(nil) {
		s.mu.Lock()
		if s.phase == away || s.phase == arriving {
			s.lossy = true
		}
		s.mu.Unlock()
	}
}
