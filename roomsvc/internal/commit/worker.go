package commit

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/kv"
	"p2pconnector/roomsvc/internal/room"
)

const (
	// The worker of a busy room waits a little before the next write, because a
	// write costs the bucket, and every gateway with a member, about the same
	// whether it holds one operation or a hundred.
	busyBatch      = 4
	coalesceTime   = 15 * time.Millisecond
	coalesceEnough = 128
)

// worker commits the operations of one room for as long as there are any. It
// keeps the state that it wrote last, as a guess for the next commit.
type worker struct {
	c    *Committer
	room proto.RoomID
	key  string // of the room in the bucket

	waiting []*Operation  // guarded by c.mu
	enough  chan struct{} // a signal that coalesceEnough operations wait

	// Owned by run.
	batch []*Operation
	known *room.State
	tries int // failed tries in a row
}

func (w *worker) run() {
	for w.take() {
		w.safely(w.step)
	}
}

// take moves waiting operations into the batch. When there are none it removes
// the worker from the map and returns false; the next operation starts a new
// worker.
func (w *worker) take() bool {
	c := w.c
	c.mu.Lock()
	defer c.mu.Unlock()
	n := min(len(w.waiting), room.MaxBatch-len(w.batch))
	w.batch = append(w.batch, w.waiting[:n]...)
	w.waiting = w.waiting[n:]
	c.queued -= n
	if len(w.batch) == 0 {
		delete(c.rooms, w.room)
		return false
	}
	if len(w.waiting) == 0 {
		w.waiting = nil
	}
	return true
}

// safely calls f and keeps a panic within this room.
func (w *worker) safely(f func()) {
	defer func() {
		if v := recover(); v != nil {
			w.c.cfg.Metrics.Panics.Add(1)
			w.c.cfg.Log.Error("room worker panicked", "room", string(w.room), "err", fmt.Sprint(v), "stack", string(debug.Stack()))
			w.known = nil
			w.answerAll(proto.CouldNotDo())
		}
	}()
	f()
}

// step tries once to commit the batch.
func (w *worker) step() {
	w.giveUp()
	if len(w.batch) == 0 {
		return
	}
	if w.answerUnchanged() {
		return
	}
	if err := w.load(); err != nil {
		w.failed(err)
		return
	}
	lim := w.c.cfg.Limits()
	lim.Full = w.c.cfg.Usage.Full()
	com := room.Apply(w.known, operations(w.batch), w.c.now(), lim)
	next, err := w.write(com)
	if err != nil {
		w.failed(err)
		return
	}
	w.tries = 0
	w.known = next
	done := w.answer(com, next.Revision)
	if done >= busyBatch {
		w.coalesce()
	}
}

// answerUnchanged answers a batch of requests for the room by gateways that all have the
// same revision, when that is the latest. The room, which may be large, is not read.
func (w *worker) answerUnchanged() bool {
	have := w.batch[0].Request.Have
	if w.known != nil || w.tries > 0 || have == 0 {
		return false
	}
	for _, op := range w.batch {
		if op.Kind != bus.OpGet || op.Request.Have != have {
			return false
		}
	}
	if w.c.call(func(ctx context.Context) error {
		w.c.cfg.Metrics.Rooms.Confirms.Add(1)
		return w.c.cfg.Bucket.Confirm(ctx, w.key, have)
	}) != nil {
		return false // what is wrong, reading the room shows
	}
	for _, op := range w.batch {
		op.Answer(&bus.Reply{Revision: have, Retry: op.Request.Retry})
	}
	w.batch = nil
	return true
}

func operations(batch []*Operation) []*room.Operation {
	ops := make([]*room.Operation, len(batch))
	for i, op := range batch {
		ops[i] = &op.Operation
	}
	return ops
}

// giveUp removes operations from the batch. It drops those that came by an
// earlier NATS connection, because this process may have been frozen for any
// time, and those that shutdown could not wait for; their requesters repeat
// them. It answers those whose deadline has passed.
func (w *worker) giveUp() {
	now, conn := w.c.now(), w.c.cfg.Conn()
	rest := w.batch[:0]
	for _, op := range w.batch {
		switch {
		case op.conn != conn || w.c.ctx.Err() != nil:
			w.c.cfg.Metrics.Dropped.Add(1)
			op.Answer(nil)
		case now.Sub(op.Arrived) >= proto.RequestDeadline:
			op.Answer(&bus.Reply{Error: proto.CouldNotDo(), Retry: op.Request.Retry})
		default:
			rest = append(rest, op)
		}
	}
	clear(w.batch[len(rest):])
	w.batch = rest
}

