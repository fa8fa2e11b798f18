package roomsvc

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"p2pconnector/proto/agreement"
	"p2pconnector/proto/bus"
	"p2pconnector/proto/service"
	"p2pconnector/roomsvc/internal/commit"
	"p2pconnector/roomsvc/internal/directory"
	"p2pconnector/roomsvc/internal/kv"
	"p2pconnector/roomsvc/internal/metrics"
	"p2pconnector/roomsvc/internal/query"
	"p2pconnector/roomsvc/internal/signing"
	"p2pconnector/roomsvc/internal/store"
	"p2pconnector/roomsvc/internal/sweep"
)

// shutdownTime bounds how long Run goes on after its context has ended.
const shutdownTime = 10 * time.Second

// Service is one instance of the room service. Its methods may be called by any
// goroutine; Run only once.
type Service struct {
	cfg      Config           // with defaults
	instance string           // drawn at the start
	shared   *agreement.Table // settings that all instances should have in common
	bytes    int              // of a room's value at most; set by Run
	metrics  *metrics.Metrics
	leases   *sweep.Leases
	ready    chan struct{}
	ran      atomic.Bool
	ending   atomic.Bool // no new requests are taken

	buckets                            *store.Buckets
	roomStore, sessionStore, nameStore *store.Bucket // of buckets
	keys                               *signing.Keys
	queries                            query.Rooms
	// The three stores above, unless a test puts a faulty bucket before one.
	roomBucket, nameBucket kv.Bucket
	sessionBucket          kv.BatchBucket

	// Set by Run before any request arrives.
	nc        *nats.Conn
	committer atomic.Pointer[commit.Committer]
	sessions  atomic.Pointer[directory.Sessions]
	names     atomic.Pointer[directory.Names]
	jobs      *jobs
	ops       atomic.Pointer[service.OpsServer]
}

// New returns a service that is yet to run. Its error names the setting that
// cannot work.
func New(cfg Config) (*Service, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	b := store.New(cfg.Logger, bucketConfigs(&cfg)...)
	all := b.All()
	s := &Service{
		cfg: cfg, buckets: b, roomStore: all[0], sessionStore: all[1], nameStore: all[2],
		keys: signing.New(all[3], cfg.Logger), queries: query.Rooms{Bucket: all[0]},
		roomBucket: all[0], sessionBucket: all[1], nameBucket: all[2],
		bytes:   bus.MaxRoomStateBytes,
		metrics: metrics.New(),
		leases:  sweep.NewLeases(cfg.SessionGrace),
		ready:   make(chan struct{}),
	}
	s.share()
	return s, nil
}

// bucketConfigs describes the buckets of rooms, sessions, names and keys.
func bucketConfigs(cfg *Config) []store.Config {
	return []store.Config{
		{Name: bus.RoomsBucket, MaxBytes: cfg.MaxBucketBytes},
		{Name: bus.SessionsBucket, MaxBytes: cfg.MaxBucketBytes, TombstoneTTL: bus.SessionTombstone},
		{Name: bus.NamesBucket, MaxBytes: cfg.MaxBucketBytes, TombstoneTTL: bus.NameTombstone},
		{Name: bus.KeysBucket, MaxBytes: store.MinBytes}, // one key
	}
}

// Ready returns a channel that is closed when the service answers requests.
func (s *Service) Ready() <-chan struct{} { return s.ready }

