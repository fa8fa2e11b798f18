package roomsvc

import (
	"sync/atomic"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// Stats counts what a service has done since New made it, and what it is working
// on.
type Stats struct {
	Requests map[bus.Operation]map[proto.ErrorCode]uint64 // answered, by outcome; "" is success

	Dropped   uint64 // operations given up when NATS was lost; their requesters repeat them
	Refused   uint64 // operations refused because a queue was full
	Commits   uint64 // writes that succeeded
	Committed uint64 // operations answered by them
	Conflicts uint64 // writes and proofs that failed because another instance wrote first
	Failures  uint64 // bucket calls whose outcome is unknown
	Reads     uint64 // rooms read
	Confirms  uint64 // states proven to be the latest
	Scans     uint64 // passes over the whole bucket
	Ghosts    uint64 // members removed that a dead gateway had left
	Panics    uint64 // room workers and side jobs that panicked

	Sessions         map[bus.SessionOperation]map[string]uint64 // answered, by outcome: ok, a refusal, or an error's code
	SessionConflicts uint64                                     // writes and proofs of sessions that found another revision
	SessionFailures  uint64                                     // bucket calls for sessions whose outcome is unknown
	SessionReads     uint64                                     // entries read one by one
	SessionsSwept    uint64                                     // sessions ended that a dead gateway had left

	Names         map[bus.NameOperation]map[string]uint64 // answered, by outcome: ok, a refusal, or an error's code
	NameConflicts uint64                                  // writes and proofs of names that found another revision
	NameFailures  uint64                                  // bucket calls for names whose outcome is unknown
	NamesSwept    uint64                                  // names taken back that peers of a dead gateway had

	Waiting  int // operations queued
	Rooms    int // rooms being worked on
	Gateways int // gateways known
}

// stats counts. Every field may be used by any goroutine.
type stats struct {
	requests map[bus.Operation]*outcomes               // fixed
	sessions map[bus.SessionOperation]*sessionOutcomes // fixed
	names    map[bus.NameOperation]*nameOutcomes       // fixed

	dropped, refused, commits, committed, conflicts, failures atomic.Uint64
	reads, confirms, scans, ghosts, panics                    atomic.Uint64

	sessionConflicts, sessionFailures, sessionReads, sessionsSwept atomic.Uint64
	nameConflicts, nameFailures, namesSwept                        atomic.Uint64

	times *histograms
}

// outcomes counts answers by error code.
type outcomes struct {
	ok    atomic.Uint64
	codes []atomic.Uint64 // as in proto.ErrorCodes
}

func newStats() *stats {
	s := &stats{
		requests: make(map[bus.Operation]*outcomes),
		sessions: make(map[bus.SessionOperation]*sessionOutcomes),
		names:    make(map[bus.NameOperation]*nameOutcomes),
		times:    newHistograms(),
	}
	for _, op := range bus.Operations {
		s.requests[op] = newOutcomes()
	}
	for _, op := range bus.SessionOperations {
		s.sessions[op] = &sessionOutcomes{outcomes: newOutcomes()}
	}
	for _, op := range bus.NameOperations {
		s.names[op] = &nameOutcomes{outcomes: newOutcomes()}
	}
	return s
}

func newOutcomes() *outcomes {
	return &outcomes{codes: make([]atomic.Uint64, len(proto.ErrorCodes))}
}

// answered counts an answer to a request for op that came at the time began; e
// is nil for success.
func (s *stats) answered(op bus.Operation, began time.Time, e *proto.Error) {
	s.times.answered(string(op), time.Since(began))
	if o := s.requests[op]; o != nil {
		o.add(e)
	}
}

func (o *outcomes) add(e *proto.Error) {
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

// sessionOutcomes counts answers of the session directory.
type sessionOutcomes struct {
	*outcomes
	moved, ended atomic.Uint64
}

// sessionAnswered counts an answer to a request for op that came at the time began.
func (s *stats) sessionAnswered(op bus.SessionOperation, began time.Time, r *bus.SessionReply) {
	s.times.answered(op.Endpoint(), time.Since(began))
	o := s.sessions[op]
	switch {
	case o == nil:
	case r.Error != nil || r.Refused == "":
		o.add(r.Error)
	case r.Refused == bus.RefusedMoved:
		o.moved.Add(1)
	default:
		o.ended.Add(1)
	}
}

// counts returns the answers by outcome: ok and the refusals, and the error codes
// that were answered at least once.
func (o *sessionOutcomes) counts() map[string]uint64 {
	m := map[string]uint64{"ok": o.ok.Load(), string(bus.RefusedMoved): o.moved.Load(), string(bus.RefusedEnded): o.ended.Load()}
	for code, n := range o.outcomes.counts() {
		if code != "" {
			m[string(code)] = n
		}
	}
	return m
}

// nameOutcomes counts answers of the directory of names.
type nameOutcomes struct {
	*outcomes
	taken, changed atomic.Uint64
}

// nameAnswered counts an answer to a request for op that came at the time began.
func (s *stats) nameAnswered(op bus.NameOperation, began time.Time, r *bus.NameReply) {
	s.times.answered(op.Endpoint(), time.Since(began))
	o := s.names[op]
	switch {
	case o == nil:
	case r.Error != nil || r.Refused == "":
		o.add(r.Error)
	case r.Refused == bus.RefusedTaken:
		o.taken.Add(1)
	default:
		o.changed.Add(1)
	}
}

// counts returns the answers by outcome, like those of sessionOutcomes.
func (o *nameOutcomes) counts() map[string]uint64 {
	m := map[string]uint64{"ok": o.ok.Load(), string(bus.RefusedTaken): o.taken.Load(), string(bus.RefusedChanged): o.changed.Load()}
	for code, n := range o.outcomes.counts() {
		if code != "" {
			m[string(code)] = n
		}
	}
	return m
}

// Stats returns a snapshot. It may be called at any time, also before Run.
func (s *Service) Stats() Stats {
	st := s.stats
	out := Stats{
		Requests: make(map[bus.Operation]map[proto.ErrorCode]uint64, len(st.requests)),
		Dropped:  st.dropped.Load(), Refused: st.refused.Load(),
		Commits: st.commits.Load(), Committed: st.committed.Load(),
		Conflicts: st.conflicts.Load(), Failures: st.failures.Load(),
		Reads: st.reads.Load(), Confirms: st.confirms.Load(),
		Scans: st.scans.Load(), Ghosts: st.ghosts.Load(), Panics: st.panics.Load(),
		Sessions:         make(map[bus.SessionOperation]map[string]uint64, len(st.sessions)),
		SessionConflicts: st.sessionConflicts.Load(), SessionFailures: st.sessionFailures.Load(),
		SessionReads: st.sessionReads.Load(), SessionsSwept: st.sessionsSwept.Load(),
	}
	out.Names = make(map[bus.NameOperation]map[string]uint64, len(st.names))
	out.NameConflicts, out.NameFailures, out.NamesSwept = st.nameConflicts.Load(), st.nameFailures.Load(), st.namesSwept.Load()
	for op, o := range st.names {
		out.Names[op] = o.counts()
	}
	for op, o := range st.sessions {
		out.Sessions[op] = o.counts()
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
