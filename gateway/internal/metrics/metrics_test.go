package metrics

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/membudget"
	"p2pconnector/proto"
)

// TestFramesQueued_EachShape_IsCountedByEvent: the event of a frame is found without
// parsing it, and what does not look like a frame of ours is "other".
func TestFramesQueued_EachShape_IsCountedByEvent(t *testing.T) {
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
			f := &New().Frames
			f.Queued([]byte(tc.frame))
			for e, n := range f.out.by {
				want := uint64(0)
				if e == tc.event {
					want = 1
				}
				if got := n.Load(); got != want {
					t.Errorf("%s: got %d frames, want %d", e, got, want)
				}
			}
			if got := f.out.other.Load(); (got == 1) != (tc.event == "") {
				t.Errorf("other: got %d frames, want one if no event is known", got)
			}
		})
	}
}

// TestCounting_EachFrame_AllocatesNothing on the path of every frame.
func TestCounting_EachFrame_AllocatesNothing(t *testing.T) {
	m := New()
	frame := []byte(`{"event":"Candidate","from":"x","data":1}`)
	if n := testing.AllocsPerRun(1000, func() {
		m.Frames.In.Inc(proto.Candidate)
		m.Frames.Queued(frame)
		m.Relays.Delivered.Inc()
		m.Relays.TookHere(Sample())
	}); n != 0 {
		t.Errorf("got %v allocations a frame, want 0", n)
	}
}

// TestTookNATS_ImpossibleTime_IsNotCounted: a time that another host's clock makes
// impossible is not counted.
func TestTookNATS_ImpossibleTime_IsNotCounted(t *testing.T) {
	r := &New().Relays
	r.TookNATS(FormatBegan(clock.Now().Add(-time.Millisecond)))
	r.TookNATS(FormatBegan(clock.Now().Add(time.Second))) // a clock that is ahead a little: 0
	r.TookNATS(FormatBegan(clock.Now().Add(-time.Hour)))
	r.TookNATS(FormatBegan(clock.Now().Add(time.Hour)))
	r.TookNATS("no number")
	r.TookNATS("")
	var m dto.Metric
	if err := r.took.nats.Write(&m); err != nil {
		t.Fatal(err)
	}
	if n := m.GetHistogram().GetSampleCount(); n != 2 {
		t.Errorf("got %d times counted, want 2", n)
	}
}

// TestHandler_LoopHangs_TakesNoSnapshot: a scrape must not wait for a lock that the loop
// waits for.
func TestHandler_LoopHangs_TakesNoSnapshot(t *testing.T) {
	for name, tc := range map[string]struct {
		hangs           bool
		want, wantNever string
	}{
		"none hangs": {false, `p2p_gateway_rooms 7`, `p2p_gateway_hung_loops{loop="bus"} 1`},
		"one hangs":  {true, `p2p_gateway_hung_loops{loop="bus"} 1`, "p2p_gateway_rooms"},
	} {
		t.Run(name, func(t *testing.T) {
			h := Handler(New(), Config{
				Snapshot: func() *Snapshot {
					if tc.hangs {
						t.Error("got a snapshot, want none")
					}
					return &Snapshot{Rooms: 7, Buffers: membudget.New(1 << 30)}
				},
				Loops: func() map[string]bool { return map[string]bool{"bus": tc.hangs, "clock": false} },
			})
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
			if body := w.Body.String(); !strings.Contains(body, tc.want) || strings.Contains(body, tc.wantNever) {
				t.Errorf("got %.600s\nwant %q and not %q", body, tc.want, tc.wantNever)
			}
		})
	}
}

func BenchmarkCounting(b *testing.B) {
	m := New()
	frame := []byte(`{"type":"update","event":"Client_Added","data":{"room":"tea"}}`)
	b.ReportAllocs()
	for b.Loop() {
		m.Frames.Queued(frame)
		m.Relays.TookHere(Sample())
	}
}