// load sets known to a state to start from, unless there is one.
func (w *worker) load() error {
	if w.known != nil {
		return nil
	}
	// A room that is to be made does not exist, as a rule; if it does, the write
	// conflicts.
	if w.tries == 0 && w.batch[0].Kind == bus.OpCreate && !w.batch[0].Request.Retry {
		w.known = &room.State{}
		return nil
	}
	var rec kv.Record
	err := w.c.call(func(ctx context.Context) (err error) {
		w.c.cfg.Metrics.Rooms.Reads.Add(1)
		rec, err = w.c.cfg.Bucket.Read(ctx, w.key)
		return err
	})
	if err != nil {
		return err
	}
	w.known, err = room.Decode(rec)
	if err != nil {
		w.c.cfg.Log.Error("room in the bucket is damaged", "room", string(w.room), "err", err)
		w.answerAll(proto.CouldNotDo())
	}
	return err
}

// write writes com to the bucket. When com changes nothing, it confirms
// instead that the state before com is the latest. It returns the state after
// com.
func (w *worker) write(com *room.Commit) (*room.State, error) {
	if !com.Dirty {
		if !w.known.Latest {
			if err := w.c.call(func(ctx context.Context) error {
				w.c.cfg.Metrics.Rooms.Confirms.Add(1)
				return w.c.cfg.Bucket.Confirm(ctx, w.key, w.known.Revision)
			}); err != nil {
				return nil, err
			}
		}
		next := *w.known
		next.Latest = false // the next commit needs a confirmation of its own
		return &next, nil
	}
	value, err := com.Encode()
	if err != nil {
		w.answerAll(proto.CouldNotDo())
		return nil, err
	}
	next := com.After
	next.Size = len(value)
	err = w.c.call(func(ctx context.Context) (err error) {
		if next.Room != nil {
			next.Revision, err = w.c.cfg.Bucket.Write(ctx, w.key, value, w.known.Revision)
		} else {
			next.Revision, err = w.c.cfg.Bucket.Remove(ctx, w.key, value, w.known.Revision)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	w.c.cfg.Usage.Grew(next.Size - w.known.Size)
	if w.known.Revision == 0 {
		w.c.cfg.Usage.Grew(kv.StoredOverhead)
	}
	return &next, nil
}

// answer announces what com did at revision and replies to the requesters. It
// keeps in the batch what has to wait for the next commit, and returns how many
// operations it answered.
func (w *worker) answer(com *room.Commit, revision uint64) int {
	if change, to := com.Announcement(revision); change != nil {
		w.c.cfg.Announce(change, to)
	}
	replies := com.Replies(revision)
	rest := w.batch[:0]
	done := 0
	for i, op := range w.batch {
		if !com.Outcomes[i].Done {
			rest = append(rest, op)
			continue
		}
		done++
		if com.Full > 0 && com.Outcomes[i].Err != nil && com.Outcomes[i].Err.Code == proto.LimitExceeded {
			w.c.cfg.Usage.CountRefused()
		}
		w.c.cfg.Metrics.Sweeps.Members.Add(uint64(com.Outcomes[i].Removed))
		op.Answer(replies.To(&op.Operation, &com.Outcomes[i]))
	}
	if com.Dirty {
		w.c.cfg.Metrics.CommittedBatch(done)
	}
	clear(w.batch[len(rest):])
	w.batch = rest
	return done
}

func (w *worker) answerAll(e *proto.Error) {
	for _, op := range w.batch {
		op.Answer(&bus.Reply{Error: e, Retry: op.Request.Retry})
	}
	w.batch = nil
}

// failed drops the known state, which the bucket may not hold, and pauses so
// that other instances go first. An operation that took effect in spite of err
// is found by its id.
func (w *worker) failed(err error) {
	w.known = nil
	w.tries++
	switch {
	case errors.Is(err, kv.ErrConflict):
		w.c.cfg.Metrics.Rooms.Conflicts.Add(1)
		w.pause(time.Millisecond << min(w.tries, 6))
		return
	case errors.Is(err, kv.ErrTooLarge):
		w.c.cfg.Log.Error("room is larger than the NATS server takes; raise its max_payload", "room", string(w.room), "err", err)
		w.answerAll(room.TooBig(w.c.cfg.Limits()))
		return
	}
	w.c.cfg.Metrics.Rooms.Failures.Add(1)
	w.c.cfg.Log.Debug("bucket call failed; trying again", "room", string(w.room), "err", err)
	w.pause(10 * time.Millisecond << min(w.tries, 6))
}

// pause waits for a random part of d.
func (w *worker) pause(d time.Duration) { w.wait(rand.N(d), nil) }

// coalesce waits a little for more operations.
func (w *worker) coalesce() {
	select { // drops an old signal
	case <-w.enough:
	default:
	}
	w.c.mu.Lock()
	enough := len(w.waiting) >= coalesceEnough
	w.c.mu.Unlock()
	if !enough {
		w.wait(coalesceTime, w.enough)
	}
}

func (w *worker) wait(d time.Duration, enough <-chan struct{}) {
	t := time.NewTimer(d)
	defer t.Stop()
	hurry := w.c.hurry
	if enough == nil {
		hurry = nil // shutdown does not shorten a back-off
	}
	select {
	case <-t.C:
	case <-enough:
	case <-hurry:
	case <-w.c.ctx.Done():
	}
}
