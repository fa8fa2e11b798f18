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
)

const (
	callTimeout = 2 * time.Second // one bucket call; its outcome is unknown then

	// A room on which many work at once waits a little before the next write: a
	// write costs the bucket, and every gateway with a member, about the same
	// whether it holds one operation or a hundred.
	hotBatch     = 4
	gatherTime   = 15 * time.Millisecond
	gatherEnough = 128

	maxBatch = maxDone / 2 // operations looked at in one commit: all of them can be remembered, with the joins they undo
)

// worker commits the operations of one room for as long as there are any. It
// keeps the state that it wrote last, as a guess to start from.
type worker struct {
	c    *committer
	room proto.RoomID
	key  string // of the room in the bucket

	waiting []*operation  // guarded by c.mu
	enough  chan struct{} // a signal that gatherEnough operations wait

	// Owned by run.
	batch []*operation
	known *held
	tries int // failed in a row
}

func (w *worker) run() {
	for w.take() {
		w.safely(w.step)
	}
}

// take moves what waits into the batch. When there is nothing to do it takes the
// worker off the map and returns false: the next operation starts a new one.
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

// safely keeps a panic within this room.
func (w *worker) safely(f func()) {
	defer func() {
		if v := recover(); v != nil {
			w.c.stats.panics.Add(1)
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
	com := apply(w.known, w.batch, w.c.now(), w.c.lim)
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

// giveUp drops operations that came by a NATS connection that has broken since,
// for this process may have stood still for any time, and those that shutdown
// could not wait for: their askers repeat them. Those whose time is over are
// answered.
func (w *worker) giveUp() {
	now, epoch := w.c.now(), w.c.epoch()
	kept := w.batch[:0]
	for _, op := range w.batch {
		switch {
		case op.epoch != epoch || w.c.ctx.Err() != nil:
			w.c.stats.dropped.Add(1)
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

// load makes known something to start from.
func (w *worker) load() error {
	if w.known != nil {
		return nil
	}
	// A room that is to be made is not there, as a rule; if it is, the write tells.
	if w.tries == 0 && w.batch[0].kind == bus.OpCreate && !w.batch[0].req.Retry {
		w.known = &held{}
		return nil
	}
	var rec record
	err := w.c.call(func(ctx context.Context) (err error) {
		w.c.stats.reads.Add(1)
		rec, err = w.c.bucket.read(ctx, w.key)
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

// settleState makes com the truth, or finds that it is none. It returns the
// state after it.
func (w *worker) settleState(com *commit) (*held, error) {
	if !com.dirty {
		if !w.known.proven {
			if err := w.c.call(func(ctx context.Context) error {
				w.c.stats.confirms.Add(1)
				return w.c.bucket.confirm(ctx, w.key, w.known.revision)
			}); err != nil {
				return nil, err
			}
		}
		next := *w.known
		next.proven = false // for whoever comes next it is old
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
			next.revision, err = w.c.bucket.write(ctx, w.key, value, w.known.revision)
		} else {
			next.revision, err = w.c.bucket.remove(ctx, w.key, value, w.known.revision)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &next, nil
}

// answer tells everybody what com did at revision, and keeps what has to wait
// for the next commit. It returns how many it answered.
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
		w.c.stats.ghosts.Add(uint64(com.out[i].removed))
		op.answer(replies.to(op, &com.out[i]))
	}
	if com.dirty {
		w.c.stats.commits.Add(1)
		w.c.stats.committed.Add(uint64(taken))
		w.c.stats.times.committed(taken)
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

// failed forgets the state, which is not what the bucket holds, and lets others
// go first. What takes effect in spite of the error is found by its id.
func (w *worker) failed(err error) {
	w.known = nil
	w.tries++
	switch {
	case errors.Is(err, errConflict):
		w.c.stats.conflicts.Add(1)
		w.pause(time.Millisecond << min(w.tries, 6))
		return
	case errors.Is(err, errTooLarge):
		w.c.log.Error("room is larger than the NATS server takes; raise its max_payload", "room", string(w.room), "err", err)
		w.answerAll(tooBig(w.c.lim))
		return
	}
	w.c.stats.failures.Add(1)
	w.c.log.Debug("bucket call failed; trying again", "room", string(w.room), "err", err)
	w.pause(10 * time.Millisecond << min(w.tries, 6))
}

// pause waits for a random part of d.
func (w *worker) pause(d time.Duration) { w.wait(rand.N(d), nil) }

// gather lets more operations come in.
func (w *worker) gather() {
	select { // from before
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
		hurry = nil // back off all the same
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
