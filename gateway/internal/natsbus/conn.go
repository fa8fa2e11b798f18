package natsbus

import (
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/proto/service"
)

// Option is an option of the NATS client, for programs that embed a gateway.
type Option = nats.Option

// Errors of messages that no service receives.
var (
	ErrNotConnected = errors.New("no connection to NATS yet")
	ErrNoResponders = nats.ErrNoResponders // the subject has no subscriber
)

// closeTimeout is how long Close waits until NATS has received all that was published.
const closeTimeout = 2 * time.Second

// Config says how a gateway is connected to NATS. Every field but Options is required.
type Config struct {
	ID      proto.GatewayID
	NATS    service.NATS
	Options []Option // applied last
	Logger  *slog.Logger

	// The functions are called by goroutines of the NATS client, each function by one
	// goroutine at a time.
	Connected func(again bool) // after each connect; again is true for a reconnect
	Lease     func(Message)    // for each lease of a gateway, this gateway's own too
	Settings  func(Message)    // for each RoomsSettings of a room service
}

// Conn is the connection of a gateway to NATS. It may be used before Connect and after
// Close; nothing is sent then. Safe for concurrent use.
type Conn struct {
	Inbox *Inbox // all messages received, except leases and settings

	cfg       Config
	dialer    dialer
	connected atomic.Bool
	nc        atomic.Pointer[nats.Conn]         // nil before Connect
	own       atomic.Pointer[nats.Subscription] // messages for this gateway
	backEnds  atomic.Pointer[nats.Subscription] // frames of back ends that name no gateway
	closed    chan struct{}                     // closed when the NATS client has ended
}

// New returns a connection that Connect connects.
func New(cfg Config) *Conn {
	c := &Conn{Inbox: newInbox(), cfg: cfg, closed: make(chan struct{})}
	c.dialer = dialer{timeout: service.NATSDialTimeout, handled: c.Inbox.WakeUnlessEmpty}
	return c
}

// Connect connects to NATS and makes the static subscriptions of a gateway. When no server
// answers, the NATS client goes on trying. Call Connect once, and Close in the end.
func (c *Conn) Connect() error {
	nc, err := nats.Connect(c.cfg.NATS.Servers(), c.options()...)
	if err != nil {
		return fmt.Errorf("connect to NATS: %w", err)
	}
	c.nc.Store(nc)
	if nc.IsConnected() { // otherwise onConnect may have noted a connection since
		c.connected.Store(true)
	}
	return c.subscribe(nc)
}

func (c *Conn) subscribe(nc *nats.Conn) error {
	wildcard, err := bus.GatewayWildcard(c.cfg.ID)
	if err != nil {
		return err
	}
	// All subscriptions feed one inbox, because two inboxes would lose the order of messages
	// that one sender publishes on two subjects.
	own, err := nc.ChanSubscribe(wildcard, c.Inbox.messages)
	if err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	c.own.Store(own)
	backEnds, err := nc.ChanQueueSubscribe(bus.AnyPeerWildcard, bus.AnyPeerQueue, c.Inbox.messages)
	if err != nil {
		return fmt.Errorf("subscribe for back ends: %w", err)
	}
	c.backEnds.Store(backEnds)
	if _, err = nc.Subscribe(bus.RoomsSettingsSubject, func(m *nats.Msg) { c.cfg.Settings(messageOf(m)) }); err != nil {
		return fmt.Errorf("subscribe to settings: %w", err)
	}
	if _, err = nc.Subscribe(bus.LeaseWildcard, func(m *nats.Msg) { c.cfg.Lease(messageOf(m)) }); err != nil {
		return fmt.Errorf("subscribe to leases: %w", err)
	}
	return nil
}

// login reads the user and the password for NATS, at each connect, because they may have
// changed.
func (c *Conn) login() (user, password string) {
	user, password, err := c.cfg.NATS.ReadLogin()
	if err != nil {
		c.cfg.Logger.Warn("nats: no user and password", "err", err)
	}
	return user, password
}

