package roomsvc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/kv"
	"p2pconnector/roomsvc/internal/metrics"
)

// Bounds of the session directory's work. They are its own, so that rooms and
// sessions do not wait for each other while one of their buckets is
// unavailable.
const (
	maxSessionCalls   = 256    // take, get and end: each has one call to the bucket at a time
	maxSessionWaiting = 16_384 // take, get and end that wait for their turn
	maxSyncCalls      = 4      // sync: each is a pass over up to 512 keys
	maxSyncWaiting    = 256
	maxSyncReads      = 16 // of one sync, at the same time: keys that the pass may have missed

	// syncTimeout bounds one pass over the keys of a sync. A sync tries again when
	// the server that it reads from has died.
	syncTimeout = 2 * kv.CallTimeout

	// sessionTime bounds a request from its arrival. The requester, which repeats
	// its request for proto.RequestDeadline, gets the error before it gives up.
	sessionTime = proto.RequestDeadline - 2*time.Second
)

// sessionOp is one request to the directory. All its fields are fixed when it is
// queued.
type sessionOp struct {
	kind     bus.SessionOperation
	req      *bus.SessionRequest
	sweep    bool                    // sent by the sweeper, because the owner is dead
	deadline time.Time               // when the request is given up
	conn     uint64                  // the number of the NATS connection it came by
	answer   func(*bus.SessionReply) // called once; nil: dropped, and the requester gets no reply
}

// directory answers requests about sessions. It changes entries by
// compare-and-set alone, so any number of instances may run. Its methods may be
// called by any goroutine; submit never blocks.
type directory struct {
	bucket  kv.BatchBucket
	log     *slog.Logger
	metrics *metrics.Metrics
	usage   *kv.Usage
	conn    func() uint64 // counts the NATS connections

	calls, syncs *pool
	ctx          context.Context // ends when unfinished requests are given up
	abort        context.CancelFunc
}

func newDirectory(b kv.BatchBucket, log *slog.Logger, m *metrics.Metrics) *directory {
	d := &directory{
		bucket: b, log: log, metrics: m, usage: new(kv.Usage),
		conn:  func() uint64 { return 0 },
		calls: &pool{most: maxSessionCalls, room: maxSessionWaiting},
		syncs: &pool{most: maxSyncCalls, room: maxSyncWaiting},
	}
	d.ctx, d.abort = context.WithCancel(context.Background())
	return d
}

// submit queues op and returns nil, or refuses it. After close it drops op,
// because the requester repeats it at another instance.
func (d *directory) submit(op *sessionOp) *proto.Error {
	p := d.calls
	if op.kind == bus.SessionSync {
		p = d.syncs
	}
	full, closed := p.submit(func() { d.run(op) })
	switch {
	case full:
		d.metrics.Refused.Add(1)
		return proto.Errorf(proto.Unavailable, "The session directory has too much to do. Send the same request again in a moment.")
	case closed:
		d.drop(op)
	}
	return nil
}

// close takes no more requests, finishes those that wait or run unless ctx ends
// first (then they are dropped), and returns when all have ended.
func (d *directory) close(ctx context.Context) {
	stop := context.AfterFunc(ctx, d.abort)
	defer stop()
	d.calls.close()
	d.syncs.close()
	d.abort()
}

func (d *directory) drop(op *sessionOp) {
	d.metrics.Dropped.Add(1)
	op.answer(nil)
}

// run answers op.
func (d *directory) run(op *sessionOp) {
	defer func() {
		if v := recover(); v != nil {
			d.metrics.Panics.Add(1)
			d.log.Error("session request panicked", "peer", string(op.req.Peer), "err", fmt.Sprint(v), "stack", string(debug.Stack()))
			op.answer(&bus.SessionReply{Error: unavailable()})
		}
	}()
	ctx, cancel := context.WithDeadline(d.ctx, op.deadline)
	defer cancel()
	reply, err := d.try(ctx, op)
	switch {
	case errors.Is(err, errDropped):
		d.drop(op)
	case err != nil:
		d.log.Debug("session request failed", "operation", string(op.kind), "peer", string(op.req.Peer), "err", err)
		op.answer(&bus.SessionReply{Error: unavailable()})
	default:
		op.answer(reply)
	}
}

