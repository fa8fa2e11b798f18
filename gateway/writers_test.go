//go:build unix

package gateway

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"testing"

	"p2pconnector/proto"
)

// wired makes a connection of g over loopback, and its client's side.
func wired(t testing.TB, g *Gateway) (*conn, net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	raw, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { raw.Close() })
	if directly(raw) == nil {
		t.Fatal("a TCP connection cannot be written without waiting")
	}
	gd := newTestGuard(raw, g.cfg.MaxMessageBytes, g.coarse.Load)
	gd.intake.init(directly(raw))
	c := newConn(g, raw, gd, false)
	c.session = &session{g: g, id: proto.NewPeerID(g.id), conn: c}
	c.leave = func() {}
	return c, client
}

// TestLineKeepsOrder: what many connections are sent at once by many goroutines
// arrives whole and in order at each, whoever writes it.
func TestLineKeepsOrder(t *testing.T) {
	const conns, frames = 40, 200
	g := testGateway(t, Config{})
	var cs []*conn
	done := make(chan error, conns)
	for range conns {
		c, client := wired(t, g)
		cs = append(cs, c)
		go func() {
			var want, got []byte
			for i := range frames {
				want = appendFrame(want, opText, []byte(fmt.Sprintf("frame %d", i)))
			}
			got = make([]byte, len(want))
			_, err := io.ReadFull(client, got)
			if err == nil && !bytes.Equal(got, want) {
				err = fmt.Errorf("other bytes than were sent")
			}
			done <- err
		}()
	}
	for _, c := range cs {
		go func() {
			for i := range frames {
				if c.enqueue([]byte(fmt.Sprintf("frame %d", i))) == pressed {
					c.writeNow()
				}
			}
		}()
	}
	for range conns {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	g.conns.wg.Wait()
	g.writers.mu.Lock()
	defer g.writers.mu.Unlock()
	if g.writers.length != 0 || g.writers.active != 0 {
		t.Errorf("%d stand in line, %d write", g.writers.length, g.writers.active)
	}
}

// TestDeafPeerLeavesTheLine: a peer that does not read is written to by a
// goroutine of its own, and holds nobody up.
func TestDeafPeerLeavesTheLine(t *testing.T) {
	g := testGateway(t, Config{})
	deaf, deafClient := wired(t, g)
	deaf.raw.(*net.TCPConn).SetWriteBuffer(4 << 10)
	deafClient.(*net.TCPConn).SetReadBuffer(4 << 10)
	frame := make([]byte, 60<<10) // more than the two hold
	for deaf.enqueue(frame) != full {
	}
	other, client := wired(t, g)
	other.enqueue([]byte("hello"))
	got := make([]byte, 7)
	if _, err := io.ReadFull(client, got); err != nil || string(got[2:]) != "hello" {
		t.Fatalf("%q, %v", got, err)
	}
	deaf.hang()
	if left := deaf.remains(); left.sent == 0 || len(left.unsent) == 0 {
		t.Errorf("%d are written, %d bytes left", left.sent, len(left.unsent))
	}
	g.conns.wg.Wait()
}

// TestIntakeHoldsNothing between reads, and hands on what comes in any pieces.
func TestIntakeHoldsNothing(t *testing.T) {
	c, client := wired(t, testGateway(t, Config{}))
	var wire []byte
	for i := range 100 {
		wire = append(wire, frameBytes(0x81, binary.BigEndian.AppendUint64(nil, uint64(i)))...)
	}
	go func() {
		for b := wire; len(b) > 0; {
			n := min(len(b), 7)
			client.Write(b[:n])
			b = b[n:]
		}
		client.Close()
	}()
	got, err := io.ReadAll(c.guard)
	if err != nil || !bytes.Equal(got, wire) {
		t.Errorf("%d bytes of %d, %v", len(got), len(wire), err)
	}
	if c.guard.intake.buf != nil || c.guard.unread != nil {
		t.Error("it holds a buffer at the end")
	}
}
