package roomsvc_test

import (
	"io"
	"log/slog"
	"runtime"
	"testing"
	"time"

	"p2pconnector/e2e/natsbox"
	"p2pconnector/proto"
	"p2pconnector/roomsvc"
)

// takesInFlight is how many takes BenchmarkTakes has in flight.
const takesInFlight = 64

// BenchmarkTakes measures takes of sessions, one for each session, on one NATS
// server whose writes are synced to the disk before they are acknowledged, and
// on one that syncs them once a second.
func BenchmarkTakes(b *testing.B) {
	for _, c := range []struct {
		name string
		sync time.Duration
	}{{"synced", 0}, {"unsynced", time.Second}} {
		b.Run(c.name, func(b *testing.B) {
			s, err := natsbox.Start(natsbox.Config{Sync: c.sync})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() {
				if err := s.Close(); err != nil {
					b.Error(err)
				}
			})
			startServices(b, s, 1, roomsvc.Config{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
			a := newRequester(b, s)
			b.SetParallelism(max(1, takesInFlight/runtime.GOMAXPROCS(0)))
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				owner := proto.NewGatewayID()
				for pb.Next() {
					if r := a.take(a.peer(), owner, 1, 0); r.Refused != "" || r.Owner != owner {
						b.Errorf("got %+v, want it taken by %s", r, owner)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "takes/s")
		})
	}
}
