package client

import (
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/session/sessiontest"
	"p2pconnector/gateway/internal/socket/sockettest"
	"p2pconnector/proto"
)

// converse starts a client: it sends what out receives, passes the text and close frames
// of the gateway to frames, and answers pings. It ends with the connection.
func converse(conn net.Conn) (out chan<- []byte, frames <-chan string) {
	o, f := make(chan []byte, 100), make(chan string, 100)
	go func() {
		for b := range o {
			if _, err := conn.Write(b); err != nil {
				break
			}
		}
	}()
	go func() {
		defer close(o)
		readFrames(conn, o, f)
	}()
	return o, f
}

func readFrames(conn net.Conn, out chan<- []byte, frames chan<- string) {
	defer close(frames)
	for {
		var head [4]byte
		if _, err := io.ReadFull(conn, head[:2]); err != nil {
			return
		}
		n := int(head[1])
		if n == 126 {
			if _, err := io.ReadFull(conn, head[2:]); err != nil {
				return
			}
			n = int(head[2])<<8 | int(head[3])
		}
		payload := make([]byte, n)
		if _, err := io.ReadFull(conn, payload); err != nil {
			return
		}
		if head[0]&0x0f == sockettest.Ping {
			out <- sockettest.ClientFrame(0x8a, payload)
			continue
		}
		frames <- string(payload)
	}
}

// TestFaultOfOurs: a panic in the handling of a frame closes that connection with 1011 and
// is logged without the client's data. Nothing else happens.
func TestFaultOfOurs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		g := testGateway(t, config{Options: sessiontest.Options{Logger: logTo(&log)}})
		g.conns.cfg.Verifier = nil // so that Authenticate panics
		server, client := net.Pipe()
		serveTest(t, g, server)
		out, frames := converse(client)
		out <- append(sockettest.ClientFrame(0x81, []byte(`{"event":"Authenticate","data":{"token":"very private"}}`)), sockettest.ClientFrame(0x81, []byte(`{"event":"Ping"}`))...)
		if f := <-frames; f != string(proto.AppendCloseReason(nil, proto.CloseInternal, proto.CloseInternal.Reason())) {
			t.Errorf("got %q, want close 1011", f)
		}
		client.Close()
		synctest.Wait()
		if g.Metrics.Faults.Panics.Load() != 1 || g.conns.Len() != 0 {
			t.Errorf("got %d panics and %d connections, want 1 and 0", g.Metrics.Faults.Panics.Load(), g.conns.Len())
		}
		if text := log.String(); !strings.Contains(text, "panic while handling a frame") || strings.Contains(text, "private") {
			t.Errorf("got log %s, want the panic without the client's data", text)
		}
	})
}

// sweepFor sweeps once a second until the network is closed or d is over. each runs before
// every sweep.
func sweepFor(c *Conn, raw *sockettest.Net, d time.Duration, each func()) {
	began := time.Now()
	for !raw.Closed() && time.Since(began) < d {
		time.Sleep(time.Second)
		c.tab.cfg.Clock.Store(clock.Now())
		each()
		synctest.Wait()
		c.sweep(time.Now())
	}
	synctest.Wait()
}

// TestSweep_TokenExpires_Closes4001: a connection is closed when its access token expires,
// not before.
func TestSweep_TokenExpires_Closes4001(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		raw := sockettest.NewNet(false)
		c := testConn(testGateway(t, config{}), raw)
		c.Access.Store(&auth.Access{Expires: time.Now().Add(5 * time.Second)})
		sweepFor(c, raw, 4*time.Second, func() {})
		if raw.CloseCode() != sockettest.NoClose {
			t.Fatalf("before the token expires: got close code %d, want it open", raw.CloseCode())
		}
		c.Access.Store(&auth.Access{Expires: time.Now().Add(10 * time.Second)})
		sweepFor(c, raw, 9*time.Second, func() {})
		if raw.CloseCode() != sockettest.NoClose {
			t.Fatalf("after the token was renewed: got close code %d, want it open", raw.CloseCode())
		}
		sweepFor(c, raw, 10*time.Second, func() {})
		if raw.CloseCode() != int(proto.CloseToken) || !raw.Closed() {
			t.Errorf("got close code %d, network closed: %v; want %d and closed", raw.CloseCode(), raw.Closed(), proto.CloseToken)
		}
	})
}
