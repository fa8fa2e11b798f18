// Package metrics counts what a room service does, and serves the counts to Prometheus.
//
// Each part of the service gets the Metrics, or its part of them, and counts where
// something happens. What is only read when Prometheus asks (queues, buckets, leases) is in
// a Snapshot. table.go lists every metric but the histograms; to add one, add a counter or
// a field of the Snapshot, and a row. No label names a peer, a room or a name, because their
// number has no bound.
package metrics

import (
	"sync/atomic"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// Counter is a number that only grows.
type Counter = atomic.Uint64

// Metrics counts. Every field and method may be used by any goroutine.
type Metrics struct {
	Refused Counter // requests refused because a queue was full
	Dropped Counter // requests given up when NATS was lost; their requesters repeat them
	Panics  Counter // requests and room workers that panicked

	Rooms           Rooms
	Sessions, Names Directory
	Sweeps          Sweeps

	answers map[string]answers // by endpoint; fixed
	latencies
}

// Rooms counts the work on rooms.
type Rooms struct {
	Commits   Counter // writes that succeeded
	Committed Counter // operations that these writes answered
	Conflicts Counter // writes and confirmations that found another revision
	Failures  Counter // bucket calls whose outcome is unknown
	Reads     Counter // rooms read
	Confirms  Counter // states confirmed to be the latest
}

// Directory counts the work of one directory.
type Directory struct {
	Conflicts Counter // writes and confirmations that found another revision
	Failures  Counter // bucket calls whose outcome is unknown
	Reads     Counter // entries read one by one
	Swept     Counter // entries of dead gateways that were ended
}

// Sweeps counts what was done about dead gateways.
type Sweeps struct {
	Passes  Counter // over all buckets
	Members Counter // of rooms, removed
}

// outcomeOK is the outcome of a request that was neither refused nor failed.
const outcomeOK = "ok"

// answers counts the answers of one endpoint, by outcome: ok, a refusal, or an error's code.
// The map is fixed.
type answers map[string]*Counter

// New returns metrics that are all 0.
func New() *Metrics {
	m := &Metrics{answers: make(map[string]answers)}
	for _, op := range bus.Operations {
		m.answers[string(op)] = newAnswers()
	}
	for _, op := range bus.SessionOperations {
		m.answers[op.Endpoint()] = newAnswers(string(bus.RefusedMoved), string(bus.RefusedEnded))
	}
	for _, op := range bus.NameOperations {
		m.answers[op.Endpoint()] = newAnswers(string(bus.RefusedTaken), string(bus.RefusedChanged))
	}
	m.latencies = newLatencies(m.answers)
	return m
}

func newAnswers(refusals ...string) answers {
	a := answers{outcomeOK: new(Counter)}
	for _, refusal := range refusals {
		a[refusal] = new(Counter)
	}
	for _, d := range proto.ErrorCodes {
		a[string(d.Code)] = new(Counter)
	}
	return a
}

// Answered counts an answer to a request for an endpoint that came at the time began. The
// outcome is a refusal, an error's code, or "" for success.
func (m *Metrics) Answered(endpoint string, began time.Time, outcome string) {
	a := m.answers[endpoint]
	if a == nil {
		return
	}
	m.latencies.answered(endpoint, time.Since(began))
	if outcome == "" {
		outcome = outcomeOK
	}
	if c := a[outcome]; c != nil {
		c.Add(1)
	}
}

// Answers returns the answers of an endpoint by outcome: ok, its refusals, Unavailable, and
// the error codes that it has answered. It returns nil when there is no such endpoint.
func (m *Metrics) Answers(endpoint string) map[string]uint64 {
	a := m.answers[endpoint]
	if a == nil {
		return nil
	}
	counts := make(map[string]uint64)
	for outcome, c := range a {
		n := c.Load()
		if code := proto.ErrorCode(outcome); n > 0 || code == proto.Unavailable || !code.Known() {
			counts[outcome] = n
		}
	}
	return counts
}
