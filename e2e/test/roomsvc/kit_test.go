// Package roomsvc_test holds the room service's tests against real NATS servers.
package roomsvc_test

import (
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"p2pconnector/e2e/kit"
	"p2pconnector/e2e/natsbox"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds the waits of these tests; a passing test stays far below it.
const patience = kit.Patience

func startNATS(t testing.TB) *natsbox.Server {
	t.Helper()
	return startNATSWith(t, natsbox.Config{Sync: time.Second})
}

func startNATSWith(t testing.TB, cfg natsbox.Config) *natsbox.Server {
	t.Helper()
	s, err := natsbox.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// startServices runs n room services on s until the test ends.
func startServices(t testing.TB, s *natsbox.Server, n int, cfg roomsvc.Config) []*roomsvc.Service {
	t.Helper()
	var list []*roomsvc.Service
	for range n {
		svc, _ := startService(t, s, cfg)
		list = append(list, svc)
	}
	return list
}

// startService runs one room service; stop ends it, and may be called twice.
func startService(t testing.TB, s *natsbox.Server, cfg roomsvc.Config) (svc *roomsvc.Service, stop func()) {
	t.Helper()
	cfg.NATSOptions = append(cfg.NATSOptions, nats.InProcessServer(s))
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	svc, err := roomsvc.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return svc, kit.Run(t, svc)
}

// requester acts as a gateway.
type requester struct {
	t  testing.TB
	id proto.GatewayID
	nc *nats.Conn

	n       atomic.Uint64
	changes chan bus.Change

	mu      sync.Mutex
	waiting map[string]chan *bus.Reply
}

func newRequester(t testing.TB, s *natsbox.Server) *requester {
	t.Helper()
	nc, err := nats.Connect("", nats.InProcessServer(s), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	a := &requester{t: t, id: proto.NewGatewayID(), nc: nc, changes: make(chan bus.Change, 100_000), waiting: make(map[string]chan *bus.Reply)}
	all, err := bus.GatewayWildcard(a.id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := nc.Subscribe(all, a.receive); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *requester) receive(msg *nats.Msg) {
	in, ok := bus.ParseInbound(msg.Subject)
	if !ok {
		a.t.Errorf("got subject %s, want one of a gateway", msg.Subject)
		return
	}
	switch in.Kind {
	case bus.KindState:
		var c bus.Change
		if err := json.Unmarshal(msg.Data, &c); err != nil {
			a.t.Errorf("change: %v", err)
		}
		a.changes <- c
	case bus.KindReply:
		r := new(bus.Reply)
		if len(msg.Data) > 0 {
			if err := json.Unmarshal(msg.Data, r); err != nil {
				a.t.Errorf("reply: %v", err)
			}
		} else { // the 503 of NATS
			r.Error = &proto.Error{Code: proto.Unavailable, Message: "nobody there"}
		}
		a.mu.Lock()
		ch := a.waiting[msg.Subject]
		delete(a.waiting, msg.Subject)
		a.mu.Unlock()
		if ch != nil {
			ch <- r
		}
	}
}

func (a *requester) peer() proto.PeerID { return proto.NewPeerID(a.id) }

func (a *requester) op() bus.OpID { return bus.NewOpID(a.id, a.n.Add(1)) }

// send sends a request without waiting; the channel receives the reply.
func (a *requester) send(op bus.Operation, r bus.Request) <-chan *bus.Reply {
	if r.Op == "" {
		r.Op = a.op()
	}
	if r.Gateway == "" && r.Peer != "" {
		r.Gateway = a.id
	}
	data, err := json.Marshal(&r)
	if err != nil {
		a.t.Error(err)
	}
	subject := bus.ReplySubject(a.id, a.n.Add(1))
	ch := make(chan *bus.Reply, 1)
	a.mu.Lock()
	a.waiting[subject] = ch
	a.mu.Unlock()
	if err := a.nc.PublishRequest(bus.RoomsSubject(op), subject, data); err != nil {
		a.t.Error(err)
	}
	return ch
}

var errNoReply = errors.New("no reply")

func await(ch <-chan *bus.Reply, d time.Duration) (*bus.Reply, error) {
	select {
	case r := <-ch:
		return r, nil
	case <-time.After(d):
		return nil, errNoReply
	}
}

// ask sends a request and returns its reply.
func (a *requester) ask(op bus.Operation, r bus.Request) *bus.Reply {
	a.t.Helper()
	reply, err := await(a.send(op, r), patience)
	if err != nil {
		a.t.Fatalf("%s: %v", op, err)
	}
	return reply
}

// must sends a request that has to succeed.
func (a *requester) must(op bus.Operation, r bus.Request) *bus.Reply {
	a.t.Helper()
	reply := a.ask(op, r)
	if reply.Error != nil {
		a.t.Fatalf("%s: got %v, want no error", op, reply.Error)
	}
	return reply
}

// room returns the room as a back end sees it, or nil.
func (a *requester) room(id proto.RoomID) *bus.Room {
	a.t.Helper()
	reply := a.ask(bus.OpGet, bus.Request{Room: id})
	if reply.Error != nil {
		if reply.Error.Code != proto.NotFound {
			a.t.Fatalf("get: got %v, want no error or %s", reply.Error, proto.NotFound)
		}
		return nil
	}
	return reply.State.Room
}

func code(r *bus.Reply) proto.ErrorCode {
	if r.Error == nil {
		return ""
	}
	return r.Error.Code
}

// bucketStream returns the stream of the rooms bucket.
func bucketStream(t *testing.T, nc *nats.Conn) jetstream.Stream {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), bus.BucketStream(bus.RoomsBucket))
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

// writes returns how many messages the rooms bucket has ever accepted.
func writes(t *testing.T, nc *nats.Conn) uint64 {
	t.Helper()
	info, err := bucketStream(t, nc).Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return info.State.LastSeq
}

// liveKeys lists the rooms that NATS's own key-value API returns.
func liveKeys(t *testing.T, nc *nats.Conn) []string {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	kv, err := js.KeyValue(t.Context(), bus.RoomsBucket)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := kv.Keys(t.Context())
	if err != nil && !errors.Is(err, jetstream.ErrNoKeysFound) {
		t.Fatal(err)
	}
	return keys
}

func ids(r *bus.Room) string {
	if r == nil {
		return "no room"
	}
	var b strings.Builder
	for _, m := range r.Members {
		b.WriteString(string(m.ID) + " ")
	}
	return b.String()
}
