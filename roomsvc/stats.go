package roomsvc

import (
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/metrics"
)

// Stats is what a service has done since New made it, and what it is working on, for a
// program that embeds it. The metrics show more.
type Stats struct {
	Commits   uint64 // writes of rooms
	Committed uint64 // operations answered by them
	Conflicts uint64 // writes and confirmations of rooms that found another revision
	Reads     uint64 // rooms read
	Confirms  uint64 // states of rooms confirmed to be the latest
	Failures  uint64 // calls to the bucket of rooms whose outcome is unknown
	Panics    uint64 // requests and room workers that panicked
	Refused   uint64 // requests refused because a queue was full
	Dropped   uint64 // requests given up when NATS was lost; their requesters repeat them

	// Requests answered, by outcome: ok, a refusal, or an error's code.
	Requests map[bus.Operation]map[string]uint64
	Sessions map[bus.SessionOperation]map[string]uint64
	Names    map[bus.NameOperation]map[string]uint64

	Waiting  int // operations queued
	Gateways int // known
}

// Stats returns the present counts. It may be called at any time, also before Run.
func (s *Service) Stats() Stats {
	rooms := &s.metrics.Rooms
	out := Stats{
		Commits: rooms.Commits.Load(), Committed: rooms.Committed.Load(), Conflicts: rooms.Conflicts.Load(),
		Reads: rooms.Reads.Load(), Confirms: rooms.Confirms.Load(), Failures: rooms.Failures.Load(),
		Panics: s.metrics.Panics.Load(), Refused: s.metrics.Refused.Load(), Dropped: s.metrics.Dropped.Load(),
		Requests: make(map[bus.Operation]map[string]uint64),
		Sessions: make(map[bus.SessionOperation]map[string]uint64),
		Names:    make(map[bus.NameOperation]map[string]uint64),
	}
	for _, op := range bus.Operations {
		out.Requests[op] = s.metrics.Answers(string(op))
	}
	for _, op := range bus.SessionOperations {
		out.Sessions[op] = s.metrics.Answers(op.Endpoint())
	}
	for _, op := range bus.NameOperations {
		out.Names[op] = s.metrics.Answers(op.Endpoint())
	}
	live, expired := s.leases.Counts()
	out.Gateways = live + expired
	if c := s.committer.Load(); c != nil {
		out.Waiting, _ = c.Lengths()
	}
	return out
}

// snapshot returns what the metrics show besides the counters.
func (s *Service) snapshot() *metrics.Snapshot {
	pending, _ := s.nc.Buffered() // -1 without a connection
	now := &metrics.Snapshot{
		Version: s.cfg.Version, Commit: s.cfg.Commit,
		Queues:           map[string]metrics.Queue{"sessions": {}, "session_syncs": {}, "names": {}, "name_lists": {}},
		Writable:         s.buckets.Down() == nil,
		SettingsDisagree: s.shared.Disagree(), SettingsIgnored: s.shared.Ignored(),
		NATSConnected: s.nc.IsConnected(), NATSReconnects: s.conn(), NATSPendingBytes: max(pending, 0),
	}
	for _, b := range s.buckets.All() {
		c := b.Usage().Counts()
		now.Buckets = append(now.Buckets, metrics.Bucket{
			Name: b.Name(), Lost: b.Lost(), Bytes: c.Bytes, Limit: c.Limit, Refused: c.Refused, Exhausted: c.Exhausted,
		})
	}
	if c := s.committer.Load(); c != nil {
		now.OperationsWaiting, now.RoomsBusy = c.Lengths()
	}
	if d := s.sessions.Load(); d != nil {
		now.Queues["sessions"], now.Queues["session_syncs"] = d.Queues()
	}
	if d := s.names.Load(); d != nil {
		now.Queues["names"], now.Queues["name_lists"] = d.Queues()
	}
	now.GatewaysLive, now.GatewaysDead = s.leases.Counts()
	return now
}
