package roomsvc

import (
	"sync/atomic"
	"time"

	"p2pconnector/proto"
)

// Stats says what a service has done since it was made, and what it has in hand.
type Stats struct {
	Requests map[proto.Operation]map[proto.ErrorCode]uint64 // answered, by outcome; "" is success

	Dropped   uint64 // operations given up when NATS was lost; their askers repeat them
	Refused   uint64 // operations refused since a queue was full
	Commits   uint64 // writes that succeeded
	Committed uint64 // operations answered by them
	Conflicts uint64 // writes and proofs that another instance was faster than
	Failures  uint64 // bucket calls whose outcome is unknown
	Reads     uint64 // rooms read
	Confirms  uint64 // states proven to be the latest
	Scans     uint64 // passes over the whole bucket
	Ghosts    uint64 // members removed that a dead gateway had left
	Panics    uint64 // room workers and side jobs that panicked

	Waiting  int // operations queued
	Rooms    int // rooms being worked on
	Gateways int // gateways known
}

// stats counts. Every field may be used by any goroutine.
type stats struct {
	requests map[proto.Operation]*outcomes // fixed

	dropped, refused, commits, committed, conflicts, failures atomic.Uint64
	reads, confirms, scans, ghosts, panics                    atomic.Uint64

	times *histograms
}

// outcomes counts answers by error code.
type outcomes struct {
	ok    atomic.Uint64
	codes []atomic.Uint64 // as in proto.ErrorCodes
}

func newStats() *stats {
	s := &stats{requests: make(map[proto.Operation]*outcomes), times: newHistograms()}
	for _, op := range proto.Operations {
		s.requests[op] = &outcomes{codes: make([]atomic.Uint64, len(proto.ErrorCodes))}
	}
	return s
}

// answered counts an answer to a request for op that came at the time began; e
// is nil for success.
func (s *stats) answered(op proto.Operation, began time.Time, e *proto.Error) {
	s.times.answered(op, time.Since(began))
	o := s.requests[op]
	if o == nil {
		return
	}
	if e == nil {
		o.ok.Add(1)
		return
	}
	for i := range proto.ErrorCodes {
		if proto.ErrorCodes[i].Code == e.Code {
			o.codes[i].Add(1)
			return
		}
	}
}

// counts returns the answers of one endpoint that were given at least once.
func (o *outcomes) counts() map[proto.ErrorCode]uint64 {
	m := map[proto.ErrorCode]uint64{"": o.ok.Load()}
	for i := range o.codes {
		if n := o.codes[i].Load(); n > 0 {
			m[proto.ErrorCodes[i].Code] = n
		}
	}
	return m
}

// Stats returns a snapshot. It may be called at any time, also before Run.
func (s *Service) Stats() Stats {
	st := s.stats
	out := Stats{
		Requests: make(map[proto.Operation]map[proto.ErrorCode]uint64, len(st.requests)),
		Dropped:  st.dropped.Load(), Refused: st.refused.Load(),
		Commits: st.commits.Load(), Committed: st.committed.Load(),
		Conflicts: st.conflicts.Load(), Failures: st.failures.Load(),
		Reads: st.reads.Load(), Confirms: st.confirms.Load(),
		Scans: st.scans.Load(), Ghosts: st.ghosts.Load(), Panics: st.panics.Load(),
	}
	for op, o := range st.requests {
		out.Requests[op] = o.counts()
	}
	if c := s.committer.Load(); c != nil {
		out.Waiting, out.Rooms = c.lengths()
	}
	out.Gateways = s.leases.count()
	return out
}
