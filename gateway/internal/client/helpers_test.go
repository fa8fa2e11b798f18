package client

import (
	"cmp"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"testing"

	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/egress"
	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/ratelimit"
	"p2pconnector/gateway/internal/relay"
	"p2pconnector/gateway/internal/session/sessiontest"
	"p2pconnector/gateway/internal/socket/sockettest"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// gateway is a gateway whose connections are tested.
type gateway struct {
	*sessiontest.Gateway
	conns *Table
}

// config are the settings that tests change.
type config struct {
	sessiontest.Options
	maxRooms int
}

// relays is sessiontest.Relays for clients.
type relays struct{ sessiontest.Relays }

func (relays) SendFor(link.Frame, relay.LookupLimiter) proto.ErrorCode { return proto.Unavailable }

// roomQueueFrames is how many frames of a connection may wait for its room requests, besides one
// for each room.
const roomQueueFrames = 64

func testGateway(t testing.TB, cfg config) *gateway {
	t.Helper()
	if cfg.maxRooms == 0 {
		cfg.maxRooms = proto.DefaultMaxRooms
	}
	cfg.MaxMessageBytes, cfg.Logger = cmp.Or(cfg.MaxMessageBytes, 1<<16), cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler))
	g := &gateway{Gateway: sessiontest.New(t, cfg.Options)}
	g.conns = NewTable(Config{
		Own: g.ID, Logger: cfg.Logger, Metrics: g.Metrics, Clock: &g.Clock, Frames: g.Frames, Keys: g.Keys,
		Verifier: func() *auth.Verifier { return nil }, Sessions: g.Sessions, Rooms: g.Rooms, Requests: g.Requests, Turns: g.Turns,
		Relays: relays{}, Budgets: egress.New(egress.Config{Received: -1, Caused: -1, Room: -1, Total: -1, Clock: &g.Clock, Refused: g.Metrics.Frames.Limited.Inc}),
		Buffers: g.Buffers, FrameLimit: ratelimit.Limit{PerSecond: 200, Burst: 1000},
		MaxMessageBytes: cfg.MaxMessageBytes, MaxRooms: cfg.maxRooms, RoomQueueFrames: roomQueueFrames, Quota: g.Quota,
		Shared: func() bus.SharedSettings { return g.Shared }, Draining: func() bool { return false }, Go: g.Go, Ended: g.Ended,
	})
	return g
}

// testConn makes a connection of g over raw, as Open does, without a reader. The client does
// not see the answer to its handshake, and gets no Client_Details.
func testConn(g *gateway, raw net.Conn) *Conn {
	w, r := sockettest.Handshake(sockettest.WithoutAnswer(raw))
	ws, err := g.Sockets.Upgrade(w, r, "")
	if err != nil {
		panic(err)
	}
	c := g.conns.New(ws, netip.Addr{}, false)
	g.Start(&c.Conn)
	return c
}

// serveTest starts the reader of a connection over raw, after the handshake: nothing
// is written before the first frame.
func serveTest(t testing.TB, g *gateway, raw net.Conn) *Conn {
	t.Helper()
	c := testConn(g, raw)
	if !g.conns.add(c) {
		t.Fatal("got a connection refused, want it accepted")
	}
	go c.serve()
	return c
}

// logTo logs everything to w.
func logTo(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
