package edge_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"p2pconnector/proto"
)

// BenchmarkBesideUnreadCrowd measures the round trip of a control pair, alone and
// beside 1,000 peers that never read, whose queues are full. It reports the p99
// of both and their ratio, and the cost of each peer that does not read.
//
//	go test -run xx -bench UnreadCrowd ./e2e/test/edge
func BenchmarkBesideUnreadCrowd(b *testing.B) {
	const peers, rounds = 1000, 4000
	for b.Loop() {
		e := start(b, nil)
		near, far := e.open(b, "/", nil), e.open(b, "/", nil)
		crowd := make([]*client, peers)
		for i := range crowd {
			crowd[i] = e.nonReader(b)
		}
		filler := e.open(b, "/", nil)
		joinAll(b, filler, crowd...)
		before := heap()
		alone := p99(b, near, far, rounds)
		fill(b, filler, slices.Clone(crowd)...)
		cost := (int64(heap()) - int64(before)) / peers
		beside := p99(b, near, far, rounds)
		b.ReportMetric(float64(alone.Microseconds()), "p99-alone-µs")
		b.ReportMetric(float64(beside.Microseconds()), "p99-beside-µs")
		b.ReportMetric(float64(beside)/float64(alone), "p99-ratio")
		b.ReportMetric(float64(cost), "B/peer")
	}
}

// p99 sends a candidate there and back n times and returns the p99 of the round
// trip.
func p99(b *testing.B, near, far *client, n int) time.Duration {
	b.Helper()
	trips := make([]time.Duration, n)
	relay := func(from, to *client) {
		from.send(fmt.Sprintf(`{"event":"Candidate","to":%q,"data":{"candidate":"candidate:1 1 udp 2122260223 192.0.2.1 54321 typ host"}}`, to.details.ID))
		if f := to.next(); f.Event != string(proto.Candidate) {
			b.Fatalf("got %.200s, want a Candidate", f.raw)
		}
	}
	for i := range trips {
		began := time.Now()
		relay(near, far)
		relay(far, near)
		trips[i] = time.Since(began)
	}
	slices.Sort(trips)
	return trips[n*99/100]
}