// errDamaged reports that the bucket holds no valid entry. A retry does not
// help.
var errDamaged = errors.New("the entry in the bucket is damaged")

// errDropped reports that nobody waits for the answer any more, or that the
// requester repeats its request at another instance.
var errDropped = errors.New("given up unanswered")

// errUnsure reports a write of unknown outcome. A later write may have replaced its
// value already.
var errUnsure = errors.New("the write's outcome is unknown")

// try carries op out. It tries again until the deadline, and reads the entry first
// after a conflict or a call of unknown outcome. A refusal means that op had no effect.
// When that is not certain, try returns an error, and the requester asks again.
func (d *directory) try(ctx context.Context, op *sessionOp) (*bus.SessionReply, error) {
	once := d.change
	switch op.kind {
	case bus.SessionGet:
		once = d.get
	case bus.SessionSync:
		once = d.sync
	}
	unsure := false
	for tries := 0; ; tries++ {
		// This process may have been frozen for any time.
		if op.conn != d.conn() || d.ctx.Err() != nil {
			return nil, errDropped
		}
		reply, err := once(ctx, op, tries == 0)
		pause := time.Millisecond
		unsure = unsure || errors.Is(err, errUnsure)
		switch {
		case err == nil && unsure && op.mayHaveTaken(reply):
			return nil, errUnsure
		case err == nil, errors.Is(err, errDamaged):
			return reply, err
		case errors.Is(err, kv.ErrConflict), errors.Is(err, kv.ErrBehind):
			d.metrics.Sessions.Conflicts.Add(1)
		case ctx.Err() == nil:
			d.metrics.Sessions.Failures.Add(1)
			d.log.Debug("session directory: bucket call failed; trying again", "operation", string(op.kind), "peer", string(op.req.Peer), "err", err)
			pause = 10 * time.Millisecond
		}
		select {
		case <-time.After(rand.N(pause << min(tries, 6))):
		case <-ctx.Done():
			if d.ctx.Err() != nil {
				return nil, errDropped
			}
			return nil, errors.Join(err, ctx.Err())
		}
	}
}

// mayHaveTaken reports whether an earlier write of op may have taken the session, although
// op is refused now: another request may have changed the entry since. When two gateways
// want the same epoch, the entry in that epoch names the one that got it.
func (op *sessionOp) mayHaveTaken(r *bus.SessionReply) bool {
	return op.kind == bus.SessionTake && (r.Error != nil || r.Refused == bus.RefusedEnded || r.Refused == bus.RefusedMoved && r.Epoch > op.req.Epoch)
}

// change tries a take or an end once. The first try assumes that the request
// knows the entry.
func (d *directory) change(ctx context.Context, op *sessionOp, first bool) (*bus.SessionReply, error) {
	key, err := bus.SessionKey(op.req.Peer)
	if err != nil {
		return nil, err
	}
	e, ok := assumed(op.kind, op.req)
	full := d.usage.Full()
	if !ok || !first || full {
		if e, err = d.read(ctx, key); err != nil {
			return nil, err
		}
	}
	todo := decide(op.kind, &e, op.req)
	noSpace := full && todo.write && e.revision == 0
	if !todo.write || noSpace {
		if err := d.confirm(ctx, key, &e); err != nil {
			return nil, err
		}
		if noSpace {
			d.usage.CountRefused()
			return &bus.SessionReply{Error: noSessionSpace()}, nil
		}
		return &bus.SessionReply{Refused: todo.refused, SessionEntry: e.SessionEntry, Revision: e.shownRevision()}, nil
	}
	revision, err := d.write(ctx, key, &todo.next, e.revision)
	switch {
	case errors.Is(err, kv.ErrConflict), errors.Is(err, kv.ErrFull):
		return nil, err
	case err != nil:
		return nil, errors.Join(errUnsure, err)
	}
	if e.revision == 0 {
		d.usage.Grew(kv.StoredOverhead)
	}
	if op.sweep {
		d.metrics.Sessions.Swept.Add(1)
	}
	e = entry{SessionEntry: todo.next, revision: revision}
	return &bus.SessionReply{SessionEntry: e.SessionEntry, Revision: e.shownRevision()}, nil
}