// Run connects, waits until JetStream is there, and answers requests until ctx
// ends. Then it finishes what it has begun, within 10 s, and returns nil when
// all that it started has ended. An error says that NATS refuses this service
// or that the address for operators cannot be opened.
func (s *Service) Run(ctx context.Context) error {
	if s.ran.Swap(true) {
		return errors.New("Run called twice")
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	closed := make(chan struct{})
	nc, err := s.connect(func(err error) {
		cancel(errors.Join(errNATSClosed, err))
		close(closed)
	})
	if err != nil {
		return err
	}
	s.nc = nc
	ops, err := s.startOps()
	if err == nil {
		err = s.serve(ctx)
		ops.Close()
	}
	if cause := context.Cause(ctx); errors.Is(cause, errNATSClosed) {
		err = cause
	}
	nc.Close()
	<-closed
	return err
}

// serve does everything that needs a connection.
func (s *Service) serve(ctx context.Context) error {
	log := s.cfg.Logger
	sub, err := s.nc.Subscribe(bus.LeaseWildcard, s.onLease)
	if err != nil {
		return fmt.Errorf("subscribe to leases: %w", err)
	}
	settings, err := s.nc.Subscribe(bus.RoomsSettingsSubject, func(m *nats.Msg) { s.shared.Receive(m.Subject, m.Data) })
	if err != nil {
		return fmt.Errorf("subscribe to settings: %w", err)
	}
	defer settings.Unsubscribe() //nolint:errcheck // the connection is closed next
	defer sub.Unsubscribe()      //nolint:errcheck // the connection is closed next
	if err := s.buckets.Open(ctx, s.nc, s.cfg.Replicas); err != nil {
		if ctx.Err() != nil {
			return nil // asked to end before JetStream was there
		}
		return err
	}
	s.fitPayload()

	c := commit.New(commit.Config{
		Bucket: s.roomBucket, Limits: s.limits, Log: log, Metrics: s.metrics,
		Usage: s.roomStore.Usage(), Conn: s.conn, Waiting: s.cfg.MaxWaiting, Announce: s.announce,
	})
	s.committer.Store(c)
	sessions := directory.NewSessions(s.sessionBucket, s.directoryConfig(s.sessionStore))
	s.sessions.Store(sessions)
	names := directory.NewNames(s.nameBucket, s.scanNames, s.directoryConfig(s.nameStore))
	s.names.Store(names)
	s.jobs = newJobs()
	svc, err := s.addEndpoints()
	if err == nil && s.listening(ctx) {
		s.jobs.start(s.sweeper().Run)
		s.jobs.start(s.announceSettings)
		s.jobs.start(func(ctx context.Context) { s.buckets.Watch(ctx, s.nc.IsConnected) })
		close(s.ready)
		log.Info("room service is ready", "instance", s.instance, "replicas", s.roomStore.Replicas())
		<-ctx.Done()
		log.Info("room service is stopping")
	}
	s.shutdown(svc, c.Close, sessions.Close, names.Close)
	return err
}

// listening waits until the server knows of the subscriptions, because earlier
// requests find no responder. It returns false when ctx ends first. A reconnect
// subscribes anew.
func (s *Service) listening(ctx context.Context) bool {
	for ctx.Err() == nil {
		try, cancel := context.WithTimeout(ctx, kv.CallTimeout)
		err := s.nc.FlushWithContext(try)
		if err == nil {
			cancel()
			return true
		}
		s.cfg.Logger.Debug("subscriptions are not confirmed yet; trying again", "err", err)
		<-try.Done() // what is left of it is the pause
		cancel()
	}
	return false
}

// shutdown stops from the outside in: it takes no new requests, then finishes those in
// progress, which closers wait for.
func (s *Service) shutdown(svc micro.Service, closers ...func(context.Context)) {
	s.ending.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	if svc != nil {
		left := s.nc.NumSubscriptions() - subscriptions(svc)
		if err := svc.Stop(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
			s.cfg.Logger.Warn("could not unsubscribe from requests", "err", err)
		}
		s.awaitDrained(ctx, left)
	}
	for _, finish := range closers {
		finish(ctx)
	}
	s.jobs.close()
	// The server has the last answers when the flush returns.
	if err := s.nc.FlushWithContext(ctx); err != nil && s.nc.IsConnected() {
		s.cfg.Logger.Warn("last answers may be lost", "err", err)
	}
}

// awaitDrained waits until only left subscriptions remain. micro's Stop returns
// before its subscriptions have handed out the messages that they hold, and
// does not report when they have.
func (s *Service) awaitDrained(ctx context.Context, left int) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	t := time.NewTicker(2 * time.Millisecond)
	defer t.Stop()
	for s.nc.IsConnected() && s.nc.NumSubscriptions() > left {
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
	}
}

// fitPayload keeps rooms small enough for the NATS server.
func (s *Service) fitPayload() {
	const overhead = 64 << 10
	most := s.nc.MaxPayload()
	if most < bus.MaxPayloadBytes {
		s.cfg.Logger.Warn("the NATS server's max_payload is small; large rooms will not fit", "max_payload", most, "want", bus.MaxPayloadBytes)
	}
	// A read comes as base64 in JSON.
	s.bytes = min(s.bytes, max(int(most)-overhead, overhead)*3/4)
}

// conn returns the number of the present NATS connection of this process.
func (s *Service) conn() uint64 { return s.nc.Stats().Reconnects }

func (s *Service) onLease(msg *nats.Msg) {
	s.shared.Receive(msg.Subject, msg.Data)
	if g, ok := bus.ParseLease(msg.Subject); ok && s.leases.Renewed(g) {
		s.publishSettings(false) // before the gateway announces limits to clients
	}
}
