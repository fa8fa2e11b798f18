package roomsvc

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/nats-io/nats.go/micro"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// maxJobs bounds the requests that run as jobs at the same time.
const maxJobs = 16

// jobTime bounds one such request.
const jobTime = proto.RequestDeadline - 2*time.Second

// job answers a request that is not about one room.
type job func(ctx context.Context, req *bus.Request) (*bus.Reply, error)

// jobKinds returns the job of each operation that is one.
func (s *Service) jobKinds() map[bus.Operation]job {
	return map[bus.Operation]job{bus.OpSync: s.queries.Sync, bus.OpList: s.queries.List, bus.OpKeys: s.keys.Get}
}

// jobHandler returns a handler that runs do outside the rooms' workers.
func (s *Service) jobHandler(kind bus.Operation, do job) micro.HandlerFunc {
	return func(m micro.Request) {
		subject, data, began := m.Reply(), m.Data(), time.Now()
		if kind == bus.OpSync && isProbe(data) {
			s.reply(kind, subject, began, s.probe())
			return
		}
		switch taken, copied := s.jobs.take(subject); {
		case copied:
			return // the answer to the first goes to the same subject
		case !taken:
			s.metrics.Refused.Add(1)
			s.reply(kind, subject, began, &bus.Reply{Error: proto.CouldNotDo()})
			return
		}
		s.jobs.start(func(ctx context.Context) {
			defer s.jobs.free(subject)
			if r := s.runJob(ctx, kind, do, data); ctx.Err() == nil {
				s.reply(kind, subject, began, r)
			} // else the requester repeats it at another instance
		})
	}
}

// maxProbeBytes bounds a sync that may be without rooms.
const maxProbeBytes = 256

// isProbe reports whether data is a sync of no rooms, which asks whether rooms can
// be changed.
func isProbe(data []byte) bool {
	req := new(bus.Request)
	return len(data) <= maxProbeBytes && (len(data) == 0 || json.Unmarshal(data, req) == nil) && len(req.Rooms) == 0
}

// probe reports whether rooms can be changed. It never waits, so requests that
// do wait cannot make a gateway count as unready, however many they are.
func (s *Service) probe() *bus.Reply {
	if err := s.buckets.Down(); err != nil {
		return &bus.Reply{Error: &proto.Error{Code: proto.Unavailable, Message: "rooms cannot be changed " + err.Error()}}
	}
	return new(bus.Reply)
}

// jobs runs the goroutines that do not belong to one room, and joins them.
type jobs struct {
	ctx  context.Context
	stop context.CancelFunc

	mu      sync.Mutex
	closed  bool                // guarded by mu
	busy    int                 // guarded by mu: requests that have a place
	pending map[string]struct{} // guarded by mu: their reply subjects
	wg      sync.WaitGroup
}

func newJobs() *jobs {
	j := &jobs{pending: make(map[string]struct{})}
	j.ctx, j.stop = context.WithCancel(context.Background())
	return j
}

// take reserves a place for the request that is to be answered on subject.
// copied reports that the request has a place already: requesters repeat a
// request while they wait, and a copy takes no second place.
func (j *jobs) take(subject string) (taken, copied bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, copied = j.pending[subject]; copied || j.busy >= maxJobs {
		return false, copied
	}
	j.busy++
	if subject != "" {
		j.pending[subject] = struct{}{}
	}
	return true, false
}

// free releases the place that take reserved.
func (j *jobs) free(subject string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.busy--
	delete(j.pending, subject)
}

// start runs f unless close was called before.
func (j *jobs) start(f func(context.Context)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.closed {
		j.wg.Go(func() { f(j.ctx) })
	}
}

// close stops every job and returns when all have ended.
func (j *jobs) close() {
	j.mu.Lock()
	j.closed = true
	j.mu.Unlock()
	j.stop()
	j.wg.Wait()
}

func (s *Service) runJob(ctx context.Context, kind bus.Operation, do job, data []byte) (reply *bus.Reply) {
	log := s.cfg.Logger.With("operation", string(kind))
	defer func() {
		if v := recover(); v != nil {
			s.metrics.Panics.Add(1)
			log.Error("request panicked", "err", fmt.Sprint(v), "stack", string(debug.Stack()))
			reply = &bus.Reply{Error: proto.CouldNotDo()}
		}
	}()
	req := new(bus.Request)
	if len(data) > 0 {
		if err := json.Unmarshal(data, req); err != nil {
			return &bus.Reply{Error: malformed(err)}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, jobTime)
	defer cancel()
	reply, err := do(ctx, req)
	if err != nil {
		e, hidden := proto.ErrorFrom(err)
		if hidden && s.jobs.ctx.Err() == nil {
			log.Warn("request failed", "err", err)
		}
		return &bus.Reply{Error: e, Retry: req.Retry}
	}
	return reply
}
