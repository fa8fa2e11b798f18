package roomsvc

import (
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"

	"p2pconnector/proto/bus"
	"p2pconnector/proto/service"
)

// errNATSClosed ends Run when nats.go has given up, which it does only when the
// servers refuse its credentials for good.
var errNATSClosed = errors.New("NATS connection closed")

// connect dials NATS, and keeps trying in the background when no server answers
// yet. It calls closed when the connection has ended for good. Nothing is
// buffered for a reconnect, because a message must not arrive late; requesters
// repeat what could not be answered. A frozen server is detected within seconds.
func (s *Service) connect(closed func(error)) (*nats.Conn, error) {
	log := s.cfg.Logger
	opts := []nats.Option{
		nats.Name("roomsvc"),
		nats.CustomInboxPrefix(bus.RoomsInbox),
		nats.ReconnectBufSize(-1),
		nats.MaxReconnects(-1),
		nats.RetryOnFailedConnect(true),
		nats.ReconnectWait(service.NATSReconnectWait),
		nats.ReconnectJitter(service.NATSReconnectJitter, service.NATSReconnectJitterTLS),
		nats.Timeout(service.NATSDialTimeout),
		nats.PingInterval(service.NATSPingInterval),
		nats.MaxPingsOutstanding(service.NATSMaxPings),
		nats.ConnectHandler(func(c *nats.Conn) { s.onUp(c) }),
		nats.ReconnectHandler(func(c *nats.Conn) { s.onUp(c) }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			s.leases.Disconnected()
			if err != nil {
				log.Warn("nats: disconnected", "err", err)
			}
		}),
		nats.ClosedHandler(func(c *nats.Conn) { closed(c.LastError()) }),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			subject := ""
			if sub != nil {
				subject = sub.Subject
			}
			log.Error("nats: asynchronous error", "subject", subject, "err", err)
		}),
	}
	if s.cfg.NATS.Creds != "" {
		opts = append(opts, nats.UserCredentials(s.cfg.NATS.Creds))
	}
	if s.cfg.NATS.Login != "" {
		opts = append(opts, nats.UserInfoHandler(func() (user, password string) {
			user, password, err := s.cfg.NATS.ReadLogin()
			if err != nil {
				log.Warn("nats: no user and password", "err", err)
			}
			return user, password
		}))
	}
	if s.cfg.NATS.Cert != "" {
		opts = append(opts, nats.ClientCert(s.cfg.NATS.Cert, s.cfg.NATS.Key))
	}
	if s.cfg.NATS.CA != "" {
		opts = append(opts, nats.RootCAs(s.cfg.NATS.CA))
	}
	nc, err := nats.Connect(s.cfg.NATS.Servers(), append(opts, s.cfg.NATSOptions...)...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	return nc, nil
}

// onUp runs after each connect and reconnect.
func (s *Service) onUp(c *nats.Conn) {
	s.leases.Connected()
	s.cfg.Logger.Info("nats: connected", "server", c.ConnectedServerName())
}
