// Package kit starts the real system for tests in one line: NATS with JetStream,
// room services and gateways, on ports of their own.
//
//	stack := kit.Start(t, kit.Options{})
//	a, b := stack.Dial(t, 0), stack.Dial(t, 1)
//	a.Send(`{"event":"Message","to":%q,"data":1}`, b.ID)
//	f := b.Expect(proto.Message)
//
// Services run in this process, or, with Options.Processes, as the real binaries,
// so that they can be killed and frozen. Nothing is faked.
package kit

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"p2pconnector/e2e/natsbox"
	"p2pconnector/gateway"
	"p2pconnector/proto"
)

// Patience bounds every wait of the kit; then the test fails. It is generous
// because a test that passes never waits that long.
const Patience = time.Minute

// Options say what Start starts. The zero value is two gateways and two room
// services in this process with one NATS server.
type Options struct {
	Gateways     int // 0 = 2
	RoomServices int // 0 = 2, -1 = none
	NATSNodes    int // 0 = 1; 3 = a cluster with replicated buckets
	Processes    bool
	NATSProcess  bool   // the one NATS server is a process too; needs Processes
	StoreDir     string // of a single NATS server; "" = a temporary folder
	NATSFile     string // its configuration file, with the users of proto/bus/nats.conf, whose passwords are then
	// in the environment; "" = what KIT_NATS_FILE names, or none

	Grace           time.Duration // 0 = 15 s
	Drain           time.Duration // 0 = 500 ms
	MaxMessageBytes int           // 0 = the gateway's default, as are the next two
	MaxRooms        int
	MaxRoomMembers  int
	AcceptFrom      proto.Senders // whose frames a client gets that does not choose; not with Processes
	SessionKey      string
	Gateway         func(*gateway.Config) // changes what else a test needs; not with Processes
	Ops             bool                  // each service serves operators: see Ops and RoomsOps; not with Processes

	LogLevel slog.Level   // of what goes to the test's log; zero = info
	Logger   *slog.Logger // in place of the test's log
}

// Stack is a running system. Its methods must be called by the test's own
// goroutine, except those of its Conns.
type Stack struct {
	opts  Options
	log   *slog.Logger
	nats  []*natsbox.Server
	bus   *process // the NATS server in place of nats, with Options.NATSProcess
	addr  string   // of bus
	gws   []service
	rooms []service
	urls  []string
}

// service is one instance of a gateway or a room service.
type service interface {
	start(ctx context.Context) error // returns when it is ready
	stop() error                     // as SIGTERM does; returns when it has ended
	kill() error                     // as SIGKILL does
	pause(on bool) error             // as SIGSTOP and SIGCONT do
}

// Start starts a system that ends with the test.
func Start(t testing.TB, opts Options) *Stack {
	t.Helper()
	s := &Stack{opts: opts.withDefaults(), log: opts.Logger}
	if s.log == nil {
		s.log = Logger(t, opts.LogLevel)
	}
	t.Cleanup(func() { s.close(t) })
	if s.opts.Processes { // outside of the time that the start may take
		_, err := Binary("gateway")
		s.must(t, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	if err := s.startNATS(ctx, t); err != nil {
		t.Fatalf("kit: %v", err)
	}
	for i := range s.opts.RoomServices {
		s.rooms = append(s.rooms, s.newRoomService(t, i))
		s.must(t, s.rooms[i].start(ctx))
	}
	for i := range s.opts.Gateways {
		gw, url := s.newGateway(t, i)
		s.gws, s.urls = append(s.gws, gw), append(s.urls, url)
		s.must(t, gw.start(ctx))
	}
	return s
}

func (o Options) withDefaults() Options {
	if o.NATSFile == "" {
		o.NATSFile = os.Getenv("KIT_NATS_FILE")
	}
	if o.Gateways == 0 {
		o.Gateways = 2
	}
	if o.RoomServices == 0 {
		o.RoomServices = 2
	}
	o.RoomServices = max(o.RoomServices, 0)
	if o.NATSNodes == 0 {
		o.NATSNodes = 1
	}
	if o.Drain == 0 {
		o.Drain = 500 * time.Millisecond
	}
	return o
}

func (s *Stack) startNATS(ctx context.Context, t testing.TB) error {
	if s.opts.NATSProcess {
		return s.startNATSProcess(ctx, t)
	}
	if s.opts.NATSNodes > 1 {
		nodes, err := natsbox.StartCluster(ctx, s.opts.NATSNodes, s.log)
		s.nats = nodes
		return err
	}
	cfg := natsbox.Config{StoreDir: s.opts.StoreDir, Logger: s.log, File: s.opts.NATSFile}
	if s.opts.Processes {
		cfg.Listen = "127.0.0.1:0"
	}
	node, err := natsbox.Start(cfg)
	if err == nil {
		s.nats = append(s.nats, node)
	}
	return err
}

// close ends everything outside-in.
func (s *Stack) close(t testing.TB) {
	for _, services := range [][]service{s.gws, s.rooms} {
		for _, svc := range services {
			if err := svc.stop(); err != nil {
				t.Errorf("kit: %v", err)
			}
		}
	}
	for _, node := range s.nats {
		if err := node.Close(); err != nil {
			t.Errorf("kit: %v", err)
		}
	}
	if s.bus != nil {
		if err := s.bus.stop(); err != nil {
			t.Errorf("kit: %v", err)
		}
	}
}

func (s *Stack) must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("kit: %v", err)
	}
}

