package gateway

import (
	"fmt"
	"log/slog"

	"github.com/nats-io/nats.go"

	"p2pconnector/proto/bus"
	"p2pconnector/proto/service"
)

// connectNATS dials NATS. Relays must fail at once while it is away, so nothing
// is buffered for a reconnect; a frozen server must be noticed in seconds.
func (g *Gateway) connectNATS() (*nats.Conn, error) {
	log := g.log
	g.dialer.timeout, g.dialer.handled = service.NATSDialTimeout, g.inboxFilled
	opts := []nats.Option{
		nats.Name("gateway " + string(g.id)),
		nats.CustomInboxPrefix(bus.GatewayInbox),
		nats.ReconnectBufSize(-1),
		nats.MaxReconnects(-1),
		nats.RetryOnFailedConnect(true),
		nats.ReconnectWait(service.NATSReconnectWait),
		nats.ReconnectJitter(service.NATSReconnectJitter, service.NATSReconnectJitterTLS),
		nats.Timeout(service.NATSDialTimeout),
		nats.PingInterval(service.NATSPingInterval),
		nats.MaxPingsOutstanding(service.NATSMaxPings),
		nats.FlusherTimeout(0), // writes do not wait
		nats.SetCustomDialer(&g.dialer),
		nats.ConnectHandler(func(c *nats.Conn) { g.onNATSUp(c, log) }),
		nats.ReconnectHandler(func(c *nats.Conn) {
			g.onNATSUp(c, log)
			g.links.reconnected()
			g.suspectSessions()
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			g.natsUp.Store(false)
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
		}),
	}
	if g.cfg.NATS.Creds != "" {
		opts = append(opts, nats.UserCredentials(g.cfg.NATS.Creds))
	}
	if g.cfg.NATS.Cert != "" {
		opts = append(opts, nats.ClientCert(g.cfg.NATS.Cert, g.cfg.NATS.Key))
	}
	if g.cfg.NATS.CA != "" {
		opts = append(opts, nats.RootCAs(g.cfg.NATS.CA))
	}
	nc, err := nats.Connect(g.cfg.NATS.Servers(), append(opts, g.cfg.NATSOptions...)...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	return nc, nil
}

// onNATSUp runs after each connect and reconnect.
func (g *Gateway) onNATSUp(c *nats.Conn, log *slog.Logger) {
	g.natsUp.Store(c.IsConnected())
	log.Info("nats: connected", "server", c.ConnectedServerName())
	g.kickSync()
}
