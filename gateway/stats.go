package gateway

import (
	"sync/atomic"

	"p2pconnector/gateway/internal/admission"
	"p2pconnector/gateway/internal/auth"
	"p2pconnector/proto"
)

// stats counts what the gateway does. Safe for concurrent use; the relay path
// adds to it without a lock.
type stats struct {
	natsUp, natsDown                 atomic.Uint64
	accepted                         atomic.Uint64
	slowPeers, idleClosed, panics    atomic.Uint64
	keptFull, badSubjects, untold    atomic.Uint64
	late, gaps, refetches, roomsLost atomic.Uint64
	refusedFull, roomQueueFull       atomic.Uint64
	results                          [redirected + 1]atomic.Uint64
	frames, framesOut                counterSet[proto.Event]
	refusals, drops                  counterSet[proto.ErrorCode]
	closes                           counterSet[proto.CloseCode]
	upgrades                         counterSet[int]
	resumes                          counterSet[string]
	moves                            counterSet[string]
	limits                           counterSet[admission.LimitName]
	keyFetches                       counterSet[auth.FetchOutcome]
	relayTime                        latencies
}

// counterSet counts by a label whose values are fixed at start.
type counterSet[K comparable] struct {
	by    map[K]*atomic.Uint64
	other atomic.Uint64
}

func newCounterSet[K comparable](keys ...K) counterSet[K] {
	by := make(map[K]*atomic.Uint64, len(keys))
	for _, k := range keys {
		by[k] = new(atomic.Uint64)
	}
	return counterSet[K]{by: by}
}

func (s *counterSet[K]) add(k K) {
	if n := s.by[k]; n != nil {
		n.Add(1)
		return
	}
	s.other.Add(1)
}

func newStats() *stats {
	s := new(stats)
	events := make([]proto.Event, len(proto.ClientEvents))
	for i, d := range proto.ClientEvents {
		events[i] = d.Event
	}
	codes := make([]proto.ErrorCode, len(proto.ErrorCodes))
	for i, d := range proto.ErrorCodes {
		codes[i] = d.Code
	}
	closes := make([]proto.CloseCode, len(proto.CloseCodes))
	for i, d := range proto.CloseCodes {
		closes[i] = d.Code
	}
	s.frames.by = newCounterSet(events...).by
	for _, d := range proto.ServerEvents {
		events = append(events, d.Event)
	}
	s.framesOut.by = newCounterSet(append(events, errorFrames)...).by
	s.relayTime = newLatencies()
	s.refusals.by = newCounterSet(codes...).by
	s.drops.by = newCounterSet(codes...).by
	s.closes.by = newCounterSet(closes...).by
	s.upgrades.by = newCounterSet(101, 400, 401, 403, 426, 429, 503).by
	s.limits.by = newCounterSet(admission.ConnectsPerAddress, admission.MaxPerAddress, admission.MaxConnections, admission.ConnectsPerSecond).by
	s.keyFetches.by = newCounterSet(auth.FetchOutcomes()...).by
	s.resumes.by = newCounterSet("here", "elsewhere", "refused").by
	s.moves.by = newCounterSet(moveTaken, moveFailed, moveConflict, moveLent, moveTakenBack, moveOutdated).by
	return s
}

// Outcomes of session moves, as metrics name them.
const (
	moveTaken     = "taken"      // this gateway owns the session now
	moveFailed    = "failed"     // it could not be taken over
	moveConflict  = "conflict"   // another gateway was first to take the epoch
	moveLent      = "lent"       // a copy was given to another gateway
	moveTakenBack = "taken_back" // a session that was lent is this gateway's again
	moveOutdated  = "outdated"   // another gateway had taken it over without a copy
)

func (s *stats) frameIn(e proto.Event)     { s.frames.add(e) }
func (s *stats) refused(c proto.ErrorCode) { s.refusals.add(c) }
func (s *stats) dropped(c proto.ErrorCode) { s.drops.add(c) }
func (s *stats) closed(c proto.CloseCode)  { s.closes.add(c) }
func (s *stats) resumed(outcome string)    { s.resumes.add(outcome) }

func (s *stats) relayed(v result) { s.results[v].Add(1) }

func (s *stats) upgrade(status int) { s.upgrades.add(status) }
