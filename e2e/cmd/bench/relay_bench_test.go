package main

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"p2pconnector/e2e/kit"
	"p2pconnector/e2e/kit/load"
)

// BenchmarkRelay relays signals between peers on two gateways, over sockets and
// a NATS server, everything in this process. Use it for profiles (-cpuprofile)
// and for the allocations that a signal costs in all of them together. A burst
// is written at once, and the next when all of it has arrived.
func BenchmarkRelay(b *testing.B) {
	for _, size := range relaySizes {
		for _, burst := range []int{1, inFlight} {
			b.Run(fmt.Sprintf("bytes=%d/burst=%d", size, burst), func(b *testing.B) { benchmarkRelay(b, size, burst) })
		}
	}
}

// burstSink reports when as many signals have arrived as were written.
type burstSink struct {
	missing int // owned by the reader between two bursts' ends
	burst   int
	done    chan struct{}
}

func (s *burstSink) Frame(_ *load.Conn, _ int64, payload []byte) {
	if _, ok := findStamp(payload); ok {
		s.missing--
	}
	if s.missing == 0 {
		s.missing = s.burst
		s.done <- struct{}{}
	}
}

func (s *burstSink) Batch(*load.Conn) {}

func benchmarkRelay(b *testing.B, size, burst int) {
	stack := kit.Start(b, kit.Options{RoomServices: 1, LogLevel: slog.LevelError, SessionKey: "a secret of this benchmark"})
	sys := &system{name: ours, hello: clientDetails, signal: signalPayload, target: func(int) string { return "/ws" }}
	for i := range 2 {
		sys.addrs = append(sys.addrs, strings.TrimSuffix(strings.TrimPrefix(stack.URL(i), "ws://"), "/"))
	}
	f, err := connect(b.Context(), sys, 2, 8<<10)
	if err != nil {
		b.Fatal(err)
	}
	defer f.close()
	sink := &burstSink{missing: burst, burst: burst, done: make(chan struct{})}
	f.conns[1].Feed(sink)
	signal := newStampable(sys.signal(f.conns[1].ID, size))
	b.SetBytes(int64(burst * size))
	b.ReportAllocs()
	for b.Loop() {
		for range burst {
			f.conns[0].Queue(signal.stamped(load.Clock(), 0))
		}
		if err := f.conns[0].Flush(); err != nil {
			b.Fatal(err)
		}
		select {
		case <-sink.done:
		case <-f.conns[1].Done():
			b.Fatal(f.broken())
		}
	}
}
