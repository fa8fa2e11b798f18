package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"p2pconnector/gateway/web"
	"p2pconnector/proto"
)

// Gateway is one running gateway. Its methods may be called by anyone at any
// time; Run once.
type Gateway struct {
	// Fixed after New.
	cfg          Config
	id           proto.GatewayID
	log          *slog.Logger
	stats        *stats
	keys         keyring
	leases       *leases
	sessions     *sessions
	rooms        *rooms
	stalls       *stalls
	claims       *claims
	upgrader     *upgrader
	pages        http.Handler
	origins      *origins
	admission    *admission
	lobby        *lobby
	ice          *ice
	leaseSubject string
	syncNow      chan struct{}
	alive        context.Context // ends when the gateway has drained
	end          context.CancelFunc
	ready        chan struct{}

	// Fixed before ready.
	nc       *nats.Conn
	out      *outbound
	requests *requests
	verifier *verifier // nil: no tokens are needed
	wildcard *nats.Subscription
	addr     net.Addr

	opsAddr    atomic.Pointer[string]
	conns      conns
	resuming   exclusive
	draining   atomic.Bool
	coarse     atomic.Int64 // Unix nanoseconds, at most 50 ms old
	natsBackAt atomic.Int64 // last reconnect, Unix nanoseconds
	dialer     busDialer
	writers    *writers
	pulse      pulse
	outages    outages
	silences   silences
	farewells  farewells
	eras       eras
	words      words
	census     census
	ops        atomic.Uint64
	keptBytes  atomic.Int64 // of all sessions that are away
	bigBytes   atomic.Int64 // of frames above the bound of a queue, of all connections

	seenMu sync.Mutex
	seen   map[proto.GatewayID]uint64 // newest relay handled, by its gateway

	inbox     chan *nats.Msg             // from all subscriptions but the leases'
	turn      chan struct{}              // what one read has brought is in the inbox
	handledAt atomic.Int64               // when a message was taken from it last: coarse, Unix nanoseconds
	heads     map[proto.GatewayID]uint64 // newest relay on each link; owned by the inbox's reader

	bgMu     sync.Mutex
	bgClosed bool
	bg       sync.WaitGroup
}

// New checks the configuration and makes a gateway. An error names the setting.
func New(cfg Config) (*Gateway, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	id := cfg.ID
	if id == "" {
		id = proto.NewGatewayID()
	}
	lease, err := proto.LeaseSubject(id)
	if err != nil {
		return nil, err
	}
	g := &Gateway{
		cfg: cfg, id: id, log: cfg.Logger.With("gateway", string(id)), stats: newStats(),
		leases: newLeases(), sessions: newSessions(), writers: newWriters(), upgrader: newUpgrader(cfg.MaxMessageBytes),
		leaseSubject: lease, syncNow: make(chan struct{}, 1), ready: make(chan struct{}),
		seen: make(map[proto.GatewayID]uint64), heads: make(map[proto.GatewayID]uint64),
		inbox: make(chan *nats.Msg, inboxMessages), turn: make(chan struct{}, 1),
	}
	if g.origins, err = parseOrigins(cfg.AllowedOrigins); err != nil {
		return nil, fmt.Errorf("allowed-origins: %w", err)
	}
	if g.admission, err = newAdmission(&cfg); err != nil {
		return nil, fmt.Errorf("trusted-proxies: %w", err)
	}
	g.lobby = newLobby(g.admission)
	if g.ice, err = newICE(&cfg); err != nil {
		return nil, err
	}
	if cfg.TokenKey != "" {
		if g.verifier, err = newVerifier(context.Background(), &cfg); err != nil {
			return nil, err
		}
	}
	g.alive, g.end = context.WithCancel(context.Background())
	g.leases.again = g.heardAgain
	g.coarse.Store(time.Now().UnixNano())
	g.rooms = newRooms(g)
	g.stalls = newStalls(g)
	g.claims = newClaims(g)
	g.pages = web.Handler(web.Options{Status: g.status, Off: cfg.PageOff, Limits: cfg.limits()})
	return g, nil
}

// ID returns the gateway's id.
func (g *Gateway) ID() proto.GatewayID { return g.id }

// Ready is closed when the gateway serves clients.
func (g *Gateway) Ready() <-chan struct{} { return g.ready }

// Addr returns the address that clients connect to. It may be called after Ready.
func (g *Gateway) Addr() net.Addr { return g.addr }

func (g *Gateway) status() web.Status {
	return web.Status{
		Gateway: string(g.id), Version: g.cfg.Version, Connections: g.conns.len(), Rooms: g.rooms.len(),
		Ready: g.isReady(), Draining: g.draining.Load(), Since: g.leases.born,
	}
}

