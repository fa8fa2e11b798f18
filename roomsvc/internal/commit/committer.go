// Package commit writes what operations do to rooms. It groups the operations that wait for
// one room, lets package room decide them, and writes the result by compare-and-set: one
// write for all of them.
//
// A batch that changes its room is decided by that write: its success proves that the state
// from which all answers of the batch were derived was the room's state at that moment. A
// batch that changes nothing (refusals, reads) needs a confirmation from the bucket instead,
// because the state that a worker knows may be old, and so may what it has read.
package commit

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/kv"
	"p2pconnector/roomsvc/internal/metrics"
	"p2pconnector/roomsvc/internal/room"
)

// Bounds of a committer's work.
const (
	part     = 4   // of the operations that may wait, this part may for one room, and as many rooms may be worked on
	maxCalls = 256 // bucket calls at the same time
)

// Operation is an operation that waits to be committed. Its fields are not changed once it
// is submitted.
type Operation struct {
	room.Operation
	Arrived time.Time        // when its time began
	Answer  func(*bus.Reply) // called once; nil: dropped, and the requester gets no reply

	conn uint64 // the number of the NATS connection that it came by
}

// Config is what a committer needs of its service. All fields are required.
type Config struct {
	Bucket   kv.Bucket
	Limits   func() room.Limits // that apply now
	Log      *slog.Logger
	Metrics  *metrics.Metrics
	Usage    *kv.Usage                            // of the bucket
	Conn     func() uint64                        // counts the NATS connections
	Waiting  int                                  // operations that may wait in all
	Announce func(*bus.Change, []proto.GatewayID) // publishes a change to gateways
}

// Committer groups the operations of each room and commits them. Its methods may be called
// by any goroutine; Submit never blocks.
type Committer struct {
	cfg Config
	now func() time.Time

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

// New returns a committer of the rooms in cfg.Bucket.
func New(cfg Config) *Committer {
	c := &Committer{
		cfg: cfg, now: time.Now,
		calls: make(chan struct{}, maxCalls),
		hurry: make(chan struct{}),
		rooms: make(map[proto.RoomID]*worker),
	}
	c.ctx, c.abort = context.WithCancel(context.Background())
	return c
}

// Submit queues op for its room and returns nil, or refuses it. After Close it
// drops op, because the requester repeats it at another instance.
func (c *Committer) Submit(op *Operation) *proto.Error {
	id := op.Request.Room
	op.conn = c.cfg.Conn()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		c.cfg.Metrics.Dropped.Add(1)
		op.Answer(nil)
		return nil
	}
	w := c.rooms[id]
	if most := c.cfg.Waiting; c.queued >= most || w == nil && len(c.rooms) >= most/part || w != nil && len(w.waiting) >= most/part {
		c.cfg.Metrics.Refused.Add(1)
		return proto.Errorf(proto.Unavailable, "The room service has too much to do. Send the same request again in a moment.")
	}
	if w == nil {
		w = &worker{c: c, room: id, key: bus.RoomToken(id), enough: make(chan struct{}, 1)}
		c.rooms[id] = w
		c.wg.Go(w.run)
	}
	w.waiting = append(w.waiting, op)
	c.queued++
	if len(w.waiting) >= coalesceEnough {
		select {
		case w.enough <- struct{}{}:
		default:
		}
	}
	return nil
}

// Close takes no more operations, finishes those that wait unless ctx ends
// first (then they are dropped), and returns when every worker has
// ended.
func (c *Committer) Close(ctx context.Context) {
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

// Lengths returns how many operations wait and how many rooms are being worked
// on.
func (c *Committer) Lengths() (waiting, rooms int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.queued, len(c.rooms)
}

// call runs f with a context of callTimeout, and bounds how many calls run at
// the same time.
func (c *Committer) call(f func(ctx context.Context) error) error {
	select {
	case c.calls <- struct{}{}:
	case <-c.ctx.Done():
		return c.ctx.Err()
	}
	defer func() { <-c.calls }()
	ctx, cancel := context.WithTimeout(c.ctx, kv.CallTimeout)
	defer cancel()
	began := time.Now()
	defer func() { c.cfg.Metrics.BucketCall(began) }()
	return f(ctx)
}
