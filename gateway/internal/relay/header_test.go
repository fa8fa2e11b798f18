package relay

import (
	"testing"

	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/natsbus"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// TestHeaderOf_SharedRoomAndExceptions_AreReadAgain: the gateway that gets a relay reads from
// its header what the sender's gateway wrote.
func TestHeaderOf_SharedRoomAndExceptions_AreReadAgain(t *testing.T) {
	except := []proto.PeerID{proto.NewPeerID("0a1b2c3d"), proto.NewPeerID("0a1b2c3d")}
	h := headerOf(&link.Frame{Shared: "tea", View: 7, Except: except})
	if token, revision := sharedOf(h); token != bus.RoomToken("tea") || revision != 7 {
		t.Errorf("got room %q at %d, want %q at 7", token, revision, bus.RoomToken("tea"))
	}
	if got := exceptOf(h); len(got) != 2 || got[0] != except[0] || got[1] != except[1] {
		t.Errorf("got exceptions %q, want %q", got, except)
	}
	if token, _ := sharedOf(natsbus.Header{bus.SharedHeader: {"tea seven"}}); token != "" {
		t.Errorf("without a number: got room %q, want none", token)
	}
}

// TestReorderBuffer_AddAndPop_CountsBytes: what is popped makes room for other frames.
func TestReorderBuffer_AddAndPop_CountsBytes(t *testing.T) {
	var b reorderBuffer
	half := held{msg: natsbus.Message{Data: make([]byte, maxReorderBytes/2)}}
	const from = proto.PeerID("somebody")
	for i, want := range []bool{true, true, false} {
		if got := b.add(from, half); got != want {
			t.Errorf("frame %d: got added %v, want %v", i, got, want)
		}
	}
	b.pop(from)
	b.pop(from)
	if b.bytes != 0 || b.frames.Load() != 0 || b.holds(from) {
		t.Errorf("at the end: got %d bytes, %d frames, held %v; want nothing", b.bytes, b.frames.Load(), b.holds(from))
	}
}

// TestReorderBuffer_AtEachEdge_RefusesOneMore: it holds 1,024 frames, and 16 MiB.
func TestReorderBuffer_AtEachEdge_RefusesOneMore(t *testing.T) {
	for what, tc := range map[string]struct{ size, fits int }{
		"frames": {1, 1024},
		"bytes":  {1 << 20, 16},
	} {
		var b reorderBuffer
		frame := held{msg: natsbus.Message{Data: make([]byte, tc.size)}}
		for n := range tc.fits {
			if !b.add("somebody", frame) {
				t.Fatalf("%s: got frame %d refused, want %d added", what, n+1, tc.fits)
			}
		}
		if frame.msg.Data = frame.msg.Data[:1]; b.add("somebody else", frame) {
			t.Errorf("%s: got one more added, want it refused", what)
		}
	}
}
