package roomsvc

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
)

const (
	// The worker of a busy room waits a little before the next write, because a
	// write costs the bucket, and every gateway with a member, about the same
	// whether it holds one operation or a hundred.
	hotBatch     = 4
	gatherTime   = 15 * time.Millisecond
	gatherEnough = 128

	maxBatch = maxDone / 2 // operations in one commit: the room can record all of them, with the joins they undo
)

// worker commits the operations of one room for as long as there are any. It
// keeps the state that it wrote last, as a guess for the next commit.
type worker struct {
	c    *committer
	room proto.RoomID
	key  string // of the room in the bucket

	waiting []*operation  // guarded by c.mu
	enough  chan struct{} // a signal that gatherEnough operations wait

	// Owned by run.
	batch []*operation
	known *held
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
	n := min(len(w.waiting), maxBatch-len(w.batch))
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
			w.c.metrics.Panics.Add(1)
			w.c.log.Error("room worker panicked", "room", string(w.room), "err", fmt.Sprint(v), "stack", string(debug.Stack()))
			w.known = nil
			w.answerAll(unavailable())
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
	if err := w.load(); err != nil {
		w.failed(err)
		return
	}
	lim := w.c.limits()
	lim.full = w.c.usage.Full()
	com := apply(w.known, w.batch, w.c.now(), lim)
	next, err := w.settleState(com)
	if err != nil {
		w.failed(err)
		return
	}
	w.tries = 0
	w.known = next
	taken := w.answer(com, next.revision)
	if taken >= hotBatch {
		w.gather()
	}
}

// giveUp removes operations from the batch. It drops those that came by an
// earlier NATS connection, because this process may have been frozen for any
// time, and those that shutdown could not wait for; their requesters repeat
// them. It answers those whose deadline has passed.
func (w *worker) giveUp() {
	now, epoch := w.c.now(), w.c.epoch()
	kept := w.batch[:0]
	for _, op := range w.batch {
		switch {
		case op.epoch != epoch || w.c.ctx.Err() != nil:
			w.c.metrics.Dropped.Add(1)
			op.answer(nil)
		case !now.Before(op.deadline):
			op.answer(&bus.Reply{Error: unavailable(), Retry: op.req.Retry})
		default:
			kept = append(kept, op)
		}
	}
	clear(w.batch[len(kept):])
	w.batch = kept
}

// load sets known to a state to start from, unless there is one.
func (w *worker) load() error {
	if w.known != nil {
		return nil
	}
	// A room that is to be made does not exist, as a rule; if it does, the write
	// conflicts.
	if w.tries == 0 && w.batch[0].kind == bus.OpCreate && !w.batch[0].req.Retry {
		w.known = &held{}
		return nil
	}
	var rec kv.Record
	err := w.c.call(func(ctx context.Context) (err error) {
		w.c.metrics.Rooms.Reads.Add(1)
		rec, err = w.c.bucket.Read(ctx, w.key)
		return err
	})
	if err != nil {
		return err
	}
	w.known, err = decode(rec)
	if err != nil {
		w.c.log.Error("room in the bucket is damaged", "room", string(w.room), "err", err)
		w.answerAll(unavailable())
	}
	return err
}

// settleState writes com to the bucket. When com changes nothing, it proves
// instead that the state before com is the latest. It returns the state after
// com.
func (w *worker) settleState(com *commit) (*held, error) {
	if !com.dirty {
		if !w.known.proven {
			if err := w.c.call(func(ctx context.Context) error {
				w.c.metrics.Rooms.Confirms.Add(1)
				return w.c.bucket.Confirm(ctx, w.key, w.known.revision)
			}); err != nil {
				return nil, err
			}
		}
		next := *w.known
		next.proven = false // the next commit needs a proof of its own
		return &next, nil
	}
	value, err := com.encode()
	if err != nil {
		w.answerAll(unavailable())
		return nil, err
	}
	next := com.after
	next.size = len(value)
	err = w.c.call(func(ctx context.Context) (err error) {
		if next.room != nil {
			next.revision, err = w.c.bucket.Write(ctx, w.key, value, w.known.revision)
		} else {
			next.revision, err = w.c.bucket.Remove(ctx, w.key, value, w.known.revision)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	w.c.usage.Grew(next.size - w.known.size)
	if w.known.revision == 0 {
		w.c.usage.Grew(kv.StoredOverhead)
	}
	return &next, nil
}

// answer announces what com did at revision and replies to the requesters. It
// keeps in the batch what has to wait for the next commit, and returns how many
// operations it answered.
func (w *worker) answer(com *commit, revision uint64) int {
	w.c.announceCommit(com, revision)
	replies := newReplies(com, revision)
	kept := w.batch[:0]
	taken := 0
	for i, op := range w.batch {
		if !com.out[i].taken {
			kept = append(kept, op)
			continue
		}
		taken++
		if com.full > 0 && com.out[i].err != nil && com.out[i].err.Code == proto.LimitExceeded {
			w.c.usage.CountRefused()
		}
		w.c.metrics.Sweeps.Members.Add(uint64(com.out[i].removed))
		op.answer(replies.to(op, &com.out[i]))
	}
	if com.dirty {
		w.c.metrics.CommittedBatch(taken)
	}
	clear(w.batch[len(kept):])
	w.batch = kept
	return taken
}

func (w *worker) answerAll(e *proto.Error) {
	for _, op := range w.batch {
		op.answer(&bus.Reply{Error: e, Retry: op.req.Retry})
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
		w.c.metrics.Rooms.Conflicts.Add(1)
		w.pause(time.Millisecond << min(w.tries, 6))
		return
	case errors.Is(err, kv.ErrTooLarge):
		w.c.log.Error("room is larger than the NATS server takes; raise its max_payload", "room", string(w.room), "err", err)
		w.answerAll(tooBig(w.c.limits()))
		return
	}
	w.c.metrics.Rooms.Failures.Add(1)
	w.c.log.Debug("bucket call failed; trying again", "room", string(w.room), "err", err)
	w.pause(10 * time.Millisecond << min(w.tries, 6))
}

// pause waits for a random part of d.
func (w *worker) pause(d time.Duration) { w.wait(rand.N(d), nil) }

// gather waits a little for more operations.
func (w *worker) gather() {
	select { // drops an old signal
	case <-w.enough:
	default:
	}
	w.c.mu.Lock()
	enough := len(w.waiting) >= gatherEnough
	w.c.mu.Unlock()
	if !enough {
		w.wait(gatherTime, w.enough)
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

func unavailable() *proto.Error {
	return proto.Errorf(proto.Unavailable, "The room service could not do this in time. Send the same request again.")
}
