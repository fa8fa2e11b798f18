package edge_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"p2pconnector/e2e/kit/raw"
	"p2pconnector/gateway"
	"p2pconnector/proto"
)

// The 14 bytes that end a process on gws v1.8.9 close that connection with 1002,
// and no other connection notices.
func TestConn_FrameThatPanicsTheLibrary_ClosesOnlyItself(t *testing.T) {
	e := start(t, nil)
	beside := e.open(t, "/", nil)
	for range 20 {
		c := e.open(t, "/", nil)
		c.send(ping)
		c.bytes(raw.Killer())
		c.expect(string(proto.Pong)) // the frame before it is answered
		c.closed(proto.CloseProtocolError)
	}
	// As the first bytes, in the same packet as the handshake, too.
	conn, err := net.Dial("tcp", e.addr)
	must(t, err)
	both := append(raw.Handshake("/", nil), raw.Killer()...)
	up, _, err := raw.Upgrade(t.Context(), eager{conn, both}, "/", nil)
	must(t, err)
	begin(t, up).closed(proto.CloseProtocolError)
	beside.alive()
	wantNoPanic(t, e)
}

// eager writes its own bytes in place of the handshake.
type eager struct {
	net.Conn
	b []byte
}

func (c eager) Write(b []byte) (int, error) {
	if bytes.HasPrefix(b, []byte("GET ")) {
		_, err := c.Conn.Write(c.b)
		return len(b), err
	}
	return c.Conn.Write(b)
}

func wantNoPanic(t *testing.T, e *edge) {
	t.Helper()
	for _, line := range e.log.lines() {
		if strings.Contains(line, "panic") {
			t.Errorf("got the log line %s, want none", line)
		}
	}
}

// Frames that arrive in one packet with the handshake are not lost.
func TestHandshake_FramesInTheSameBytes_AreHandled(t *testing.T) {
	e := start(t, nil)
	conn, err := net.Dial("tcp", e.addr)
	must(t, err)
	b := raw.Handshake("/", nil)
	for range 100 {
		b = append(b, text(ping)...)
	}
	up, _, err := raw.Upgrade(t.Context(), eager{conn, b}, "/", nil)
	must(t, err)
	c := begin(t, up)
	for range 100 {
		c.expect(string(proto.Pong))
	}
}

// Pings beyond 64 at once and 10 a second close with 1008.
func TestConn_TooManyPings_IsClosed(t *testing.T) {
	e := start(t, nil)
	for name, op := range map[string]byte{"ping": raw.Ping, "pong": raw.Pong} {
		t.Run(name, func(t *testing.T) {
			c := e.open(t, "/", nil)
			flood := bytes.Repeat(raw.Encode(raw.Fin|op, []byte("x")), 1000)
			_, _ = c.Write(flood) // it may close before it has all
			if reason := c.closed(proto.ClosePolicy); !strings.Contains(reason, "control frames") {
				t.Errorf("got reason %q, want one about control frames", reason)
			}
		})
	}
	c := e.open(t, "/", nil)
	c.bytes(bytes.Repeat(wsPing("ok"), 60)) // the allowed burst
	for range 60 {
		f, err := c.ReadFrame()
		must(t, err)
		if f.Op != raw.Pong {
			t.Fatalf("got opcode %d, want a pong", f.Op)
		}
	}
	c.alive()
}

// A message whose last byte does not arrive within ten seconds closes with 1008,
// whether its header, its payload or its fragments are slow. All cases run at
// once.
func TestConn_MessageTakesTooLong_IsClosed(t *testing.T) {
	e := start(t, nil)
	slow := map[string][]byte{
		"header":    {raw.Fin | raw.Text},
		"payload":   raw.Header(raw.Fin|raw.Text, 1000),
		"fragments": start1(`{"event":`),
		"control":   raw.Header(raw.Fin|raw.Ping, 10),
	}
	open := make(map[string]*client)
	began := time.Now()
	for name, b := range slow {
		open[name] = e.open(t, "/", nil)
		open[name].bytes(b)
		open[name].Within = name != "fragments"
	}
	quiet := e.open(t, "/", nil)
	for name, c := range open {
		if reason := c.closed(proto.ClosePolicy); !strings.Contains(reason, "10 seconds") {
			t.Errorf("%s: got reason %q, want the 10 seconds in it", name, reason)
		}
	}
	if took := time.Since(began); took < 9*time.Second {
		t.Errorf("got a close after %v, want it later", took)
	}
	quiet.alive() // an idle connection may stay
}

// permessage-deflate and any other extension is declined: the answer names none,
// and a frame that uses one anyway is malformed.
func TestHandshake_Extensions_AreDeclined(t *testing.T) {
	e := start(t, nil)
	for _, offer := range []string{"permessage-deflate", "permessage-deflate; client_max_window_bits=15, x-webkit-deflate-frame", "bbf-usp-protocol"} {
		c := e.open(t, "/", http.Header{"Sec-WebSocket-Extensions": {offer}})
		if got := c.Response.Header.Values("Sec-WebSocket-Extensions"); len(got) > 0 {
			t.Errorf("%s: got extensions %q, want none", offer, got)
		}
		c.alive()
		c.bytes(firstByte(raw.Fin|raw.Text|0x40, "\xaa\x56\x4a\x2d"))
		c.closed(proto.CloseProtocolError)
	}
}

// The limit on a message is configurable, announced and enforced.
func TestConn_MessageAboveTheLimit_IsClosed(t *testing.T) {
	e := start(t, func(c *gateway.Config) { c.MaxMessageBytes = 2000 })
	c := e.open(t, "/", nil)
	if n := c.details.Limits.MaxMessageBytes; n != 2000 {
		t.Errorf("got max_message_bytes %d, want 2000", n)
	}
	c.send(pad(2000))
	c.expect(string(proto.Pong))
	c.send(pad(2001))
	c.closed(proto.CloseTooBig)
}

// Headers that do not end, or arrive a byte at a time, have five seconds.
func TestHandshake_Slow_IsEnded(t *testing.T) {
	e := start(t, nil)
	silent, err := net.Dial("tcp", e.addr)
	must(t, err)
	defer silent.Close()
	dripping, err := net.Dial("tcp", e.addr)
	must(t, err)
	defer dripping.Close()
	began := time.Now()
	stop := make(chan struct{})
	go func() {
		defer close(stop)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for _, b := range raw.Handshake("/", http.Header{"X-Padding": {strings.Repeat("x", 4000)}}) {
			<-tick.C
			if _, err := dripping.Write([]byte{b}); err != nil {
				return
			}
		}
	}()
	for name, c := range map[string]net.Conn{"silent": silent, "dripping": dripping} {
		must(t, c.SetReadDeadline(time.Now().Add(time.Minute)))
		if b, err := io.ReadAll(c); errors.Is(err, net.ErrClosed) || strings.Contains(string(b), "101") {
			t.Errorf("%s: got %q, %v, want the server to end it without an upgrade", name, b, err)
		}
		if took := time.Since(began); took < 4*time.Second || took > 12*time.Second { // five, with a margin for a busy machine
			t.Errorf("%s: got it open for %v, want 4 s to 12 s", name, took)
		}
	}
	dripping.Close()
	<-stop
}

// Headers of more than 16 KiB (and the 4 KiB that net/http adds) are refused.
func TestHandshake_HugeHeaders_AreRefused(t *testing.T) {
	e := start(t, nil)
	resp, _ := e.refused(t, "/", http.Header{"X-Padding": {strings.Repeat("x", 64<<10)}})
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("got status %d, want 431", resp.StatusCode)
	}
}
