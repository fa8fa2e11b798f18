package gateway

import (
	"cmp"
	"encoding/json"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"p2pconnector/gateway/internal/client"
	"p2pconnector/gateway/internal/frames"
	"p2pconnector/gateway/internal/handshake"
	"p2pconnector/gateway/internal/natsbus"
	"p2pconnector/gateway/internal/relay"
	"p2pconnector/gateway/internal/session"
	"p2pconnector/gateway/internal/socket"
	"p2pconnector/gateway/internal/socket/sockettest"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// testGateway makes a gateway that does not run and has no connection to NATS. Its
// parts can be used.
func testGateway(t testing.TB, cfg Config) *Gateway {
	t.Helper()
	return testGatewayOn(t, cfg, new(ackRecorder))
}

// testGatewayOn is testGateway whose relays go to b.
func testGatewayOn(t testing.TB, cfg Config, b relay.Bus) *Gateway {
	t.Helper()
	return testWiring(t, cfg, b).g
}

// testWiring is testGatewayOn for tests that need the wiring.
func testWiring(t testing.TB, cfg Config, b relay.Bus) *wiring {
	t.Helper()
	cfg.SessionKey = cmp.Or(cfg.SessionKey, "a secret for tests only")
	g, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	tb := &testBus{relays: b}
	testBuses.Store(g, tb)
	t.Cleanup(func() { testBuses.Delete(g) })
	return g.wire(b, tb.publishRequest)
}

// ackRecorder is a bus without a connection. It keeps the last ack for each gateway.
type ackRecorder struct {
	mu   sync.Mutex
	last map[string]bus.Ack // by subject
}

// testBus has what a gateway of testGateway publishes to.
type testBus struct {
	relays   relay.Bus
	requests atomic.Pointer[func(subject, reply string, data []byte) error] // nil: they fail
}

func (b *testBus) publishRequest(subject, reply string, data []byte) error {
	if publish := b.requests.Load(); publish != nil {
		return (*publish)(subject, reply, data)
	}
	return errNotConnected
}

// testBuses has the testBus of each *Gateway.
var testBuses sync.Map

// testBusOf returns the bus of a gateway that testGateway made.
func testBusOf(g *Gateway) *testBus {
	b, _ := testBuses.Load(g)
	return b.(*testBus)
}

// errNotConnected is the error of a bus without a connection.
var errNotConnected = errors.New("not connected")

func (r *ackRecorder) Publish(subject string, data []byte) error {
	var a bus.Ack
	if json.Unmarshal(data, &a) != nil {
		return errNotConnected
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last == nil {
		r.last = make(map[string]bus.Ack)
	}
	r.last[strings.Clone(subject)] = a
	return nil
}
func (*ackRecorder) PublishRequest(string, string, []byte) error { return errNotConnected }
func (*ackRecorder) PublishMessage(natsbus.Message) error        { return errNotConnected }
func (*ackRecorder) Connected() bool                             { return false }

// requestsTo passes the requests of g to other services to publish.
func requestsTo(g *Gateway, publish func(subject, reply string, data []byte) error) {
	testBusOf(g).requests.Store(&publish)
}

// setAlive makes g receive the first lease of another gateway.
func setAlive(t testing.TB, g *Gateway, other proto.GatewayID) {
	t.Helper()
	subject, err := bus.LeaseSubject(other)
	if err != nil {
		t.Fatal(err)
	}
	g.heartbeat.Receive(natsbus.Message{Subject: subject, Data: frames.Marshal(bus.Lease{Gateway: other})})
}

// testConn makes a connection of g over raw, as accept does, without a reader. The
// client does not see the answer to its handshake.
func testConn(g *Gateway, raw net.Conn) *client.Conn {
	return newTestConn(g, sockettest.WithoutAnswer(raw))
}

// newTestConn is testConn with an answer to the handshake.
func newTestConn(g *Gateway, raw net.Conn) *client.Conn {
	w, r := sockettest.Handshake(raw)
	ws, err := g.sockets.Upgrade(w, r, "")
	if err != nil {
		panic(err)
	}
	c := g.conns.New(ws, netip.Addr{}, false)
	start(g, &c.Conn, "")
	return c
}

// start gives a connection a fresh session, without a Client_Details.
func start(g *Gateway, c *session.Conn, dialect string) {
	client := c.Client
	c.Client = mute{}
	s := g.sessions.New(netip.Addr{}, "")
	if dialect != "" {
		s.SetDialect(dialect, nil)
	}
	s.Start(c)
	c.Client = client
}

// mute is the client of a connection that gets nothing.
type mute struct{}

func (mute) Enqueue(proto.PeerID, []byte) session.Result { return session.Delivered }
func (mute) RefuseRooms() []byte                         { return nil }
func (mute) LeaveUncovered()                             {}

// taken is a bus that accepts and discards everything.
type taken struct{}

func (taken) Publish(string, []byte) error                { return nil }
func (taken) PublishRequest(string, string, []byte) error { return nil }
func (taken) PublishMessage(natsbus.Message) error        { return nil }
func (taken) Connected() bool                             { return true }

// awaySession makes a session of g whose client is away, so that frames for it wait.
func awaySession(g *Gateway) *session.Session { return accepting(g, g.cfg.AcceptFrom) }

// accepting is awaySession for a peer that accepts frames of these senders.
func accepting(g *Gateway, accept proto.Senders) *session.Session {
	c := &session.Conn{AcceptFrom: &accept}
	start(g, c, "")
	s := c.Session
	end(c, false)
	return s
}

// end ends a connection that has left nothing; clean is true when its client left.
func end(c *session.Conn, clean bool) {
	c.End(clean, func() socket.Remains { return socket.Remains{} })
}

// opened opens a connection over raw as the handshake handler does, with a reader.
func opened(t testing.TB, g *Gateway, raw net.Conn) *client.Conn {
	t.Helper()
	w, r := sockettest.Handshake(sockettest.WithoutAnswer(raw))
	ws, err := g.sockets.Upgrade(w, r, "")
	if err != nil {
		t.Fatal(err)
	}
	if !g.conns.Open(handshake.Accepted{Conn: ws, Leave: func() {}}) {
		t.Fatal("got a connection refused, want it accepted")
	}
	for _, c := range g.conns.List(nil) {
		if c.Socket == ws {
			return c
		}
	}
	t.Fatal("got no connection in the table, want it there")
	return nil
}