// URL returns where gateway i serves WebSockets. It stays the same over a restart.
func (s *Stack) URL(i int) string { return "ws://" + s.urls[i] + "/" }

// URLs returns the addresses of all gateways, beginning with gateway i.
func (s *Stack) URLs(i int) []string {
	var urls []string
	for k := range s.urls {
		urls = append(urls, s.URL((i+k)%len(s.urls)))
	}
	return urls
}

// HTTP returns where gateway i answers plain HTTP.
func (s *Stack) HTTP(i int) string { return "http://" + s.urls[i] + "/" }

// Ops returns where gateway i serves operators: http:// and a port of its own.
func (s *Stack) Ops(i int) string { return opsOf(s.gws[i]) }

// RoomsOps is Ops of room service i.
func (s *Stack) RoomsOps(i int) string { return opsOf(s.rooms[i]) }

// NATS returns NATS server i, to stop and restart it. Not with Options.NATSProcess.
func (s *Stack) NATS(i int) *natsbox.Server { return s.nats[i] }

// Connect opens a NATS connection beside the services', as a back end would.
func (s *Stack) Connect(t testing.TB) *nats.Conn {
	t.Helper()
	opts := []nats.Option{nats.MaxReconnects(-1), s.login("backend")}
	if s.bus == nil {
		opts = append(opts, nats.InProcessServer(s.nats[0]))
	}
	nc, err := nats.Connect(s.natsURLs(""), opts...)
	s.must(t, err)
	t.Cleanup(nc.Close)
	return nc
}

// StopGateway ends gateway i as SIGTERM does: it drains.
func (s *Stack) StopGateway(t testing.TB, i int) { t.Helper(); s.must(t, s.gws[i].stop()) }

// DrainGateway ends gateway i as SIGTERM does, and returns at once. wait returns
// when the gateway has ended, and must be called before any other use of it.
func (s *Stack) DrainGateway(t testing.TB, i int) (wait func()) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- s.gws[i].stop() }()
	return func() {
		t.Helper()
		s.must(t, <-done)
	}
}

// KillGateway ends gateway i at once. It needs Options.Processes.
func (s *Stack) KillGateway(t testing.TB, i int) { t.Helper(); s.must(t, s.gws[i].kill()) }

// PauseGateway freezes gateway i, or lets it go on. It needs Options.Processes.
func (s *Stack) PauseGateway(t testing.TB, i int, on bool) {
	t.Helper()
	s.must(t, s.gws[i].pause(on))
}

// StartGateway starts gateway i again, at the same address, under a new id.
func (s *Stack) StartGateway(t testing.TB, i int) { t.Helper(); s.startAgain(t, s.gws[i]) }

// StopRooms ends room service i as SIGTERM does.
func (s *Stack) StopRooms(t testing.TB, i int) { t.Helper(); s.must(t, s.rooms[i].stop()) }

// KillRooms ends room service i at once. It needs Options.Processes.
func (s *Stack) KillRooms(t testing.TB, i int) { t.Helper(); s.must(t, s.rooms[i].kill()) }

// PauseRooms freezes room service i, or lets it go on. It needs Options.Processes.
func (s *Stack) PauseRooms(t testing.TB, i int, on bool) {
	t.Helper()
	s.must(t, s.rooms[i].pause(on))
}

// StartRooms starts room service i again.
func (s *Stack) StartRooms(t testing.TB, i int) { t.Helper(); s.startAgain(t, s.rooms[i]) }

func (s *Stack) startAgain(t testing.TB, svc service) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	s.must(t, svc.start(ctx))
}

// Main is a TestMain: it runs the tests, removes what the kit built for them,
// and fails when a goroutine is left.
func Main(m *testing.M) {
	code := m.Run()
	if err := removeBinaries(); err != nil {
		os.Stderr.WriteString("kit: " + err.Error() + "\n")
		code = 1
	}
	os.Exit(checkLeaks(code))
}
