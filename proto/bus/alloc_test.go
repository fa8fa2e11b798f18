package bus

import (
	"testing"

	"p2pconnector/proto/internal/prototest"
)

func TestSubjects_BuiltAndParsed_DoNotAllocate(t *testing.T) {
	buf := make([]byte, 0, 512)
	prototest.NoAllocs(t, "AppendPeerSubject", func() {
		var err error
		if buf, err = AppendPeerSubject(buf[:0], goldenB, goldenAnn); err != nil {
			t.Fatal(err)
		}
	})
	prototest.NoAllocs(t, "AppendRoomSubject", func() {
		var err error
		if buf, err = AppendRoomSubject(buf[:0], goldenA, "a room of some length, with spaces", goldenAnn, 0); err != nil {
			t.Fatal(err)
		}
	})
	prototest.NoAllocs(t, "AppendSentSubject", func() {
		buf = AppendSentSubject(buf[:0], &Sent{Gateway: goldenA, To: goldenB, Seq: 1 << 40, Base: 1 << 20, Epoch: 1})
	})
	room, err := AppendRoomSubject(nil, goldenA, "a room of some length, with spaces", goldenAnn, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{"p2p.gw.91be04d7.peer." + string(goldenAnn), string(room), "p2p.gw.91be04d7.sent.5f0c3a9e.1z.2_3_0", "p2p.gw.91be04d7.state.dGVh"} {
		prototest.NoAllocs(t, "ParseInbound of "+subject, func() {
			if _, ok := ParseInbound(subject); !ok {
				t.Fatal("ParseInbound: got false, want true")
			}
		})
	}
}

func BenchmarkAppendPeerSubject(b *testing.B) {
	buf := make([]byte, 0, 512)
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if buf, err = AppendPeerSubject(buf[:0], goldenB, goldenAnn); err != nil {
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
					b.Fatal("ParseInbound: got false, want true")
				}
			}
		})
	}
}
