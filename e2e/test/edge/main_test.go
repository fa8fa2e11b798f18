// Package edge_test attacks a gateway as clients on the internet may, below the
// level of any WebSocket library, and checks each answer's exact code.
package edge_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"p2pconnector/e2e/kit"
	"p2pconnector/e2e/kit/raw"
	"p2pconnector/e2e/natsbox"
	"p2pconnector/gateway"
	"p2pconnector/proto"
	"p2pconnector/roomsvc"
)

func TestMain(m *testing.M) { kit.Main(m) }

// edge is a running gateway with the services that it needs.
type edge struct {
	addr string
	log  *logBook
}

// start starts a gateway; set changes its configuration, which has no limits
// except those that the tests set.
func start(t testing.TB, set func(*gateway.Config)) *edge {
	t.Helper()
	return startGateway(t, inProcess(newRooms(t)), set)
}

// newRooms starts NATS and a room service.
func newRooms(t testing.TB) *natsbox.Server { return newRoomsWith(t, roomsvc.Config{}) }

// newRoomsWith is newRooms for a room service with settings.
func newRoomsWith(t testing.TB, cfg roomsvc.Config) *natsbox.Server {
	t.Helper()
	box := newBox(t)
	cfg.NATSOptions, cfg.Logger = inProcess(box), kit.Logger(t, slog.LevelWarn)
	rooms, err := roomsvc.New(cfg)
	must(t, err)
	kit.Run(t, rooms)
	return box
}

func newBox(t testing.TB) *natsbox.Server {
	t.Helper()
	box, err := natsbox.Start(natsbox.Config{})
	must(t, err)
	t.Cleanup(func() { must(t, box.Close()) })
	return box
}

func inProcess(box *natsbox.Server) []nats.Option {
	return []nats.Option{nats.InProcessServer(box)}
}

func startGateway(t testing.TB, options []nats.Option, set func(*gateway.Config)) *edge {
	t.Helper()
	book := new(logBook)
	cfg := gateway.Config{
		NATSOptions: options, Listen: "127.0.0.1:0", DrainWindow: 200 * time.Millisecond,
		MessagesPerSecond: -1, BytesPerSecond: -1, EgressPerSecond: -1, RoomEgressPerSecond: -1, TotalEgressPerSecond: -1,
		MaxPerAddress: -1, MaxPerUser: -1, MaxMemberships: -1, MembershipsPerAddr: -1, MembershipsPerUser: -1, MaxRoomRequests: -1, RoomPasswords: -1, MaxTopicsPerAddr: -1,
		ConnectsPerSecond: -1, ConnectsPerAddr: -1, TokenFailuresPerAddr: -1, TopicsPerSecond: -1,
		Logger: slog.New(slog.NewJSONHandler(book, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if set != nil {
		set(&cfg)
	}
	gw, err := gateway.New(cfg)
	must(t, err)
	kit.Run(t, gw)
	return &edge{addr: gw.Addr().String(), log: book}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// client is an upgraded connection that has read its Client_Details.
type client struct {
	*raw.Conn
	t       testing.TB
	details proto.Details
}

// open performs the handshake and reads the Client_Details.
func (e *edge) open(t testing.TB, path string, h http.Header) *client {
	t.Helper()
	c, _, err := raw.Dial(t.Context(), e.addr, path, h)
	must(t, err)
	return begin(t, c)
}

func begin(t testing.TB, c *raw.Conn) *client {
	t.Helper()
	t.Cleanup(func() { _ = c.Close() }) // it may be closed already
	must(t, c.SetDeadline(time.Now().Add(2*kit.Patience)))
	cl := &client{Conn: c, t: t}
	f := cl.expect(string(proto.ClientDetails))
	must(t, json.Unmarshal(f.Data, &cl.details))
	return cl
}

// refused dials and returns the status and the text with which the gateway refuses
// before the upgrade.
func (e *edge) refused(t testing.TB, path string, h http.Header) (*http.Response, string) {
	t.Helper()
	c, resp, err := raw.Dial(t.Context(), e.addr, path, h)
	if c != nil {
		_ = c.Close()
		t.Fatalf("%s with %v: got an upgrade, want it refused", path, h)
	}
	if !errors.Is(err, raw.ErrRefused) {
		t.Fatal(err)
	}
	var body bytes.Buffer
	_, err = body.ReadFrom(resp.Body)
	must(t, err)
	_ = resp.Body.Close()
	return resp, body.String()
}

// frame has the members of any frame to a client.
type frame struct {
	Type  string          `json:"type"`
	Event string          `json:"event"`
	From  string          `json:"from"`
	ID    json.RawMessage `json:"id"`
	Data  json.RawMessage `json:"data"`
	raw   []byte
}

func (f frame) data(t testing.TB) (d proto.ErrorData) {
	t.Helper()
	must(t, json.Unmarshal(f.Data, &d))
	return d
}

// send sends a text frame.
func (c *client) send(text string) { c.t.Helper(); c.bytes(raw.Encode(raw.Fin|raw.Text, []byte(text))) }

// bytes writes raw bytes.
func (c *client) bytes(b []byte) {
	c.t.Helper()
	if _, err := c.Write(b); err != nil {
		c.t.Fatalf("writing: %v", err)
	}
}

// next returns the next text frame except Session, which the gateway sends
// whenever rooms change.
func (c *client) next() frame {
	c.t.Helper()
	for {
		b, err := c.Next()
		if err != nil {
			c.t.Fatalf("got %v, want a text frame", err)
		}
		f := frame{raw: b}
		must(c.t, json.Unmarshal(b, &f))
		if f.Event != string(proto.Session) {
			return f
		}
	}
}

// session reads on to the next Session event and returns its token.
func (c *client) session() string {
	c.t.Helper()
	for {
		b, err := c.Next()
		must(c.t, err)
		var f struct {
			Event string            `json:"event"`
			Data  proto.SessionData `json:"data"`
		}
		if must(c.t, json.Unmarshal(b, &f)); f.Event == string(proto.Session) {
			return f.Data.Session
		}
	}
}

func roomData(t testing.TB, f frame) (d proto.RoomData) {
	t.Helper()
	must(t, json.Unmarshal(f.Data, &d))
	return d
}

// expect returns the next frame, which must carry that event.
func (c *client) expect(event string) frame {
	c.t.Helper()
	f := c.next()
	if f.Event != event {
		c.t.Fatalf("got %.300s, want %s", f.raw, event)
	}
	return f
}

// alive checks that the connection works.
func (c *client) alive() {
	c.t.Helper()
	c.send(`{"event":"Ping"}`)
	c.expect(string(proto.Pong))
}

// closed checks that the server closes with code: a close frame, and then the end
// of the connection.
func (c *client) closed(code proto.CloseCode) string {
	c.t.Helper()
	end, err := c.Until()
	if err != nil {
		c.t.Fatalf("got the end with %v, want close %v", err, code)
	}
	if end.Code != code {
		c.t.Errorf("got close %v %q, want %v", end.Code, end.Reason, code)
	}
	if f, err := c.ReadFrame(); err == nil {
		c.t.Errorf("got a frame with opcode %d after the close frame, want none", f.Op)
	}
	return end.Reason
}

// logBook stores the gateway's log.
type logBook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

// lines returns the lines logged so far.
func (l *logBook) lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Split(strings.TrimSuffix(l.b.String(), "\n"), "\n")
}
