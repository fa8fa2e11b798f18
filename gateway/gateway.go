package gateway

import (
	"context"
	"net"
	"sync"
	"sync/atomic"

	"p2pconnector/gateway/internal/admission"
	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/background"
	"p2pconnector/gateway/internal/client"
	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/config"
	"p2pconnector/gateway/internal/dialect/registry"
	"p2pconnector/gateway/internal/drain"
	"p2pconnector/gateway/internal/handshake"
	"p2pconnector/gateway/internal/heartbeat"
	"p2pconnector/gateway/internal/httpserver"
	"p2pconnector/gateway/internal/ice"
	"p2pconnector/gateway/internal/inbound"
	"p2pconnector/gateway/internal/membudget"
	"p2pconnector/gateway/internal/metrics"
	"p2pconnector/gateway/internal/natsbus"
	"p2pconnector/gateway/internal/relay"
	"p2pconnector/gateway/internal/room"
	"p2pconnector/gateway/internal/session"
	"p2pconnector/gateway/internal/socket"
	"p2pconnector/gateway/web"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/proto/service"
)

// Config holds the settings of a gateway; `go doc ./internal/config Config` lists them.
type Config = config.Config

// Gateway is one gateway. Its methods are safe for concurrent use; Run may be
// called once.
type Gateway struct {
	// Fixed after New.
	cfg        Config
	metrics    *metrics.Metrics
	loops      loops
	keys       *auth.SessionKeys
	bus        *natsbus.Conn
	requests   *natsbus.Requests
	sessions   *session.Table
	rooms      *room.Rooms
	conns      *client.Table
	links      *relay.Links
	inbound    *inbound.Reader
	sockets    *socket.Server
	admission  *admission.Controller
	handshakes *handshake.Handler
	ice        *ice.Servers
	dialects   *registry.Registry
	heartbeat  *heartbeat.Heartbeat
	drain      *drain.Drain
	ready      chan struct{}

	// Fixed before ready.
	verifier *auth.Verifier // nil: no tokens are needed
	addr     net.Addr

	operators atomic.Pointer[service.OpsServer]
	coarse    clock.AtomicInstant // the present moment, at most 50 ms old
	buffers   *membudget.Budget

	bg *background.Group // its Ended: when the gateway has drained
}

// New checks the configuration and makes a gateway. An error names the setting.
func New(cfg Config) (*Gateway, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	limit, from := cfg.BufferLimit()
	cfg.Logger = cfg.Logger.With("gateway", string(cfg.ID))
	g := &Gateway{
		cfg: cfg, metrics: metrics.New(), buffers: membudget.New(limit),
		ready: make(chan struct{}), bg: background.New(),
	}
	var err error
	if g.admission, err = admission.New(cfg.Admission(limit)); err != nil {
		return nil, err
	}
	if g.ice, err = ice.New(cfg.ICE(g.metrics.ICEFetches.Inc)); err != nil {
		return nil, err
	}
	if g.keys, err = auth.NewSessionKeys(auth.SessionKeysConfig{
		Secrets: cfg.SessionKey, Go: g.bg.Go, Count: g.metrics.Sessions.KeyFetches.Inc, Logger: g.cfg.Logger,
		Fetch: func(have *bus.KeySet) (*bus.KeySet, error) { return g.requests.AskKeys(have) },
	}); err != nil {
		return nil, err
	}
	if g.cfg.TLS, err = httpserver.TLSConfig(cfg.TLS, cfg.TLSCert, cfg.TLSKey, g.cfg.Logger); err != nil {
		return nil, err
	}
	if cfg.TokenKey != "" {
		if g.verifier, err = auth.NewVerifier(context.Background(), cfg.Verifier()); err != nil {
			return nil, err
		}
	}
	g.bus = natsbus.New(natsbus.Config{
		ID: cfg.ID, NATS: cfg.NATS, Options: cfg.NATSOptions, Logger: g.cfg.Logger,
		Connected: func(again bool) { g.heartbeat.Connected(again) },
		Lease:     func(m natsbus.Message) { g.heartbeat.Receive(m) },
		Settings:  func(m natsbus.Message) { g.heartbeat.ReceiveSettings(m) },
	})
	g.watch()
	g.coarse.Store(clock.Now())
	g.sockets = socket.NewServer(socket.Config{
		MaxMessageBytes: cfg.MaxMessageBytes, QueueBytes: cfg.QueueBytes, ControlFrames: cfg.ControlPerSecond, Clock: &g.coarse, Budget: g.buffers, Closed: g.metrics.Connections.Closes.Inc, WriterTurned: g.loops.writers.Turn,
		SlowClient: g.metrics.Connections.Slow.Inc, IdleClient: g.metrics.Connections.Idle.Inc,
	})
	g.wire(g.bus, g.bus.PublishRequest)
	g.cfg.Logger.Info("memory for buffers", "bytes", limit, "from", from)
	return g, nil
}

