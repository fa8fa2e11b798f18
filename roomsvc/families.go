package roomsvc

import (
	"sync/atomic"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/kv"
)

// families lists every metric of a room service except the histograms. Counters
// begin at 0 with all their labels, so that a query finds them before the first
// event.
var families = []family{
	{"build_info", "The build: always 1.", gauge, []string{"version", "commit"}, func(s *Service, put put) { put(1, s.cfg.Version, s.cfg.Commit) }},
	{"requests_total", "Requests answered, by endpoint and outcome: ok, the error's code, moved and ended, the refusals of the session directory, or taken and changed, those of the directory of names.", counter, []string{"endpoint", "outcome"}, func(s *Service, put put) {
		for _, op := range bus.Operations {
			o := s.stats.requests[op]
			put(float64(o.ok.Load()), string(op), "ok")
			for i, d := range proto.ErrorCodes {
				if n := o.codes[i].Load(); n > 0 || d.Code == proto.Unavailable {
					put(float64(n), string(op), string(d.Code))
				}
			}
		}
		for _, op := range bus.SessionOperations {
			counts := s.stats.sessions[op].counts()
			counts[string(proto.Unavailable)] += 0
			for outcome, n := range counts {
				put(float64(n), op.Endpoint(), outcome)
			}
		}
		for _, op := range bus.NameOperations {
			counts := s.stats.names[op].counts()
			counts[string(proto.Unavailable)] += 0
			for outcome, n := range counts {
				put(float64(n), op.Endpoint(), outcome)
			}
		}
	}},
	{"operations_waiting", "Operations queued for their room.", gauge, nil, func(s *Service, put put) { waiting, _ := s.lengths(); put(float64(waiting)) }},
	{"rooms_busy", "Rooms that are being worked on.", gauge, nil, func(s *Service, put put) { _, busy := s.lengths(); put(float64(busy)) }},
	{"operations_refused_total", "Requests refused because a queue was full, those to the directories included.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.refused })},
	{"operations_dropped_total", "Operations given up when NATS was lost, those of the directories included; their requesters repeat them.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.dropped })},
	{"commits_total", "Writes to the bucket that succeeded.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.commits })},
	{"operations_committed_total", "Operations that these writes answered.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.committed })},
	{"conflicts_total", "Writes and proofs that failed because another instance wrote first; each was tried again.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.conflicts })},
	{"bucket_failures_total", "Calls to the bucket whose outcome is unknown; each was tried again.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.failures })},
	{"buckets_lost_total", "Times that a bucket was gone, with all that was in it, and a new one took its place.", counter, []string{"bucket"}, func(s *Service, put put) {
		for _, b := range s.buckets.list {
			put(float64(b.lost.Load()), b.bucket)
		}
	}},
	{"bucket_bytes", "Bytes that a bucket holds in JetStream.", gauge, []string{"bucket"}, ofBuckets(func(c kv.Counts) float64 { return float64(c.Bytes) })},
	{"bucket_limit_bytes", "Bytes that a bucket may hold: half of them for what is new, the rest for leaving and ending; 0: JetStream has too little storage to grant a limit.", gauge, []string{"bucket"}, ofBuckets(func(c kv.Counts) float64 { return float64(c.Limit) })},
	{"bucket_exhausted", "1 while JetStream has no storage for a bucket, so that rooms can only end.", gauge, []string{"bucket"}, ofBuckets(func(c kv.Counts) float64 {
		if c.Exhausted {
			return 1
		}
		return 0
	})},
	{"bucket_full_refused_total", "Operations refused with Limit_Exceeded because a bucket has no space for what is new.", counter, []string{"bucket"}, ofBuckets(func(c kv.Counts) float64 { return float64(c.Refused) })},
	{"buckets_writable", "1 while rooms can be changed: 0 when JetStream has failed for 10 s.", gauge, nil, func(s *Service, put put) {
		up := 1.0
		if s.buckets.down() != nil {
			up = 0
		}
		put(up)
	}},
	{"room_reads_total", "Rooms read from the bucket.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.reads })},
	{"confirms_total", "States proven to be the latest.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.confirms })},
	{"sweeps_total", "Passes over all rooms in search of what dead gateways left.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.scans })},
	{"ghosts_removed_total", "Members removed that a dead gateway had left.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.ghosts })},
	{"session_requests_waiting", "Requests to the session directory that wait for their turn, by kind: calls (take, get, end) or syncs.", gauge, []string{"kind"}, func(s *Service, put put) {
		calls, _, syncs, _ := s.directoryLengths()
		put(float64(calls), "calls")
		put(float64(syncs), "syncs")
	}},
	{"session_requests_busy", "Requests to the session directory that are being worked on, by kind.", gauge, []string{"kind"}, func(s *Service, put put) {
		_, calls, _, syncs := s.directoryLengths()
		put(float64(calls), "calls")
		put(float64(syncs), "syncs")
	}},
	{"session_conflicts_total", "Writes and proofs of sessions that found another revision; each was followed by a read.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.sessionConflicts })},
	{"session_failures_total", "Calls to the bucket of sessions whose outcome is unknown; each was tried again.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.sessionFailures })},
	{"session_reads_total", "Sessions read from the bucket one by one: for get, and after a conflict.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.sessionReads })},
	{"sessions_swept_total", "Sessions ended that a dead gateway had left.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.sessionsSwept })},
	{"name_requests_waiting", "Requests to the directory of names that wait for their turn, of 16,384.", gauge, nil, func(s *Service, put put) { waiting, _ := s.nameLengths(); put(float64(waiting)) }},
	{"name_requests_busy", "Requests to the directory of names that are being worked on.", gauge, nil, func(s *Service, put put) { _, busy := s.nameLengths(); put(float64(busy)) }},
	{"name_conflicts_total", "Writes and proofs of names that found another revision; each was followed by a read.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.nameConflicts })},
	{"name_failures_total", "Calls to the bucket of names whose outcome is unknown; each was tried again.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.nameFailures })},
	{"names_swept_total", "Names taken back that peers of a dead gateway had.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.namesSwept })},
	{"gateways", "Gateways by lease: live, or silent (no lease for longer than a lease lasts).", gauge, []string{"lease"}, func(s *Service, put put) {
		live, silent := s.leases.counts()
		put(float64(live), "live")
		put(float64(silent), "silent")
	}},
	{"settings_disagree", "Other gateways and room services that have another value of a setting that all should have in common, by the setting. The smallest value applies.", gauge, []string{"setting"}, func(s *Service, put put) {
		for setting, n := range s.shared.Disagree() {
			put(float64(n), setting)
		}
	}},
	{"settings_ignored_total", "Leases whose settings were not compared, because those of 4,352 others are.", counter, nil, func(s *Service, put put) { put(float64(s.shared.Ignored())) }},
	{"nats_connected", "1 while the service is connected to NATS.", gauge, nil, func(s *Service, put put) {
		up := 0.0
		if s.nc.IsConnected() {
			up = 1
		}
		put(up)
	}},
	{"nats_reconnects_total", "Reconnects to NATS.", counter, nil, func(s *Service, put put) { put(float64(s.epoch())) }},
	{"nats_pending_bytes", "Bytes that wait for the network.", gauge, []string{"direction"}, func(s *Service, put put) {
		n, _ := s.nc.Buffered() // -1 without a connection
		put(float64(max(n, 0)), "out")
	}},
	{"panics_total", "Room workers and other requests that panicked.", counter, nil, one(func(s *stats) *atomic.Uint64 { return &s.panics })},
}

// ofBuckets reads a value of each bucket.
func ofBuckets(value func(kv.Counts) float64) func(*Service, put) {
	return func(s *Service, put put) {
		for _, b := range s.buckets.list {
			put(value(b.usage.Counts()), b.bucket)
		}
	}
}

// one reads a counter without labels.
func one(field func(*stats) *atomic.Uint64) func(*Service, put) {
	return func(s *Service, put put) { put(float64(field(s.stats).Load())) }
}

// lengths returns how many operations wait and how many rooms are being worked
// on.
func (s *Service) lengths() (waiting, rooms int) {
	if c := s.committer.Load(); c != nil {
		return c.lengths()
	}
	return 0, 0
}

// directoryLengths returns how many requests to the session directory wait and
// how many are being worked on.
func (s *Service) directoryLengths() (callsWaiting, callsBusy, syncsWaiting, syncsBusy int) {
	if d := s.directory.Load(); d != nil {
		callsWaiting, callsBusy = d.calls.lengths()
		syncsWaiting, syncsBusy = d.syncs.lengths()
	}
	return
}

// nameLengths returns how many requests to the directory of names wait and how many are
// being worked on.
func (s *Service) nameLengths() (waiting, busy int) {
	if d := s.names.Load(); d != nil {
		return d.calls.lengths()
	}
	return 0, 0
}

// counts returns how many gateways have a lease, and how many have none any
// more.
func (l *leases) counts() (live, silent int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.known {
		if l.now().Sub(e.heard) < bus.LeaseTimeout {
			live++
		} else {
			silent++
		}
	}
	return live, silent
}
