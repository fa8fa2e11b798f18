package gateway

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	dto "github.com/prometheus/client_model/go"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/proto"
)

// TestFrameOut: the event of a frame is found without parsing it, and what does
// not look like a frame of ours is "other".
func TestFrameOut(t *testing.T) {
	server := proto.ServerFrame{Type: proto.TypeUpdate, Event: string(proto.ClientAdded), Time: time.Now()}
	failed := proto.ServerFrame{Type: proto.TypeError, Event: string(proto.NotFound), Time: time.Now()}
	for name, tc := range map[string]struct {
		frame string
		event proto.Event // "" is other
	}{
		"relayed":        {`{"event":"Offer","from":"x","data":1}`, proto.Offer},
		"server's":       {string(server.Append(nil)), proto.ClientAdded},
		"error":          {string(failed.Append(nil)), errorFrames},
		"back end's own": {`{"type":"info","event":"Notice","data":1}`, ""},
		"empty":          {"", ""},
		"cut":            {`{"event":"Offer`, ""},
		"event in data":  {`{"data":{"event":"Offer"}}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStats()
			s.frameOut([]byte(tc.frame))
			for e, n := range s.framesOut.by {
				want := uint64(0)
				if e == tc.event {
					want = 1
				}
				if n.Load() != want {
					t.Errorf("%s counted %d times", e, n.Load())
				}
			}
			if other := s.framesOut.other.Load(); (other == 1) != (tc.event == "") {
				t.Errorf("other counted %d times", other)
			}
		})
	}
}

// TestMeasuringAllocatesNothing on the path of every frame.
func TestMeasuringAllocatesNothing(t *testing.T) {
	s := newStats()
	frame := []byte(`{"event":"Candidate","from":"x","data":1}`)
	if n := testing.AllocsPerRun(1000, func() {
		s.frameOut(frame)
		s.tookHere(sample())
	}); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

// TestTookNATS: a time that another host's clock makes impossible is not counted.
func TestTookNATS(t *testing.T) {
	s := newStats()
	s.tookNATS(sentHeaderOf(clock.Now().Add(-time.Millisecond)))
	s.tookNATS(sentHeaderOf(clock.Now().Add(time.Second))) // a clock that is ahead a little: 0
	s.tookNATS(sentHeaderOf(clock.Now().Add(-time.Hour)))
	s.tookNATS(sentHeaderOf(clock.Now().Add(time.Hour)))
	s.tookNATS(nats.Header{sentHeader: {"no number"}})
	s.tookNATS(nats.Header{})
	var m dto.Metric
	if err := s.relayTime.nats.Write(&m); err != nil {
		t.Fatal(err)
	}
	if n := m.GetHistogram().GetSampleCount(); n != 2 {
		t.Errorf("%d times counted, want 2", n)
	}
}

func BenchmarkFrameOut(b *testing.B) {
	s := newStats()
	frame := []byte(`{"type":"update","event":"Client_Added","data":{"room":"tea"}}`)
	b.ReportAllocs()
	for b.Loop() {
		s.frameOut(frame)
		s.tookHere(sample())
	}
}
