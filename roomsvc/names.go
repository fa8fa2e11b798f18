package roomsvc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/kv"
	"p2pconnector/roomsvc/internal/metrics"
)

// Bounds of the work of the directory of names. They are its own, so that names do not wait
// for rooms or sessions while one of their buckets is unavailable.
const (
	maxNameCalls   = 256 // each has one call to the bucket at a time
	maxNameWaiting = 16_384
)

// nameOp is one request to the directory of names. All its fields are fixed when it is
// queued.
type nameOp struct {
	kind     bus.NameOperation
	req      *bus.NameRequest
	sweep    bool                 // sent by the sweeper, because the owner is dead
	deadline time.Time            // when the request is given up
	conn     uint64               // the number of the NATS connection it came by
	answer   func(*bus.NameReply) // called once; nil: dropped, and the requester gets no reply
}

// names answers requests about names. It changes entries by compare-and-set alone, so any
// number of instances may run. Its methods may be called by any goroutine; submit never
// blocks.
type names struct {
	bucket  kv.Bucket
	log     *slog.Logger
	metrics *metrics.Metrics
	usage   *kv.Usage
	conn    func() uint64 // counts the NATS connections

	calls *pool
	ctx   context.Context // ends when unfinished requests are given up
	abort context.CancelFunc
}

func newNames(b kv.Bucket, log *slog.Logger, m *metrics.Metrics) *names {
	d := &names{
		bucket: b, log: log, metrics: m, usage: new(kv.Usage), conn: func() uint64 { return 0 },
		calls: &pool{most: maxNameCalls, room: maxNameWaiting},
	}
	d.ctx, d.abort = context.WithCancel(context.Background())
	return d
}

// submit queues op and returns nil, or refuses it. After close it drops op, because the
// requester repeats it at another instance.
func (d *names) submit(op *nameOp) *proto.Error {
	switch full, closed := d.calls.submit(func() { d.run(op) }); {
	case full:
		d.metrics.Refused.Add(1)
		return proto.Errorf(proto.Unavailable, "The directory of names has too much to do. Send the same request again in a moment.")
	case closed:
		d.drop(op)
	}
	return nil
}

// close takes no more requests, finishes those that wait or run unless ctx ends first (then
// they are dropped), and returns when all have ended.
func (d *names) close(ctx context.Context) {
	stop := context.AfterFunc(ctx, d.abort)
	defer stop()
	d.calls.close()
	d.abort()
}

func (d *names) drop(op *nameOp) {
	d.metrics.Dropped.Add(1)
	op.answer(nil)
}

// run answers op.
func (d *names) run(op *nameOp) {
	defer func() {
		if v := recover(); v != nil {
			d.metrics.Panics.Add(1)
			d.log.Error("name request panicked", "err", fmt.Sprint(v), "stack", string(debug.Stack()))
			op.answer(&bus.NameReply{Error: unavailable()})
		}
	}()
	ctx, cancel := context.WithDeadline(d.ctx, op.deadline)
	defer cancel()
	reply, err := d.try(ctx, op)
	switch {
	case errors.Is(err, errDropped):
		d.drop(op)
	case err != nil:
		d.log.Debug("name request failed", "operation", string(op.kind), "err", err)
		op.answer(&bus.NameReply{Error: unavailable()})
	default:
		op.answer(reply)
	}
}

// try carries op out. It tries again until the deadline, and reads the entry first after a
// conflict or a call of unknown outcome. The answer may then be that another peer has the
// name, although an earlier write of op succeeded and was replaced: it shows the present
// entry, which is all that the requester goes by.
func (d *names) try(ctx context.Context, op *nameOp) (*bus.NameReply, error) {
	for tries := 0; ; tries++ {
		// This process may have been frozen for any time.
		if op.conn != d.conn() || d.ctx.Err() != nil {
			return nil, errDropped
		}
		reply, err := d.once(ctx, op, tries == 0)
		pause := time.Millisecond
		switch {
		case err == nil, errors.Is(err, errDamaged):
			return reply, err
		case errors.Is(err, kv.ErrConflict), errors.Is(err, kv.ErrBehind):
			d.metrics.Names.Conflicts.Add(1)
		case ctx.Err() == nil:
			d.metrics.Names.Failures.Add(1)
			d.log.Debug("directory of names: bucket call failed; trying again", "operation", string(op.kind), "err", err)
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

// once tries op once. The first try of a claim that knows of no entry assumes that there is
// none, which saves a read: the write conflicts when there is one.
func (d *names) once(ctx context.Context, op *nameOp, first bool) (*bus.NameReply, error) {
	key, ok := bus.NameKey(op.req.Namespace, op.req.Name)
	if !ok {
		return nil, errDamaged // checkName has refused it
	}
	var e nameEntry
	full := d.usage.Full()
	if !first || full || op.kind != bus.NameClaim || op.req.Revision > 0 {
		var err error
		if e, err = d.read(ctx, key); err != nil {
			return nil, err
		}
	}
	var todo nameDecision
	if op.kind != bus.NameGet {
		todo = decideName(op.kind, &e, op.req)
	}
	noSpace := full && todo.write && e.revision == 0
	if !todo.write || noSpace {
		if !e.proven {
			if err := d.call(ctx, func(ctx context.Context) error { return d.bucket.Confirm(ctx, key, e.revision) }); err != nil {
				return nil, err
			}
		}
		if noSpace {
			d.usage.CountRefused()
			return &bus.NameReply{Error: noNameSpace()}, nil
		}
		return e.reply(todo.refused), nil
	}
	revision, err := d.write(ctx, key, &todo.next, e.revision)
	if err != nil {
		return nil, err
	}
	if e.revision == 0 {
		d.usage.Grew(kv.StoredOverhead)
	}
	if op.sweep {
		d.metrics.Names.Swept.Add(1)
	}
	e = nameEntry{NameEntry: todo.next, revision: revision}
	return e.reply(""), nil
}

func (d *names) read(ctx context.Context, key string) (e nameEntry, err error) {
	var rec kv.Record
	err = d.call(ctx, func(ctx context.Context) (err error) {
		rec, err = d.bucket.Read(ctx, key)
		return err
	})
	if err != nil {
		return e, err
	}
	if e, err = decodeName(rec); err != nil {
		d.log.Error("name in the bucket is damaged", "key", key, "err", err)
		err = errDamaged
	}
	return e, err
}

func (d *names) write(ctx context.Context, key string, next *bus.NameEntry, expected uint64) (revision uint64, err error) {
	value, err := json.Marshal(next)
	if err != nil {
		return 0, err
	}
	err = d.call(ctx, func(ctx context.Context) (err error) {
		if next.Free {
			revision, err = d.bucket.Remove(ctx, key, value, expected)
		} else {
			revision, err = d.bucket.Write(ctx, key, value, expected)
		}
		return err
	})
	return revision, err
}

// call bounds one call to the bucket.
func (d *names) call(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, kv.CallTimeout)
	defer cancel()
	began := time.Now()
	defer func() { d.metrics.BucketCall(began) }()
	return f(ctx)
}
