package roomsvc

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/nats-io/nats.go"

	"p2pconnector/proto"
)

// errNATSClosed ends Run when nats.go has given up, which it does only when the
// servers refuse its credentials for good.
var errNATSClosed = errors.New("NATS connection closed")

// connect dials NATS, or keeps trying in the background when nobody is there
// yet. closed is called when the connection has ended for good. Nothing is
// buffered for a reconnect: what could not be sent is repeated by its asker, and
// must not arrive late. A frozen server is noticed in seconds.
func (s *Service) connect(closed func(error)) (*nats.Conn, error) {
	log := s.cfg.Logger
	opts := []nats.Option{
		nats.Name("roomsvc"),
		nats.CustomInboxPrefix(proto.RoomsInbox),
		nats.ReconnectBufSize(-1),
		nats.MaxReconnects(-1),
		nats.RetryOnFailedConnect(true),
		nats.ReconnectWait(250 * time.Millisecond),
		nats.ReconnectJitter(250*time.Millisecond, 500*time.Millisecond),
		nats.Timeout(2 * time.Second),
		nats.PingInterval(2 * time.Second),
		nats.MaxPingsOutstanding(2),
		nats.ConnectHandler(func(c *nats.Conn) { s.onUp(c) }),
		nats.ReconnectHandler(func(c *nats.Conn) { s.onUp(c) }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			s.leases.disconnected()
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
	if s.cfg.NATSCreds != "" {
		opts = append(opts, nats.UserCredentials(s.cfg.NATSCreds))
	}
	if s.cfg.NATSCert != "" {
		opts = append(opts, nats.ClientCert(s.cfg.NATSCert, s.cfg.NATSKey))
	}
	if s.cfg.NATSCA != "" {
		opts = append(opts, nats.RootCAs(s.cfg.NATSCA))
	}
	nc, err := nats.Connect(s.cfg.NATSURL, append(opts, s.cfg.NATSOptions...)...)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // u's text has the URL, and with it a password
		}
		return nil, fmt.Errorf("nats-url: %w", err)
	}
	return nc, nil
}

// onUp runs after each connect and reconnect.
func (s *Service) onUp(c *nats.Conn) {
	s.leases.connected()
	s.cfg.Logger.Info("nats: connected", "server", c.ConnectedServerName())
}
