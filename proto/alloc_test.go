package proto

import (
	"testing"
)

// candidate is a trickled ICE candidate as browsers send it, of about 300 bytes.
const candidate = `{"event":"Candidate","to":"5f0c3a9e-6b1d-8f10-8a01-77d1c2b4a500","data":{"candidate":"candidate:842163049 1 udp 1677729535 203.0.113.17 46154 typ srflx raddr 192.168.1.12 rport 46154 generation 0 ufrag EsAw network-cost 999","sdpMid":"0","sdpMLineIndex":0,"usernameFragment":"EsAw"},"id":1234567890}`

func TestCandidateSize(t *testing.T) {
	if n := len(candidate); n < 290 || n > 310 {
		t.Errorf("the candidate has %d bytes; the tests and benchmarks speak of 300", n)
	}
}

func TestRelayDoesNotAllocate(t *testing.T) {
	in, out := []byte(candidate), make([]byte, 0, 1024)
	var f Frame
	noAllocs(t, "Decode and AppendRelay", func() {
		if err := f.Decode(in); err != nil {
			t.Fatal(err)
		}
		out = f.AppendRelay(out[:0], goldenAnn)
		f.Reset()
	})
}

func TestSubjectsDoNotAllocate(t *testing.T) {
	buf := make([]byte, 0, 512)
	noAllocs(t, "AppendPeerSubject", func() {
		var err error
		if buf, err = AppendPeerSubject(buf[:0], goldenAnn); err != nil {
			t.Fatal(err)
		}
	})
	noAllocs(t, "AppendRoomSubject", func() {
		var err error
		if buf, err = AppendRoomSubject(buf[:0], goldenA, "a room of some length, with spaces", goldenAnn, 0); err != nil {
			t.Fatal(err)
		}
	})
	noAllocs(t, "AppendSentSubject", func() {
		buf = AppendSentSubject(buf[:0], &Sent{Gateway: goldenA, To: goldenB, Seq: 1 << 40, Base: 1 << 20, Epoch: 1})
	})
	room, err := AppendRoomSubject(nil, goldenA, "a room of some length, with spaces", goldenAnn, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{"p2p.gw.91be04d7.peer." + string(goldenAnn), string(room), "p2p.gw.91be04d7.sent.5f0c3a9e.1z.2_3_0", "p2p.gw.91be04d7.state.dGVh"} {
		noAllocs(t, "ParseInbound of "+subject, func() {
			if _, ok := ParseInbound(subject); !ok {
				t.Fatal("not read")
			}
		})
	}
	name := []byte("REMOVE_client")
	noAllocs(t, "ParseEvent", func() {
		if _, ok := ParseEvent(name); !ok {
			t.Fatal("not read")
		}
	})
}

func noAllocs(t *testing.T, what string, do func()) {
	t.Helper()
	if n := testing.AllocsPerRun(1000, do); n != 0 {
		t.Errorf("%s: %v allocations", what, n)
	}
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

func BenchmarkAppendPeerSubject(b *testing.B) {
	buf := make([]byte, 0, 512)
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if buf, err = AppendPeerSubject(buf[:0], goldenAnn); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseInbound(b *testing.B) {
	room, err := AppendRoomSubject(nil, goldenA, "tea", goldenAnn, 0)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct{ name, subject string }{
		{"peer", "p2p.gw.91be04d7.peer." + string(goldenAnn)},
		{"room", string(room)},
		{"sent", "p2p.gw.91be04d7.sent.5f0c3a9e.1z.2"},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := ParseInbound(c.subject); !ok {
					b.Fatal("not read")
				}
			}
		})
	}
}
