package roomsvc

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/kv"
	"p2pconnector/roomsvc/internal/metrics"
)

// Bounds of a committer's work.
const (
	maxWaiting     = 65_536 // operations waiting in all
	maxRoomWaiting = 16_384 // for one room
	maxRooms       = 16_384 // rooms being worked on
	maxCalls       = 256    // bucket calls at the same time
)

// committer groups the operations of each room and commits them. Its methods may
// be called by any goroutine; submit never blocks.
type committer struct {
	bucket   kv.Bucket
	limits   func() limits // that apply now
	log      *slog.Logger
	metrics  *metrics.Metrics
	usage    *kv.Usage
	now      func() time.Time
	epoch    func() uint64 // of the NATS connection
	announce func(*bus.Change, []proto.GatewayID)

	calls  chan struct{}   // a slot for each bucket call
	ctx    context.Context // ends when unfinished operations are given up
	abort  context.CancelFunc
	hurry  chan struct{} // closed at shutdown: workers no longer wait for more operations
	wg     sync.WaitGroup
	mu     sync.Mutex
	rooms  map[proto.RoomID]*worker // guarded by mu
	queued int                      // guarded by mu: operations in any worker's waiting
	closed bool                     // guarded by mu
}

func newCommitter(b kv.Bucket, lim limits, log *slog.Logger, m *metrics.Metrics) *committer {
	c := &committer{
		bucket: b, log: log, metrics: m, usage: new(kv.Usage),
		limits:   func() limits { return lim },
		now:      time.Now,
		epoch:    func() uint64 { return 0 },
		announce: func(*bus.Change, []proto.GatewayID) {},
		calls:    make(chan struct{}, maxCalls),
		hurry:    make(chan struct{}),
		rooms:    make(map[proto.RoomID]*worker),
	}
	c.ctx, c.abort = context.WithCancel(context.Background())
	return c
}

// submit queues op for its room and returns nil, or refuses it. After close it
// drops op, because the requester repeats it at another instance.
func (c *committer) submit(op *operation) *proto.Error {
	room := op.req.Room
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		c.metrics.Dropped.Add(1)
		op.answer(nil)
		return nil
	}
	w := c.rooms[room]
	if c.queued >= maxWaiting || w == nil && len(c.rooms) >= maxRooms || w != nil && len(w.waiting) >= maxRoomWaiting {
		c.metrics.Refused.Add(1)
		return proto.Errorf(proto.Unavailable, "The room service has too much to do. Send the same request again in a moment.")
	}
	if w == nil {
		w = &worker{c: c, room: room, key: bus.RoomToken(room), enough: make(chan struct{}, 1)}
		c.rooms[room] = w
		c.wg.Go(w.run)
	}
	w.waiting = append(w.waiting, op)
	c.queued++
	if len(w.waiting) >= gatherEnough {
		select {
		case w.enough <- struct{}{}:
		default:
		}
	}
	return nil
}

// close takes no more operations, finishes those that wait unless ctx ends
// first (then they are dropped), and returns when every worker has
// ended.
func (c *committer) close(ctx context.Context) {
	c.mu.Lock()
	if !c.closed {
		c.closed = true
		close(c.hurry)
	}
	c.mu.Unlock()
	stop := context.AfterFunc(ctx, c.abort)
	defer stop()
	c.wg.Wait()
	c.abort()
}

// lengths returns how many operations wait and how many rooms are being worked
// on.
func (c *committer) lengths() (waiting, rooms int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.queued, len(c.rooms)
}

// call runs f with a context of callTimeout, and bounds how many calls run at
// the same time.
func (c *committer) call(f func(ctx context.Context) error) error {
	select {
	case c.calls <- struct{}{}:
	case <-c.ctx.Done():
		return c.ctx.Err()
	}
	defer func() { <-c.calls }()
	ctx, cancel := context.WithTimeout(c.ctx, kv.CallTimeout)
	defer cancel()
	began := time.Now()
	defer func() { c.metrics.BucketCall(began) }()
	return f(ctx)
}
