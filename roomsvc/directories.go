package roomsvc

import (
	"context"
	"encoding/json"
	"time"

	"github.com/nats-io/nats.go/micro"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/directory"
	"p2pconnector/roomsvc/internal/kv"
	"p2pconnector/roomsvc/internal/store"
)

var sessionEndpoints = map[bus.SessionOperation]endpoint{
	bus.SessionTake: {"Makes owner the owner of a session, in epoch.", "peer, owner, epoch; revision, attempt", "owner, epoch, attempt, revision, refused, ended"},
	bus.SessionGet:  {"Returns who owns a session.", "peer", "owner, epoch, attempt, revision, ended"},
	bus.SessionEnd:  {"Ends a session; for its owner.", "peer, owner, epoch; revision", "epoch, revision, refused, ended"},
	bus.SessionSync: {"Returns those of sessions that owner does not own.", "owner, sessions", "sessions"},
}

var nameEndpoints = map[bus.NameOperation]endpoint{
	bus.NameClaim:   {"Gives a name to a peer.", "namespace, name, peer, owner, secret; revision, force", "peer, owner, free, revision, refused"},
	bus.NameGet:     {"Returns which peer has a name.", "namespace, name", "peer, owner, free, revision"},
	bus.NameList:    {"Lists names that are taken.", "namespace", "names, more"},
	bus.NameRelease: {"Takes a name back; for its peer.", "namespace, name, peer", "peer, owner, free, revision, refused"},
}

// directoryOperation is an operation of a directory: its subject below the directory's
// prefix, and its name in tools and metrics.
type directoryOperation interface {
	~string
	Endpoint() string
}

// directoryOf is a directory as its endpoints see it.
type directoryOf[K ~string, Q, R any] interface {
	Submit(*directory.Request[K, Q, R]) *proto.Error
	Outcome(*R) (*proto.Error, string)
	Failure(*proto.Error) *R
}

// directoryEndpoints subscribes to requests to a directory.
type directoryEndpoints[K directoryOperation, Q, R any] struct {
	s         *Service
	d         directoryOf[K, Q, R]
	prefix    string // of the subjects
	endpoints map[K]endpoint
	// owner returns the gateway that the operation makes an entry's owner, or "".
	owner func(K, *Q) proto.GatewayID
}

// addDirectories subscribes to requests to both directories.
func (s *Service) addDirectories(svc micro.Service) error {
	if err := s.sessionEndpoints(s.sessions.Load()).add(svc, bus.SessionOperations); err != nil {
		return err
	}
	return s.nameEndpoints(s.names.Load()).add(svc, bus.NameOperations)
}

func (s *Service) sessionEndpoints(d *directory.Sessions) directoryEndpoints[bus.SessionOperation, bus.SessionRequest, bus.SessionReply] {
	return directoryEndpoints[bus.SessionOperation, bus.SessionRequest, bus.SessionReply]{s, d, bus.SessionsPrefix, sessionEndpoints, sessionOwner}
}

func (s *Service) nameEndpoints(d *directory.Names) directoryEndpoints[bus.NameOperation, bus.NameRequest, bus.NameReply] {
	return directoryEndpoints[bus.NameOperation, bus.NameRequest, bus.NameReply]{s, d, bus.NamesPrefix, nameEndpoints, nameOwner}
}

func sessionOwner(op bus.SessionOperation, r *bus.SessionRequest) proto.GatewayID {
	if op == bus.SessionTake {
		return r.Owner
	}
	return ""
}

func nameOwner(op bus.NameOperation, r *bus.NameRequest) proto.GatewayID {
	if op == bus.NameClaim {
		return r.Owner
	}
	return ""
}

func (e directoryEndpoints[K, Q, R]) add(svc micro.Service, operations []K) error {
	group := svc.AddGroup(e.prefix)
	for _, op := range operations {
		err := group.AddEndpoint(op.Endpoint(), e.handler(op), append(e.endpoints[op].options(), micro.WithEndpointSubject(string(op)))...)
		if err != nil {
			return err
		}
	}
	return nil
}

// handler queues requests to the directory. It never waits: the handlers of an endpoint run
// one at a time.
func (e directoryEndpoints[K, Q, R]) handler(op K) micro.HandlerFunc {
	return func(m micro.Request) {
		body, subject, arrived := new(Q), m.Reply(), time.Now()
		reply := func(r *R) {
			if r != nil {
				e.reply(op, subject, arrived, r)
			}
		}
		if err := json.Unmarshal(m.Data(), body); err != nil {
			reply(e.d.Failure(malformed(err)))
			return
		}
		if err := e.d.Submit(&directory.Request[K, Q, R]{Kind: op, Body: body, Arrived: arrived, Answer: reply}); err != nil {
			reply(e.d.Failure(err))
			return
		}
		e.s.leases.Notice(e.owner(op, body)) // a refused request makes nobody an owner
	}
}

func (e directoryEndpoints[K, Q, R]) reply(op K, subject string, arrived time.Time, r *R) {
	failure, refusal := e.d.Outcome(r)
	e.s.metrics.Answered(op.Endpoint(), arrived, outcomeOf(failure, refusal))
	if err := e.s.publish(subject, r, failure); err != nil {
		e.s.cfg.Logger.Debug("reply not sent; the requester will repeat its request", "operation", op.Endpoint(), "err", err)
	}
}

// scanNames is a directory.Scan of the directory of names.
func (s *Service) scanNames(ctx context.Context, keys string, f func(string, kv.Record) error) error {
	return s.nameStore.Scan(ctx, []string{keys}, false, f)
}

// directoryConfig returns the configuration of the directory that is kept in st.
func (s *Service) directoryConfig(st *store.Bucket) directory.Config {
	return directory.Config{Log: s.cfg.Logger, Metrics: s.metrics, Usage: st.Usage(), Waiting: s.cfg.MaxWaiting / 4, Conn: s.conn}
}
