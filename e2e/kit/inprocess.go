package kit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"p2pconnector/e2e/natsbox"
	"p2pconnector/gateway"
	"p2pconnector/roomsvc"
)

// stopBound is how long a service may take to end after its window.
const stopBound = 20 * time.Second

// errInProcess is the error of kill and pause for a service in this process.
var errInProcess = errors.New("a service in this process cannot be killed or frozen: set Options.Processes")

// Service is the common interface of both services.
type Service interface {
	Run(context.Context) error
	Ready() <-chan struct{}
}

// local is a service in this process.
type local struct {
	name string
	make func() (Service, error)

	cancel context.CancelFunc // nil while it does not run
	runner Service
	done   chan error
	bound  time.Duration
}

func (l *local) start(ctx context.Context) error {
	r, err := l.make()
	if err != nil {
		return fmt.Errorf("%s: %w", l.name, err)
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	l.runner = r
	l.cancel, l.done = cancel, make(chan error, 1)
	go func() { l.done <- r.Run(run) }()
	select {
	case <-r.Ready():
		return nil
	case err := <-l.done:
		l.cancel = nil
		cancel()
		return fmt.Errorf("%s ended at its start: %w", l.name, err)
	case <-ctx.Done():
		return fmt.Errorf("%s is not ready: %w", l.name, ctx.Err())
	}
}

func (l *local) stop() error {
	if l.cancel == nil {
		return nil
	}
	l.cancel()
	l.cancel = nil
	select {
	case err := <-l.done:
		if err != nil && !errors.Is(err, context.Canceled) {
			return fmt.Errorf("%s: %w", l.name, err)
		}
		return nil
	case <-time.After(l.bound):
		return fmt.Errorf("%s has not ended %v after it was stopped", l.name, l.bound)
	}
}

// opsOf returns where a service serves operators.
func opsOf(svc service) string {
	l, ok := svc.(*local)
	if !ok {
		return ""
	}
	return "http://" + l.runner.(interface{ OpsAddr() string }).OpsAddr()
}

// opsListen returns the address for operators with a free port, or "" without
// Options.Ops.
func (s *Stack) opsListen() string {
	if s.opts.Ops {
		return "127.0.0.1:0"
	}
	return ""
}

func (l *local) kill() error      { return errInProcess }
func (l *local) pause(bool) error { return errInProcess }

// login returns the NATS option by which a client logs in as a user of
// Options.NATSFile.
func (s *Stack) login(user string) nats.Option {
	if s.opts.NATSFile == "" {
		return func(*nats.Options) error { return nil }
	}
	return nats.UserInfo(user, os.Getenv("NATS_"+strings.ToUpper(user)+"_PASSWORD"))
}

func (s *Stack) natsOptions(i int, user string) (string, []nats.Option) {
	node := s.nats[i%len(s.nats)]
	if len(s.nats) > 1 {
		return s.natsURLs(""), nil
	}
	return node.URL(), []nats.Option{nats.InProcessServer(node), s.login(user)}
}

func (s *Stack) newGateway(t testing.TB, i int) (service, string) {
	t.Helper()
	if s.opts.Processes {
		return s.gatewayProcess(t, i)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	s.must(t, err)
	addr := l.Addr().String()
	url, opts := s.natsOptions(i, "gateway")
	cfg := gateway.Config{
		// A test must not reach a limit that it does not test.
		MessagesPerSecond: -1, BytesPerSecond: -1, EgressPerSecond: -1, RoomEgressPerSecond: -1, TotalEgressPerSecond: -1,
		MaxPerAddress: -1, MaxPerUser: -1, MaxMemberships: -1, MembershipsPerAddr: -1, MembershipsPerUser: -1, MaxRoomRequests: -1, RoomPasswords: -1, MaxTopicsPerAddr: -1,
		ConnectsPerSecond: -1, ConnectsPerAddr: -1, TopicsPerSecond: -1,
		NATSOptions: opts, Listener: l,
		Logger:          s.log.With(slog.Int("instance", i)),
		MaxMessageBytes: s.opts.MaxMessageBytes, MaxRooms: s.opts.MaxRooms, MaxRoomMembers: s.opts.MaxRoomMembers,
		DrainWindow: s.opts.Drain, SessionGrace: s.opts.Grace, SessionKey: s.opts.SessionKey, AcceptFrom: s.opts.AcceptFrom,
	}
	cfg.NATS.URL, cfg.Ops.Listen = url, s.opsListen()
	if s.opts.Gateway != nil {
		s.opts.Gateway(&cfg)
	}
	return &local{name: fmt.Sprintf("gateway %d", i), bound: s.opts.Drain + stopBound, make: func() (Service, error) {
		own := cfg
		if cfg.Listener == nil { // a restart listens on the same port again
			if own.Listener, err = net.Listen("tcp", addr); err != nil {
				return nil, err
			}
		}
		cfg.Listener = nil
		return gateway.New(own)
	}}, addr
}

func (s *Stack) newRoomService(t testing.TB, i int) service {
	t.Helper()
	if s.opts.Processes {
		return s.roomProcess(t, i)
	}
	url, opts := s.natsOptions(i, "roomsvc")
	cfg := roomsvc.Config{
		NATSOptions: opts, Replicas: len(s.nats),
		MaxRoomMembers: s.opts.MaxRoomMembers, SessionGrace: s.opts.Grace,
		Logger: s.log.With(slog.Int("instance", i)),
	}
	cfg.NATS.URL, cfg.Ops.Listen = url, s.opsListen()
	return &local{name: fmt.Sprintf("room service %d", i), bound: stopBound, make: func() (Service, error) { return roomsvc.New(cfg) }}
}

// natsURLs returns the URLs of all servers, with the credentials of user, for a
// process.
func (s *Stack) natsURLs(user string) string {
	urls := joinURLs(s.nats)
	if s.bus != nil {
		urls = "nats://" + s.addr
	}
	if s.opts.NATSFile == "" || user == "" {
		return urls
	}
	return strings.ReplaceAll(urls, "nats://", "nats://"+user+":"+os.Getenv("NATS_"+strings.ToUpper(user)+"_PASSWORD")+"@")
}

func joinURLs(nodes []*natsbox.Server) string {
	urls := ""
	for i, n := range nodes {
		if i > 0 {
			urls += ","
		}
		urls += n.URL()
	}
	return urls
}
