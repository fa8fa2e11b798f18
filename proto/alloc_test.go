package proto

import (
	"testing"

	"p2pconnector/proto/internal/prototest"
)

// candidate is a trickled ICE candidate as browsers send it, of about 300 bytes.
const candidate = `{"event":"Candidate","to":"5f0c3a9e-6b1d-8f10-8a01-77d1c2b4a500","data":{"candidate":"candidate:842163049 1 udp 1677729535 203.0.113.17 46154 typ srflx raddr 192.168.1.12 rport 46154 generation 0 ufrag EsAw network-cost 999","sdpMid":"0","sdpMLineIndex":0,"usernameFragment":"EsAw"},"id":1234567890}`

func TestCandidate_Golden_HasTheUsualSize(t *testing.T) {
	if n := len(candidate); n < 290 || n > 310 {
		t.Errorf("candidate: got %d bytes, want about the 300 that the tests and benchmarks name", n)
	}
}

func TestRelay_Frame_DoesNotAllocate(t *testing.T) {
	in, out := []byte(candidate), make([]byte, 0, 1024)
	var f Frame
	prototest.NoAllocs(t, "Decode and AppendRelay", func() {
		if err := f.Decode(in); err != nil {
			t.Fatal(err)
		}
		out = f.AppendRelay(out[:0], goldenAnn)
		f.Reset()
	})
}

func TestParseEvent_AnyCase_DoesNotAllocate(t *testing.T) {
	name := []byte("REMOVE_client")
	prototest.NoAllocs(t, "ParseEvent", func() {
		if _, ok := ParseEvent(name); !ok {
			t.Fatal("ParseEvent: got false, want true")
		}
	})
}

func BenchmarkRelay(b *testing.B) {
	in, out := []byte(candidate), make([]byte, 0, 1024)
	var f Frame
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		if err := f.Decode(in); err != nil {
			b.Fatal(err)
		}
		out = f.AppendRelay(out[:0], goldenAnn)
	}
}

func BenchmarkServerFrame(b *testing.B) {
	f := ServerFrame{Type: TypeInfo, Event: "Pong", Time: goldenTime, MessageID: goldenUUID, ID: []byte("7")}
	out := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		out = f.Append(out[:0])
	}
	b.SetBytes(int64(len(out)))
}
