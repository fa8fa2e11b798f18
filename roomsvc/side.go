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

// maxSide bounds the requests in hand that look at more than one room.
const maxSide = 16

// sideTime bounds one of them.
const sideTime = proto.RequestDeadline - 2*time.Second

type sideJob func(ctx context.Context, req *bus.Request) (*bus.Reply, error)

func (s *Service) sideJobs() map[bus.Operation]sideJob {
	return map[bus.Operation]sideJob{bus.OpSync: s.sync, bus.OpKeys: s.signingKeys, bus.OpList: s.list}
}

// sideHandler runs a job beside the rooms' workers.
func (s *Service) sideHandler(kind bus.Operation, job sideJob) micro.HandlerFunc {
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
			s.stats.refused.Add(1)
			s.reply(kind, subject, began, &bus.Reply{Error: unavailable()})
			return
		}
		s.jobs.start(func(ctx context.Context) {
			defer s.jobs.free(subject)
			if r := s.runJob(ctx, kind, job, data); ctx.Err() == nil {
				s.reply(kind, subject, began, r)
			} // else the asker repeats it, at another instance
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

// probe says whether rooms can be changed. It never waits, so that no number of
// requests that do can make a gateway count as unready.
func (s *Service) probe() *bus.Reply {
	if err := s.buckets.down(); err != nil {
		return &bus.Reply{Error: &proto.Error{Code: proto.Unavailable, Message: "rooms cannot be changed " + err.Error()}}
	}
	return new(bus.Reply)
}

// jobs runs what is not about one room, and joins it.
type jobs struct {
	ctx  context.Context
	stop context.CancelFunc

	mu     sync.Mutex
	closed bool                // guarded by mu
	busy   int                 // guarded by mu: requests in hand
	inHand map[string]struct{} // guarded by mu: their reply subjects
	wg     sync.WaitGroup
}

func newJobs() *jobs {
	j := &jobs{inHand: make(map[string]struct{})}
	j.ctx, j.stop = context.WithCancel(context.Background())
	return j
}

// take makes room for the request that is to be answered on subject. A requester
// repeats itself while it waits: such a copy takes no second place.
func (j *jobs) take(subject string) (taken, copied bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, copied = j.inHand[subject]; copied || j.busy >= maxSide {
		return false, copied
	}
	j.busy++
	if subject != "" {
		j.inHand[subject] = struct{}{}
	}
	return true, false
}

// free ends what take began.
func (j *jobs) free(subject string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.busy--
	delete(j.inHand, subject)
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

func (s *Service) runJob(ctx context.Context, kind bus.Operation, job sideJob, data []byte) (reply *bus.Reply) {
	log := s.cfg.Logger.With("operation", string(kind))
	defer func() {
		if v := recover(); v != nil {
			s.stats.panics.Add(1)
			log.Error("request panicked", "err", fmt.Sprint(v), "stack", string(debug.Stack()))
			reply = &bus.Reply{Error: unavailable()}
		}
	}()
	req := new(bus.Request)
	if len(data) > 0 {
		if err := json.Unmarshal(data, req); err != nil {
			return &bus.Reply{Error: malformed(err)}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, sideTime)
	defer cancel()
	reply, err := job(ctx, req)
	if err != nil {
		e, hidden := proto.ErrorFrom(err)
		if hidden && s.jobs.ctx.Err() == nil {
			log.Warn("request failed", "err", err)
		}
		return &bus.Reply{Error: e, Retry: req.Retry}
	}
	return reply
}