func (d *directory) get(ctx context.Context, op *sessionOp, _ bool) (*bus.SessionReply, error) {
	key, err := bus.SessionKey(op.req.Peer)
	if err != nil {
		return nil, err
	}
	e, err := d.readLatest(ctx, key)
	if err != nil {
		return nil, err
	}
	return &bus.SessionReply{SessionEntry: e.SessionEntry, Revision: e.shownRevision()}, nil
}

// sync lists those sessions that the requester does not own. The entries must
// be the latest, because the requester asks once and acts on the answer.
func (d *directory) sync(ctx context.Context, op *sessionOp, _ bool) (*bus.SessionReply, error) {
	reply := new(bus.SessionReply)
	if len(op.req.Sessions) == 0 {
		return reply, nil
	}
	keys := make([]string, len(op.req.Sessions))
	for i, o := range op.req.Sessions {
		key, err := bus.SessionKey(o.Peer)
		if err != nil {
			return nil, err
		}
		keys[i] = key
	}
	entries, err := d.readAll(ctx, keys)
	if err != nil {
		return nil, err
	}
	for i, o := range op.req.Sessions {
		if e := &entries[i]; !e.owns(o.Peer, op.req.Owner, o.Epoch) {
			reply.Sessions = append(reply.Sessions, bus.SessionRow{Peer: o.Peer, SessionEntry: e.SessionEntry, Revision: e.shownRevision()})
		}
	}
	return reply, nil
}

// readAll returns the entries of keys, each the latest at some moment since the
// request came. It reads them in one pass, and then one by one those that the
// pass may have missed.
func (d *directory) readAll(ctx context.Context, keys []string) ([]entry, error) {
	wait, cancel := context.WithTimeout(ctx, syncTimeout)
	defer cancel()
	found, complete, err := d.bucket.ReadLatest(wait, keys)
	if err != nil {
		return nil, err
	}
	var (
		entries = make([]entry, len(keys))
		errs    = make([]error, len(keys))
		slots   = make(chan struct{}, maxSyncReads)
		wg      sync.WaitGroup
	)
	for i, key := range keys {
		rec, ok := found[key]
		if ok || complete {
			entries[i], errs[i] = d.decode(key, rec)
			continue
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			entries[i], errs[i] = d.readLatest(ctx, key)
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return entries, nil
}

// readLatest reads an entry and proves that it was the latest at some moment
// since the request came.
func (d *directory) readLatest(ctx context.Context, key string) (entry, error) {
	for {
		e, err := d.read(ctx, key)
		if err == nil {
			err = d.confirm(ctx, key, &e)
		}
		if !errors.Is(err, kv.ErrConflict) || ctx.Err() != nil {
			return e, err
		}
		d.metrics.Sessions.Conflicts.Add(1) // it has just been written
	}
}

func (d *directory) read(ctx context.Context, key string) (e entry, err error) {
	var rec kv.Record
	err = d.call(ctx, func(ctx context.Context) (err error) {
		d.metrics.Sessions.Reads.Add(1)
		rec, err = d.bucket.Read(ctx, key)
		return err
	})
	if err != nil {
		return e, err
	}
	return d.decode(key, rec)
}

func (d *directory) decode(key string, rec kv.Record) (entry, error) {
	e, err := decodeSession(rec)
	if err != nil {
		d.log.Error("session in the bucket is damaged", "key", key, "err", err)
		err = errDamaged
	}
	return e, err
}

// confirm returns nil when e was the latest at some moment since the request came.
func (d *directory) confirm(ctx context.Context, key string, e *entry) error {
	if e.proven {
		return nil
	}
	return d.call(ctx, func(ctx context.Context) error { return d.bucket.Confirm(ctx, key, e.revision) })
}

func (d *directory) write(ctx context.Context, key string, next *bus.SessionEntry, expected uint64) (revision uint64, err error) {
	value, err := json.Marshal(next)
	if err != nil {
		return 0, err
	}
	err = d.call(ctx, func(ctx context.Context) (err error) {
		if next.Ended {
			revision, err = d.bucket.Remove(ctx, key, value, expected)
		} else {
			revision, err = d.bucket.Write(ctx, key, value, expected)
		}
		return err
	})
	return revision, err
}

// call bounds one call to the bucket.
func (d *directory) call(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, kv.CallTimeout)
	defer cancel()
	began := time.Now()
	defer func() { d.metrics.BucketCall(began) }()
	return f(ctx)
}
