package link

import (
	"fmt"
	"testing"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// absent is a Port to which no gateway is linked: every peer is looked up, and the directory
// does not answer.
type absent struct {
	recorder
	lookups int
}

func (p *absent) Live(proto.GatewayID) bool { return false }
func (p *absent) Lookup(proto.PeerID)       { p.lookups++ }

func newAbsent(t *testing.T, window Window) (*absent, *Router) {
	p := &absent{recorder: recorder{t: t}}
	return p, NewRouter("0000000a", p, window)
}

func peerOf(n int) proto.PeerID {
	return proto.PeerID(fmt.Sprintf("0000000b-0000-8000-8000-%012x", n))
}

// TestRouter_LookupsAtTheEdge_RefuseOneMore: 1,024 peers may be looked up at once. Frames for
// these peers still wait, and an answer makes room for another peer.
func TestRouter_LookupsAtTheEdge_RefuseOneMore(t *testing.T) {
	const most = 1024
	port, r := newAbsent(t, DefaultWindowBytes)
	send := func(n int) proto.ErrorCode { return r.Send(0, Frame{To: peerOf(n), Data: []byte{1}}) }
	for n := range most {
		if code := send(n); code != "" {
			t.Fatalf("look-up %d: got %s, want no error", n+1, code)
		}
	}
	if code := send(most); code != proto.Unavailable || r.Counts().Full != 1 || port.lookups != most {
		t.Errorf("one more: got %q, %d counted, %d look-ups, want %s, 1 and %d", code, r.Counts().Full, port.lookups, proto.Unavailable, most)
	}
	if code := send(0); code != "" {
		t.Errorf("another frame for a peer that is looked up: got %s, want no error", code)
	}
}

// TestRouter_WaitAtTheEdge_RefusesOneMore: 256 frames wait for one peer. Another peer has its
// own wait.
func TestRouter_WaitAtTheEdge_RefusesOneMore(t *testing.T) {
	const most = 256
	_, r := newAbsent(t, DefaultWindowBytes)
	send := func(n int) proto.ErrorCode { return r.Send(0, Frame{To: peerOf(n), Data: []byte{1}}) }
	for n := range most {
		if code := send(0); code != "" {
			t.Fatalf("frame %d: got %s, want no error", n+1, code)
		}
	}
	if code := send(0); code != proto.Unavailable || r.Counts().Full != 1 {
		t.Errorf("one more: got %q and %d counted, want %s and 1", code, r.Counts().Full, proto.Unavailable)
	}
	if code := send(1); code != "" {
		t.Errorf("a frame for another peer: got %s, want no error", code)
	}
}

// TestRouter_WaitingBytesAtTheEdge_RefuseOneByteMore: the frames that wait share the 16 windows
// with those on the way.
func TestRouter_WaitingBytesAtTheEdge_RefuseOneByteMore(t *testing.T) {
	const window = 4096
	_, r := newAbsent(t, window)
	send := func(bytes int) proto.ErrorCode { return r.Send(0, Frame{To: peerOf(0), Data: make([]byte, bytes)}) }
	if code := send(16*window - 4); code != "" {
		t.Fatalf("all but 4 bytes: got %s, want no error", code)
	}
	if code := send(5); code != proto.Unavailable || r.Counts().Full != 1 {
		t.Errorf("one byte more: got %q and %d counted, want %s and 1", code, r.Counts().Full, proto.Unavailable)
	}
	if code := send(4); code != "" {
		t.Errorf("the last bytes: got %s, want no error", code)
	}
}

// TestRouter_RoutesAtTheEdge_EvictTheLeastRecentlyUsed: 131,072 routes are remembered.
func TestRouter_RoutesAtTheEdge_EvictTheLeastRecentlyUsed(t *testing.T) {
	const most = 131_072
	_, r := newAbsent(t, DefaultWindowBytes)
	learn := func(n int) { r.routes.put(peerOf(n), Route{Owner: "0000000c", Epoch: 1}) }
	for n := range most {
		learn(n)
	}
	if got := r.Counts().Routes; got != most || !r.Routed(peerOf(0)) {
		t.Fatalf("at the edge: got %d routes, the first among them %v, want all %d", got, r.Routed(peerOf(0)), most)
	}
	learn(most) // Routed has used the first
	if got := r.Counts().Routes; got != most || r.Routed(peerOf(1)) || !r.Routed(peerOf(0)) || !r.Routed(peerOf(most)) {
		t.Errorf("one more: got %d routes, the second among them %v, want %d without the second", got, r.Routed(peerOf(1)), most)
	}
}

// TestRouter_FrameRedirectedTooOften_IsGivenUp: the fifth gateway that forwards a frame is one
// too many.
func TestRouter_FrameRedirectedTooOften_IsGivenUp(t *testing.T) {
	const most = 4
	for times, want := range map[int]proto.ErrorCode{most: "", most + 1: proto.NotDelivered} {
		port := &recorder{t: t, published: make(map[proto.GatewayID][]uint32)}
		r := NewRouter("0000000a", port, DefaultWindowBytes)
		f := Frame{To: peerOf(0), Data: make([]byte, 4)}
		var code proto.ErrorCode
		for n := range times {
			f.redirects = uint8(n)
			code = r.redirect(time.Duration(n), f, bus.Move{Peer: f.To, Owner: "0000000c", Epoch: uint64(n + 1)})
		}
		if code != want {
			t.Errorf("redirected %d times: got %q, want %q", times, code, want)
		}
	}
}

// TestFence_SendersAtTheEdge_ForgetOne: 256 senders are remembered. A later epoch of one of them
// forgets none.
func TestFence_SendersAtTheEdge_ForgetOne(t *testing.T) {
	const most = 256
	var f Fence
	for n := range most {
		f.Pass(peerOf(n), 1)
	}
	f.Pass(peerOf(0), 2)
	if got := len(f.Epochs()); got != most {
		t.Errorf("at the edge: got %d senders, want %d", got, most)
	}
	f.Pass(peerOf(most), 1)
	if got := f.Epochs(); len(got) != most || got[peerOf(most)] != 1 {
		t.Errorf("one more: got %d senders, the new one in epoch %d, want %d and 1", len(got), got[peerOf(most)], most)
	}
}