// ID returns the gateway's id.
func (g *Gateway) ID() proto.GatewayID { return g.cfg.ID }

// Ready is closed when the gateway serves clients.
func (g *Gateway) Ready() <-chan struct{} { return g.ready }

// Addr returns the address that clients connect to. It may be called after Ready.
func (g *Gateway) Addr() net.Addr { return g.addr }

// closed returns why the gateway accepts no clients now; "" when it accepts them.
func (g *Gateway) closed() string {
	switch {
	case g.drain.Begun():
		return "This gateway is going away. Connect again: another one will answer."
	case !g.bus.Connected():
		return "This gateway has no connection to its bus now. Connect again in a moment."
	}
	return ""
}

func (g *Gateway) status() web.Status {
	return web.Status{
		Gateway: string(g.cfg.ID), Connections: g.conns.Len(), Rooms: g.rooms.Len(),
		Ready: g.closed() == "", Draining: g.drain.Begun(),
	}
}

// run is Run without the time limit.
func (g *Gateway) run(ctx context.Context) error {
	defer g.bus.Close()
	if err := g.bus.Connect(); err != nil {
		return err
	}
	ops, err := g.startOps()
	if err != nil {
		return err
	}
	defer ops.Close()
	if g.cfg.TokenJWKS != "" {
		following, stop := context.WithCancel(context.Background())
		defer stop()
		if g.verifier, err = auth.NewVerifier(following, g.cfg.Verifier()); err != nil {
			return err
		}
	}
	done := make(chan struct{})
	var loops sync.WaitGroup
	defer g.links.Release(true) // nobody reads the inbox any more
	defer loops.Wait()
	defer close(done)
	loops.Go(func() { g.loops.watchdog.Run(done) })
	loops.Go(func() { g.inbound.Run(done) })
	loops.Go(func() { g.watchConns(done) })
	loops.Go(func() { g.watchBus(done) })
	if g.keys.Await(ctx, g.requests.Close) != nil { // without keys no client can be served
		return nil
	}
	loops.Go(func() { g.rooms.Run(done) })
	loops.Go(func() { g.keys.Run(done) })
	loops.Go(func() { g.sessions.Run(done) })
	loops.Go(func() { g.conns.Run(done) })
	loops.Go(func() { g.ice.Run(done, g.sessions.PushICEServers) })
	return g.serveClients(ctx)
}

// serveClients accepts clients until ctx ends.
func (g *Gateway) serveClients(ctx context.Context) error {
	srv, err := httpserver.Start(httpserver.Config{
		Listener: g.cfg.Listener, Listen: g.cfg.Listen, TLS: g.cfg.TLS, Handler: g.handshakes,
		ConnState: g.admission.ConnState, ClosePending: g.admission.ClosePending, Logger: g.cfg.Logger,
	})
	if err != nil {
		return err
	}
	g.addr = srv.Addr()
	g.heartbeat.Publish(false)
	close(g.ready)
	g.cfg.Logger.Info("serving", "addr", g.addr.String(), "tls", g.cfg.TLS != nil)
	if g.cfg.Open() {
		g.cfg.Logger.Warn("anybody may connect: set token-key or token-jwks, and allowed-origins", "addr", g.addr.String())
	}
	select {
	case <-ctx.Done():
		err = g.drainInTime()
	case <-srv.Done():
	}
	if e := srv.Close(); err == nil {
		err = e
	}
	g.shut()
	return err
}

// shut ends what still runs after a drain.
func (g *Gateway) shut() {
	g.bg.End()
	g.handshakes.Shutdown()
	g.conns.Shut()
	g.sockets.Wait()
	g.sessions.Close()
	g.bg.Close() // sends the requests that give names back
	g.requests.Close()
	g.rooms.Stop()
	g.heartbeat.Publish(true)
}
