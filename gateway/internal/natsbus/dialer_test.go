package natsbus

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
	"testing/iotest"

	"github.com/nats-io/nats.go"
)

// busPair returns a connection to a server that reads when the test does.
func busPair(t *testing.T) (*queuedConn, net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	c, err := (&dialer{handled: func() {}}).Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	server, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return c.(*queuedConn), server
}

// TestConn_ManyWrites_AreQueued: a server that does not read blocks no write, and gets all bytes in
// order when it reads again.
func TestConn_ManyWrites_AreQueued(t *testing.T) {
	c, server := busPair(t)
	chunk := make([]byte, 32<<10)
	var want bytes.Buffer
	for c.waiting() < maxQueue-2*len(chunk) {
		for i := 0; i < len(chunk); i += 1024 {
			binary.BigEndian.PutUint64(chunk[i:], uint64(want.Len()+i))
		}
		want.Write(chunk)
		if n, err := c.Write(chunk); n != len(chunk) || err != nil {
			t.Fatalf("Write of %d bytes, %d in all: got %d, error %v, want all and none", len(chunk), want.Len(), n, err)
		}
	}
	got := make([]byte, want.Len())
	if _, err := io.ReadFull(server, got); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Error("got other bytes than were written, want the same in order")
	}
	c.wg.Wait()
	if _, err := c.Write([]byte("PING\r\n")); err != nil {
		t.Fatal(err)
	}
	if c.waiting() != 0 {
		t.Error("got writes still queued for a server that reads again, want none")
	}
}

// TestConn_QueueFull_GivesUp: the queue is bounded, and the connection is given up when it is full.
func TestConn_QueueFull_GivesUp(t *testing.T) {
	c, server := busPair(t)
	chunk := make([]byte, 32<<10)
	var err error
	for range 4 * maxQueue / len(chunk) {
		if _, err = c.Write(chunk); err != nil {
			break
		}
	}
	if !errors.Is(err, errStuck) {
		t.Fatalf("writes without end to a server that does not read: got %v, want %v", err, errStuck)
	}
	if _, err := io.Copy(io.Discard, server); err != nil {
		t.Logf("the server sees %v", err)
	}
}

// pipes is a server in this process, and a dialer to one elsewhere.
type pipes struct{ server net.Conn }

func (p *pipes) InProcessConn() (net.Conn, error) {
	client, server := net.Pipe()
	p.server = server
	return client, nil
}

// Dial implements nats.CustomDialer.
func (p *pipes) Dial(string, string) (net.Conn, error) { return p.InProcessConn() }

// A connection that is not dialed by this package reports what it read as handled, like
// one that is: before it reads again.
func TestHookOthers_Read_ReportsWhatIsHandled(t *testing.T) {
	for name, connect := range map[string]func(*nats.Options) (net.Conn, error){
		"server in this process": func(o *nats.Options) (net.Conn, error) { return o.InProcessServer.InProcessConn() },
		"dialer of an option":    func(o *nats.Options) (net.Conn, error) { return o.CustomDialer.Dial("tcp", "") },
	} {
		t.Run(name, func(t *testing.T) {
			handled := 0
			d := dialer{handled: func() { handled++ }}
			var server pipes
			o := nats.Options{InProcessServer: &server, CustomDialer: &server}
			if err := d.hookOthers(&o); err != nil {
				t.Fatal(err)
			}
			c, err := connect(&o)
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				server.server.Write([]byte("ab"))
				server.server.Close()
			}()
			got, err := io.ReadAll(iotest.OneByteReader(c))
			if string(got) != "ab" || err != nil {
				t.Errorf("read: got %q, %v, want ab", got, err)
			}
			if handled != 3 { // before each byte, and before the end
				t.Errorf("reads noticed: got %d, want 3", handled)
			}
		})
	}
}

func TestHookOthers_OwnDialer_IsLeftAlone(t *testing.T) {
	d := dialer{handled: func() {}}
	o := nats.Options{CustomDialer: &d}
	if err := d.hookOthers(&o); err != nil || o.CustomDialer != nats.CustomDialer(&d) || o.InProcessServer != nil {
		t.Errorf("got %+v, %v, want the options as they were", o, err)
	}
}

// TestConn_QueueAtTheEdge_RefusesOneByteMore: 8 MiB may wait for the server.
func TestConn_QueueAtTheEdge_RefusesOneByteMore(t *testing.T) {
	c := &queuedConn{draining: true} // the server does not read
	if _, err := c.append(make([]byte, 8<<20)); err != nil {
		t.Fatalf("at the edge: got %v, want no error", err)
	}
	if queued, err := c.append(make([]byte, 1)); !queued || err != errStuck || c.waiting() != 8<<20 {
		t.Errorf("one byte more: got queued %v, error %v, %d bytes that wait, want %v and %d", queued, err, c.waiting(), errStuck, 8<<20)
	}
}
