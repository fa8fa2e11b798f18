package gateway

import (
	"bufio"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"p2pconnector/proto"
)

// testGateway makes a gateway that is not run: what it holds can be used, but
// it reaches no NATS.
func testGateway(t testing.TB, cfg Config) *Gateway {
	t.Helper()
	g, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	set, err := parseKeys("a secret for tests only")
	if err != nil {
		t.Fatal(err)
	}
	g.keys.set.Store(set)
	return g
}

// testConn makes a connection of g over raw, as accept does, without a reader.
func testConn(g *Gateway, raw net.Conn) *conn {
	gd := newTestGuard(raw, g.cfg.MaxMessageBytes, g.coarse.Load)
	c := newConn(g, raw, gd, false)
	c.session = &session{g: g, id: proto.NewPeerID(g.id), conn: c}
	c.leave = func() {}
	return c
}

func newTestGuard(raw net.Conn, max int, clock func() int64) *guard {
	gd := &guard{Conn: raw, max: uint64(max), clock: clock, control: controlBurst, refilled: clock()}
	gd.lastRead.Store(clock())
	return gd
}

// serveTest starts the reader of a connection over raw, whose client has shaken
// hands: nothing is written before the first frame is.
func serveTest(t testing.TB, g *Gateway, raw net.Conn, mute bool) *conn {
	t.Helper()
	c := testConn(g, raw)
	c.mute = mute
	r := &http.Request{Header: http.Header{"Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}}}
	c.guard.Conn = silent{raw}
	ws, err := g.upgrader.ws.UpgradeFromConn(c.guard, bufio.NewReaderSize(c.guard, readBufferBytes), plainHandshake(r))
	if err != nil {
		t.Fatal(err)
	}
	c.guard.Conn, c.guard.upgraded = raw, true
	ws.Session().(*owner).conn = c
	if !g.conns.add(c) {
		t.Fatal("the gateway takes no connection")
	}
	go g.serve(c, socket{ws})
	return c
}

// silent swallows the answer to a handshake that nobody reads.
type silent struct{ net.Conn }

func (silent) Write(b []byte) (int, error) { return len(b), nil }

// frameBytes is a masked frame as a client sends it.
func frameBytes(first byte, payload []byte) []byte {
	b := headerBytes(first, uint64(len(payload)))
	for i, v := range payload {
		b = append(b, v^byte(0x11*(i%4+1)))
	}
	return b
}

// headerBytes is the header of a frame that says that n bytes follow.
func headerBytes(first byte, n uint64) []byte {
	b := []byte{first}
	switch {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), n)
	}
	return append(b, 0x11, 0x22, 0x33, 0x44)
}

// logTo logs everything to w.
func logTo(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// fixedClock stands still.
func fixedClock() int64 { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).UnixNano() }