func (g *Gateway) isReady() bool { return !g.draining.Load() && g.nc.IsConnected() }

// Run serves until ctx ends, then drains and returns when everything it started
// has ended.
func (g *Gateway) Run(ctx context.Context) error {
	nc, err := g.connectNATS()
	if err != nil {
		return err
	}
	g.nc = nc
	g.out = newOutbound(g.id, nc, g.coarse.Load)
	g.requests = newRequests(g.id, nc.PublishRequest)
	defer g.closeNATS()
	if err := g.subscribe(); err != nil {
		return err
	}
	ops, err := g.startOps()
	if err != nil {
		return err
	}
	defer ops.close()
	if g.cfg.TokenJWKS != "" {
		following, stop := context.WithCancel(context.Background())
		defer stop()
		if g.verifier, err = newVerifier(following, &g.cfg); err != nil {
			return err
		}
	}
	done := make(chan struct{})
	var loops sync.WaitGroup
	defer loops.Wait()
	defer close(done)
	loops.Go(func() { g.readInbox(done) })
	loops.Go(func() { g.watchConns(done) })
	loops.Go(func() { g.watchBus(done) })
	if err := g.awaitKeys(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	loops.Go(func() { g.syncLoop(done) })
	loops.Go(func() { g.keysLoop(done) })
	return g.serveHTTP(ctx)
}

// subscribe makes the two static subscriptions of a gateway.
func (g *Gateway) subscribe() error {
	wildcard, err := proto.GatewayWildcard(g.id)
	if err != nil {
		return err
	}
	if g.wildcard, err = g.listenTo(wildcard); err != nil {
		return fmt.Errorf("gateway: subscribe: %w", err)
	}
	if _, err := g.nc.Subscribe(proto.LeaseWildcard, g.leases.hear); err != nil {
		return fmt.Errorf("gateway: subscribe to leases: %w", err)
	}
	return nil
}

// awaitKeys waits for the keys that sign session tokens: until they are there
// nobody can be served.
func (g *Gateway) awaitKeys(ctx context.Context) error {
	for {
		err := g.loadKeysWithin(ctx)
		if err == nil || ctx.Err() != nil || g.cfg.SessionKey != "" {
			return err
		}
		g.log.Warn("waiting for the room service", "err", err)
	}
}

func (g *Gateway) loadKeysWithin(ctx context.Context) error {
	result := make(chan error, 1)
	go func() { result <- g.loadKeys() }()
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		g.requests.close()
		<-result
		return ctx.Err()
	}
}

// serveHTTP accepts clients until ctx ends.
func (g *Gateway) serveHTTP(ctx context.Context) error {
	ln := g.cfg.Listener
	if ln == nil {
		var err error
		if ln, err = net.Listen("tcp", g.cfg.Listen); err != nil {
			return fmt.Errorf("listen %s: %w", g.cfg.Listen, err)
		}
	}
	g.addr = ln.Addr()
	srv := &http.Server{
		Handler: g, ConnState: g.lobby.watch, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 10 * time.Second, IdleTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(g.log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	g.sayLease(false)
	close(g.ready)
	g.log.Info("serving", "addr", g.addr.String())
	var err error
	select {
	case <-ctx.Done():
		g.drain()
	case err = <-served:
		served <- err
	}
	srv.Close()
	if e := <-served; err == nil && !errors.Is(e, http.ErrServerClosed) {
		err = e
	}
	g.shut()
	return err
}

// shut ends what still runs after a drain.
func (g *Gateway) shut() {
	g.end()
	g.conns.shut()
	for _, s := range g.sessions.list(nil) {
		s.mu.Lock()
		kept := s.kept.take(g)
		s.mu.Unlock()
		for _, f := range kept {
			g.bounce(s.id, f)
		}
	}
	g.stalls.close()
	g.requests.close()
	g.closeBackground()
	for _, r := range g.rooms.list() {
		r.stop()
	}
	g.sayLease(true)
}

func (g *Gateway) closeNATS() {
	closed := make(chan struct{})
	g.nc.SetClosedHandler(func(*nats.Conn) { close(closed) })
	if g.nc.IsConnected() {
		g.nc.FlushTimeout(2 * time.Second)
	}
	g.nc.Close()
	<-closed
}

// background runs f on a goroutine that shut waits for; refused runs instead
// when the gateway is ending.
func (g *Gateway) background(f, refused func()) {
	g.bgMu.Lock()
	defer g.bgMu.Unlock()
	if g.bgClosed {
		refused()
		return
	}
	g.bg.Go(f)
}

func (g *Gateway) closeBackground() {
	g.bgMu.Lock()
	g.bgClosed = true
	g.bgMu.Unlock()
	g.bg.Wait()
}
