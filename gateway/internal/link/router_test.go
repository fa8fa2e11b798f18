package link

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// recorder is a Port that records the published frames by gateway.
type recorder struct {
	t         *testing.T
	published map[proto.GatewayID][]uint32
}

func (p *recorder) Publish(to proto.GatewayID, r *Record, _ uint64) {
	p.published[to] = append(p.published[to], binary.BigEndian.Uint32(r.Frame.Data))
}

func (p *recorder) Poll(proto.GatewayID, bus.Poll) {}
func (p *recorder) Live(proto.GatewayID) bool      { return true }
func (p *recorder) Lookup(id proto.PeerID)         { p.t.Errorf("got a lookup of %s, want none", id) }
func (p *recorder) Unblocked(proto.PeerID)         {}

func (p *recorder) Deliver(f *Frame) (proto.ErrorCode, *bus.Move) {
	p.t.Errorf("got %v delivered here, want it published", f)
	return "", nil
}

func (p *recorder) Report(f *Frame, code proto.ErrorCode, _ []proto.PeerID) {
	p.t.Errorf("got %v reported as %s, want it published", f, code)
}

// A peer moves from b to c and back to b while its sender receives no ack. One ack of b
// then redirects the earlier frames to c and the last frame to b.
func TestRouter_OneAckRedirectsToTwoGateways_KeepsTheOrder(t *testing.T) {
	const a, b, c = proto.GatewayID("0000000a"), proto.GatewayID("0000000b"), proto.GatewayID("0000000c")
	const peer = proto.PeerID("0000000b-0000-8000-8000-000000000001")
	port := &recorder{t: t, published: make(map[proto.GatewayID][]uint32)}
	r := NewRouter(a, port, DefaultWindowBytes)
	for n := range uint32(3) {
		f := Frame{From: "0000000a-0000-8000-8000-000000000001", To: peer, Data: binary.BigEndian.AppendUint32(nil, n+1)}
		if code := r.Send(0, f); code != "" {
			t.Fatalf("Send of frame %d: got %s, want no error", n+1, code)
		}
	}
	moved := func(seq uint64, owner proto.GatewayID, epoch uint64) bus.Refusal {
		return bus.Refusal{Seq: seq, Moved: []bus.Move{{Peer: peer, Owner: owner, Epoch: epoch}}}
	}
	port.published = make(map[proto.GatewayID][]uint32)
	r.Acked(time.Second, b, bus.Ack{From: 1, Next: 4, Refused: []bus.Refusal{moved(1, c, 1), moved(2, c, 1), moved(3, b, 2)}})
	if want := []uint32{1, 2}; !slices.Equal(port.published[c], want) || len(port.published[b]) > 0 {
		t.Fatalf("published after the ack of b: got %v, want %v to c", port.published, want)
	}
	r.Acked(2*time.Second, c, bus.Ack{From: 1, Next: 3, Refused: []bus.Refusal{moved(1, b, 2), moved(2, b, 2)}})
	if want := []uint32{1, 2, 3}; !slices.Equal(port.published[b], want) {
		t.Errorf("published to b after the ack of c: got %v, want %v", port.published[b], want)
	}
	if len(r.order) > 0 {
		t.Errorf("got %d peers that wait, want none", len(r.order))
	}
}

// TestRouter_WindowsOfAllGatewaysAtTheEdge_HaveNoRoomForOneByteMore: all gateways together get 16
// windows, and a refused frame is counted.
func TestRouter_WindowsOfAllGatewaysAtTheEdge_HaveNoRoomForOneByteMore(t *testing.T) {
	const window = 4096
	port := &recorder{t: t, published: make(map[proto.GatewayID][]uint32)}
	r := NewRouter("0000000a", port, window)
	send := func(n, bytes int) proto.ErrorCode {
		g := proto.GatewayID(fmt.Sprintf("%08x", 0xb0+n))
		return r.Send(0, Frame{To: proto.PeerID(g + "-0000-8000-8000-000000000001"), Data: make([]byte, bytes)})
	}
	for n := range 16 {
		size := window
		if n == 15 {
			size -= 4
		}
		if code := send(n, size); code != "" {
			t.Fatalf("gateway %d: got %s, want no error", n+1, code)
		}
	}
	if code := send(16, 5); code != proto.Unavailable || r.Counts().Full != 1 {
		t.Errorf("one byte more: got %q and %d counted, want %s and 1", code, r.Counts().Full, proto.Unavailable)
	}
	if code := send(16, 4); code != "" {
		t.Errorf("the last bytes: got %s, want no error", code)
	}
}
