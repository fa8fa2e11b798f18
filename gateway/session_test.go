package gateway

import (
	"bufio"
	"io"
	"net/http"
	"runtime"
	"testing"

	"p2pconnector/gateway/internal/client"
	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/session"
	"p2pconnector/gateway/internal/socket"
	"p2pconnector/gateway/internal/socket/sockettest"
	"p2pconnector/proto"
)

// wired makes a connection of g over loopback, and its client's side after the handshake.
func wired(t *testing.T, g *Gateway) (*client.Conn, io.Reader) {
	t.Helper()
	client, raw := sockettest.Loopback(t)
	c := newTestConn(g, raw)
	t.Cleanup(c.Socket.Abort)
	answer := bufio.NewReader(client)
	if _, err := http.ReadResponse(answer, nil); err != nil {
		t.Fatal(err)
	}
	return c, answer
}

// TestDeliver_EveryWriterIsBusy_FastPeerGetsAll: a peer does not count as slow when the
// gateway queues frames for it faster than its writers write, by whichever method.
func TestDeliver_EveryWriterIsBusy_FastPeerGetsAll(t *testing.T) {
	const frames = 4096 // more than a queue holds, and less than the network takes unread
	g := testGateway(t, Config{})
	c, client := wired(t, g)
	w := g.sockets.NewWriter()
	defer w.Release()
	for range runtime.GOMAXPROCS(0) {
		w.Begin()
	}
	f := link.Frame{From: proto.NewPeerID(g.cfg.ID), To: c.Session.ID(), Data: []byte("x")}
	for i := range frames {
		var v session.Result
		switch i % 3 {
		case 0:
			v = c.Session.Deliver(f.Data)
		case 1:
			v, _ = c.Session.Receive(&f)
		case 2:
			v, _ = c.Session.TakeDirect(&f)
		}
		if v != session.Delivered {
			t.Fatalf("frame %d: got result %d, want %d", i, v, session.Delivered)
		}
	}
	for w.WriteNext() {
	}
	if _, err := io.CopyN(io.Discard, client, frames*int64(len(socket.AppendText(nil, f.Data)))); err != nil {
		t.Error(err)
	}
	if n := g.metrics.Connections.Slow.Load(); n != 0 {
		t.Errorf("slow peers: got %d, want 0", n)
	}
}
