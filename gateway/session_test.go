package gateway

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"testing"

	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/membudget"
	"p2pconnector/gateway/internal/ownership"
	"p2pconnector/gateway/internal/socket"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// TestLeftLocked_Unconfirmed_IsBounded: frames that were written last count against the budget
// of peers that are away, are released from it, and are dropped when it is used up.
func TestLeftLocked_Unconfirmed_IsBounded(t *testing.T) {
	g := testGateway(t, Config{})
	away := func() *session {
		s := newSession(g, netip.Addr{}, "")
		s.leftLocked(socket.Remains{Unconfirmed: socket.AppendText(nil, make([]byte, 1000)), Sent: 1})
		return s
	}
	resumed, ended := away(), away()
	if n := g.buffers.Used(membudget.Replay); n != 2*1004 {
		t.Errorf("got %d bytes counted, want %d", n, 2*1004)
	}
	if missed, ok := resumed.replayLocked(bus.TokenRef{}, new(uint64)); len(missed) != 1 || !ok {
		t.Errorf("got %d frames, nothing lost: %v; want 1, true", len(missed), ok)
	}
	g.step(ended, ownership.Event{Kind: ownership.GraceOver})
	if n := g.buffers.Used(membudget.Replay); n != 0 {
		t.Errorf("got %d bytes still counted, want 0", n)
	}
	used := g.buffers.Limit()/8*6 - 1000
	g.buffers.Take(membudget.Replay, int(used))
	late := away()
	if missed, ok := late.replayLocked(bus.TokenRef{}, new(uint64)); len(missed) != 0 || ok || g.buffers.Used(membudget.Replay) != used {
		t.Errorf("beyond the bound: got %d frames, nothing lost: %v; want 0, false", len(missed), ok)
	}
}

// TestLeftLocked_SomeUnsentDoNotFit_OthersAreCopied: frames that wait do not keep those in
// memory that did not fit beside them.
func TestLeftLocked_SomeUnsentDoNotFit_OthersAreCopied(t *testing.T) {
	for name, frames := range map[string]int{"all fit": proto.ReplayFrames, "one too many": proto.ReplayFrames + 1} {
		t.Run(name, func(t *testing.T) {
			g := testGateway(t, Config{})
			s := newSession(g, netip.Addr{}, "")
			var unsent []byte
			for range frames {
				unsent = socket.AppendText(unsent, []byte("a"))
			}
			s.leftLocked(socket.Remains{Unsent: [][]byte{unsent}})
			g.closeBackground()
			copy(unsent, bytes.Repeat([]byte("b"), len(unsent)))
			got := s.kept.Frames()
			if len(got) != proto.ReplayFrames {
				t.Fatalf("got %d frames that wait, want %d", len(got), proto.ReplayFrames)
			}
			if copied, want := string(got[0]) == "a", frames > proto.ReplayFrames; copied != want {
				t.Errorf("frames copied: got %v, want %v", copied, want)
			}
		})
	}
}

// wired makes a connection of g over loopback, and its client's side after the handshake.
func wired(t *testing.T, g *Gateway) (*conn, io.Reader) {
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
	c := newTestConn(g, raw)
	t.Cleanup(c.ws.Abort)
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
	f := link.Frame{From: proto.NewPeerID(g.id), To: c.session.id, Data: []byte("x")}
	c.session.direct = true
	for i := range frames {
		var v result
		switch i % 3 {
		case 0:
			v = c.session.deliver(f.Data)
		case 1:
			v, _ = c.session.take(&f)
		case 2:
			v, _ = c.session.takeDirect(&f)
		}
		if v != delivered {
			t.Fatalf("frame %d: got result %d, want %d", i, v, delivered)
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
