package gateway

import (
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/proto"
)

// converse begins a client: what goes into out is sent, the text and close frames
// that come are handed on, and pings are answered. It ends with the connection.
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
		if head[0]&0x0f == opPing {
			out <- frameBytes(0x8a, payload)
			continue
		}
		frames <- string(payload)
	}
}

// TestBusyServer: requests that the server takes a minute to answer, since there
// is no room service, do not make their client silent, nor what it sent behind
// them slow.
func TestBusyServer(t *testing.T) {
	const requests = 5
	synctest.Test(t, func(t *testing.T) {
		g := testGateway(t, Config{MessagesPerSecond: -1})
		g.coarse.Store(time.Now().UnixNano())
		g.requests = newRequests(g.id, func(_, _ string, _ []byte) error { return nil })
		server, client := net.Pipe()
		c := serveTest(t, g, server, false)
		out, frames := converse(client)
		sent := []byte(strings.Repeat(string(frameBytes(0x81, []byte(`{"event":"Room_Info","data":{"room":"r"}}`))), requests))
		// Longer than the read buffer: it is begun, but not read to its end.
		sent = append(sent, frameBytes(0x81, []byte(`{"event":"Ping","x":"`+strings.Repeat("x", 4*readBufferBytes)+`"}`))...)
		out <- sent

		began, answered := time.Now(), 0
		for answered <= requests && time.Since(began) < 2*time.Minute {
			time.Sleep(time.Second)
			g.coarse.Store(time.Now().UnixNano())
			g.requests.tick(time.Now())
			c.sweep(time.Now())
			synctest.Wait()
			for len(frames) > 0 {
				f := <-frames
				want := `"event":"` + string(proto.Unavailable) + `"`
				if answered == requests {
					want = `"event":"` + string(proto.Pong) + `"`
				}
				if !strings.Contains(f, want) {
					t.Fatalf("after %v: got %.200q, want %s", time.Since(began), f, want)
				}
				answered++
			}
		}
		if took := time.Since(began); answered != requests+1 || took < idleTimeout+maxMessageTime {
			t.Errorf("%d answers in %v: the test shows nothing", answered, took)
		}
		if c.busy.Load() {
			t.Error("still busy")
		}
		// Silence counts from here on.
		client.Close()
		<-frames
		synctest.Wait()
		if n := g.conns.len(); n != 0 {
			t.Errorf("%d connections are left", n)
		}
	})
}

// TestTimesBeginAfterAFrame: what the client sent while a frame was handled has
// its full time from then on.
func TestTimesBeginAfterAFrame(t *testing.T) {
	g := testGateway(t, Config{})
	c := testConn(g, newFakeNet(false))
	c.guard.inspect(frameBytes(0x81, []byte("the next one"))[:8])
	later := g.coarse.Load() + int64(time.Minute)
	g.coarse.Store(later)
	c.receive([]byte(`{"event":"Ping"}`))
	if c.guard.lastRead.Load() != later || c.guard.beganAt.Load() != later {
		t.Errorf("silent since %d, the next message began at %d, want %d", c.guard.lastRead.Load(), c.guard.beganAt.Load(), later)
	}
	c.guard.beganAt.Store(0) // nothing is under way
	c.receive([]byte(`{"event":"Ping"}`))
	if c.guard.beganAt.Load() != 0 {
		t.Error("a message that nobody sent is timed")
	}
}

// TestFaultOfOurs: a panic while a frame is handled closes that connection with
// 1011, is logged without what the client said, and nothing else happens.
func TestFaultOfOurs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		g := testGateway(t, Config{Logger: logTo(&log)})
		g.ice = nil // something to stumble over
		server, client := net.Pipe()
		serveTest(t, g, server, false)
		out, frames := converse(client)
		out <- append(frameBytes(0x81, []byte(`{"event":"Ice_Servers","data":"very private"}`)), frameBytes(0x81, []byte(`{"event":"Ping"}`))...)
		if f := <-frames; f != string(proto.AppendCloseReason(nil, proto.CloseInternal, proto.CloseInternal.Reason())) {
			t.Errorf("got %q, want close 1011", f)
		}
		client.Close()
		synctest.Wait()
		if g.stats.panics.Load() != 1 || g.conns.len() != 0 {
			t.Errorf("%d panics, %d connections", g.stats.panics.Load(), g.conns.len())
		}
		if text := log.String(); !strings.Contains(text, "panic while handling a frame") || strings.Contains(text, "private") {
			t.Errorf("logged: %s", text)
		}
	})
}
