package gateway

import (
	"p2pconnector/gateway/internal/metrics"
	"p2pconnector/gateway/internal/ops"
	"p2pconnector/proto/service"
)

// loops holds the loops that the gateway cannot work without, for the watchdog. The loops
// that refresh keys and compare rooms are not among them, because they wait for the room
// service and only repair.
type loops struct {
	clock   *ops.Loop // sweeps every connection and advances the coarse clock
	bus     *ops.Loop // sends the lease, repeats requests, ends sessions
	inbox   *ops.Loop // handles messages from NATS
	writers *ops.Loop // writes to the connections
	leases  *ops.Loop // receives the other gateways' leases

	watchdog *ops.Watchdog
}

// watch makes the loops of g and their watchdog.
func (g *Gateway) watch() {
	g.loops = loops{
		clock: ops.NewLoop("clock", nil), bus: ops.NewLoop("bus", nil), leases: ops.NewLoop("leases", nil),
		inbox:   ops.NewLoop("inbox", func() bool { return g.bus.Inbox.Len() > 0 }),
		writers: ops.NewLoop("writers", func() bool { return g.sockets.Waiting() > 0 }),
	}
	l := &g.loops
	g.loops.watchdog = ops.NewWatchdog(g.cfg.Logger, l.clock, l.bus, l.inbox, l.writers, l.leases)
}

// startOps starts to serve operators on the address that the settings give.
func (g *Gateway) startOps() (*service.OpsServer, error) {
	ready := ops.Readiness{
		Hung: g.loops.watchdog.Problem, Draining: g.drain.Begun, Connected: g.bus.Connected, AskRooms: g.requests.Probe, Ready: g.ready,
	}
	s, err := g.cfg.Ops.Serve(g.cfg.Logger, service.OpsHandlers{
		Metrics: metrics.Handler(g.metrics, metrics.Config{
			Version: g.cfg.Version, Commit: g.cfg.Commit, Snapshot: g.snapshot, Loops: g.loops.watchdog.Hung,
		}),
		Hangs: g.loops.watchdog.Problem, Missing: ready.Missing,
		Notes: func() []string { return append(g.heartbeat.Notes(), g.ice.Notes()...) },
	})
	g.operators.Store(s)
	return s, err
}

// OpsAddr returns the host:port that operators are served on, or "". It may be
// called after Ready.
func (g *Gateway) OpsAddr() string { return g.operators.Load().Addr() }