// options returns the options of the connection. Relays must fail at once while NATS is not
// reachable, so nothing is buffered for a reconnect. A frozen server must be detected within
// seconds.
func (c *Conn) options() []nats.Option {
	opts := []nats.Option{
		nats.Name("gateway " + string(c.cfg.ID)),
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
		nats.SetCustomDialer(&c.dialer),
		nats.ConnectHandler(func(nc *nats.Conn) { c.onConnect(nc, false) }),
		nats.ReconnectHandler(func(nc *nats.Conn) { c.onConnect(nc, true) }),
		nats.DisconnectErrHandler(c.onDisconnect),
		nats.ErrorHandler(c.onError),
		nats.IgnoreAuthErrorAbort(), // the server may learn of a new password later than this gateway
	}
	if c.cfg.NATS.Creds != "" {
		opts = append(opts, nats.UserCredentials(c.cfg.NATS.Creds))
	}
	if c.cfg.NATS.Login != "" {
		opts = append(opts, nats.UserInfoHandler(c.login))
	}
	if c.cfg.NATS.Cert != "" {
		opts = append(opts, nats.ClientCert(c.cfg.NATS.Cert, c.cfg.NATS.Key))
	}
	if c.cfg.NATS.CA != "" {
		opts = append(opts, nats.RootCAs(c.cfg.NATS.CA))
	}
	return append(append(opts, c.cfg.Options...), c.dialer.hookOthers, nats.ClosedHandler(func(*nats.Conn) { close(c.closed) }))
}

func (c *Conn) onConnect(nc *nats.Conn, again bool) {
	c.connected.Store(nc.IsConnected())
	c.cfg.Logger.Info("nats: connected", "server", nc.ConnectedServerName())
	c.cfg.Connected(again)
}

func (c *Conn) onDisconnect(_ *nats.Conn, err error) {
	c.connected.Store(false)
	if err != nil {
		c.cfg.Logger.Warn("nats: disconnected", "err", err)
	}
}

func (c *Conn) onError(_ *nats.Conn, s *nats.Subscription, err error) {
	subject := ""
	if s != nil {
		subject = s.Subject
	}
	c.cfg.Logger.Error("nats: asynchronous error", "subject", subject, "err", err)
}

// LeaveBackEnds unsubscribes from the frames of back ends that name no gateway, so that
// other gateways get them.
func (c *Conn) LeaveBackEnds() {
	if s := c.backEnds.Load(); s != nil {
		_ = s.Unsubscribe() // it fails without NATS, and then nothing is received either
	}
}

// Connected reports whether the gateway is connected. It takes no lock, because a publisher
// may hold the lock for long when the server hangs.
func (c *Conn) Connected() bool { return c.connected.Load() }

// Publish publishes data. It keeps no reference to its arguments.
func (c *Conn) Publish(subject string, data []byte) error {
	nc := c.nc.Load()
	if nc == nil {
		return ErrNotConnected
	}
	return nc.Publish(subject, data)
}

// PublishRequest publishes data with a subject for the reply. It keeps no reference to its
// arguments.
func (c *Conn) PublishRequest(subject, reply string, data []byte) error {
	nc := c.nc.Load()
	if nc == nil {
		return ErrNotConnected
	}
	return nc.PublishRequest(subject, reply, data)
}

// PublishMessage publishes a message with its headers. It keeps no reference to the message.
func (c *Conn) PublishMessage(m Message) error {
	nc := c.nc.Load()
	if nc == nil {
		return ErrNotConnected
	}
	return nc.PublishMsg(&nats.Msg{Subject: m.Subject, Reply: m.Reply, Header: nats.Header(m.Header), Data: m.Data})
}

// Flush waits until NATS has received all that was published, or until timeout is over.
func (c *Conn) Flush(timeout time.Duration) error {
	nc := c.nc.Load()
	if nc == nil {
		return ErrNotConnected
	}
	return nc.FlushTimeout(timeout)
}

// Close closes the connection. While connected, it first sends all that was published.
func (c *Conn) Close() {
	nc := c.nc.Load()
	if nc == nil {
		return
	}
	if nc.IsConnected() {
		_ = nc.FlushTimeout(closeTimeout) // the server is gone or hangs: nothing more can be done
	}
	nc.Close()
	<-c.closed // the client may also have ended by itself, because the server refuses it
}

// Stats are the counts of a connection.
type Stats struct {
	Reconnects uint64
	Unsent     int // bytes that the server has not received yet
	Dropped    int // messages dropped because the inbox was full
}

// Stats returns the present counts of the connection.
func (c *Conn) Stats() (x Stats) {
	nc := c.nc.Load()
	if nc == nil {
		return x
	}
	unsent, _ := nc.Buffered() // -1 without a connection
	x.Reconnects, x.Unsent = nc.Stats().Reconnects, max(unsent, 0)+c.dialer.waiting()
	if own := c.own.Load(); own != nil {
		x.Dropped, _ = own.Dropped()
	}
	return x
}
