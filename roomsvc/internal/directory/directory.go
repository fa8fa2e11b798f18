package directory

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
	"p2pconnector/roomsvc/internal/kv"
	"p2pconnector/roomsvc/internal/metrics"
)

// Bounds of the work of one directory. They are its own, so that rooms, sessions and names
// do not wait for each other while one of their buckets is unavailable.
const (
	maxCalls = 256 // requests with a call to the bucket at a time

	// requestTime bounds a request from its arrival. The requester, which repeats its
	// request for proto.RequestDeadline, gets the error before it gives up.
	requestTime = proto.RequestDeadline - 2*time.Second
)

// Config is what a directory needs of its service. All fields are required.
type Config struct {
	Log     *slog.Logger
	Metrics *metrics.Metrics
	Usage   *kv.Usage     // of the bucket
	Waiting int           // requests about one entry that may wait for their turn
	Conn    func() uint64 // counts the NATS connections
}

// Request is one request to a directory, of kind K and with body Q, that is answered with R.
type Request[K ~string, Q, R any] struct {
	Kind    K
	Body    *Q        // not changed any more
	Arrived time.Time // when its time began
	Answer  func(*R)  // called once, by any goroutine; nil: dropped, and the requester gets no reply

	conn  uint64 // the number of the NATS connection that it came by
	sweep bool   // sent by the sweeper, because the owner is dead
}

// Directory answers requests about the entries E of its bucket. It changes them by
// compare-and-set alone. Its methods may be called by any goroutine; Submit never blocks.
type Directory[K ~string, Q, E, R any] struct {
	rules  rules[K, Q, E, R]
	bucket kv.Bucket
	cfg    Config
	counts *metrics.Directory

	calls  *pool // requests about one entry
	passes *pool // requests about many
	// pass returns how a request of this kind is answered when it is about many entries, and
	// nil when it is about one.
	pass  func(K) once[K, Q, R]
	ctx   context.Context // ends when unfinished requests are given up
	abort context.CancelFunc
}

// rules is what tells one directory from another. All of them are pure functions.
type rules[K ~string, Q, E, R any] struct {
	name   string                   // of the directory, in logs and errors
	peer   func(*Q) proto.PeerID    // the peer that a request is about, in logs; "" in some kinds
	check  func(K, *Q) *proto.Error // refuses what is invalid whatever the entry is
	key    func(*Q) (string, error) // of the entry in the bucket
	decode func(*entry[E], kv.Record) error
	// assume returns the entry that the request takes for the present one, which saves a
	// read: the write conflicts when the entry is another. It returns false when the request
	// does not name one, or would not write over it.
	assume func(K, *Q) (entry[E], bool)
	decide func(K, *entry[E], *Q) decision[E]
	// unsure reports whether an earlier write of the request, of unknown outcome, may have
	// taken effect, although the answer now is r.
	unsure  func(K, *Q, *R) bool
	reply   func(e *entry[E], refused string) *R
	fail    func(*proto.Error) *R
	outcome func(*R) (*proto.Error, string)
	full    string // the message of the error when the bucket has no space for another entry
	// left returns the owner of the entry under key, and the request that ends it when the
	// owner is dead. It returns a nil request for what is no entry.
	left func(key string, e *entry[E]) (proto.GatewayID, K, *Q)
}

// entry is what a directory knows of a key.
type entry[E any] struct {
	value    E      // zero: none
	revision uint64 // 0: no entry
	latest   bool   // it was the latest at some moment since the request came
}

// decision is what follows from a request.
type decision[E any] struct {
	write   bool // next is to be written in place of the entry
	next    E
	remove  bool   // next is a tombstone
	refused string // without write: why; "" is done
}

func newDirectory[K ~string, Q, E, R any](b kv.Bucket, cfg Config, counts *metrics.Directory, r rules[K, Q, E, R], passes *pool) *Directory[K, Q, E, R] {
	cfg.Log = cfg.Log.With("directory", r.name)
	d := &Directory[K, Q, E, R]{rules: r, bucket: b, cfg: cfg, counts: counts, calls: &pool{most: maxCalls, room: cfg.Waiting}, passes: passes}
	d.ctx, d.abort = context.WithCancel(context.Background())
	return d
}

// Submit queues a request and returns nil, or refuses it. After Close it drops the request,
// because the requester repeats it at another instance.
func (d *Directory[K, Q, E, R]) Submit(r *Request[K, Q, R]) *proto.Error {
	if err := d.rules.check(r.Kind, r.Body); err != nil {
		return err
	}
	p, do := d.calls, d.once
	if pass := d.pass(r.Kind); pass != nil {
		p, do = d.passes, pass
	}
	r.conn = d.cfg.Conn()
	full, closed := p.submit(func() { d.run(r, do) })
	switch {
	case full:
		d.cfg.Metrics.Refused.Add(1)
		return proto.Errorf(proto.Unavailable, "The directory of %s has too much to do. Send the same request again in a moment.", d.rules.name)
	case closed:
		d.drop(r)
	}
	return nil
}

// once is a try to answer a request; first says that it is the first one.
type once[K ~string, Q, R any] func(ctx context.Context, r *Request[K, Q, R], first bool) (*R, error)

// Close takes no more requests, finishes those that wait or run unless ctx ends first (then
// they are dropped), and returns when all have ended.
func (d *Directory[K, Q, E, R]) Close(ctx context.Context) {
	stop := context.AfterFunc(ctx, d.abort)
	defer stop()
	d.calls.close()
	d.passes.close()
	d.abort()
}

// Queues returns the lengths of the queues of requests about one entry and about many.
func (d *Directory[K, Q, E, R]) Queues() (calls, passes metrics.Queue) {
	return d.calls.lengths(), d.passes.lengths()
}

// Outcome returns the error and the refusal in r; none of them is success.
func (d *Directory[K, Q, E, R]) Outcome(r *R) (*proto.Error, string) { return d.rules.outcome(r) }

// Failure returns the reply that says that a request failed.
func (d *Directory[K, Q, E, R]) Failure(e *proto.Error) *R { return d.rules.fail(e) }

// Left returns the gateway that owns the entry in rec, none when there is no entry, and the
// function that ends the entry because that gateway is dead. An entry that has another owner
// by then stays. The function calls done once, by any goroutine, when it has ended. It is a
// sweep.Part's Left.
func (d *Directory[K, Q, E, R]) Left(key string, rec kv.Record) (owner []proto.GatewayID, end func(dead []proto.GatewayID, done func(ok bool))) {
	var e entry[E]
	if rec.Deleted || d.rules.decode(&e, rec) != nil {
		return nil, nil // tombstones expire; damage is reported at the next request for the entry
	}
	gateway, kind, body := d.rules.left(key, &e)
	if body == nil {
		return nil, nil
	}
	return []proto.GatewayID{gateway}, func(_ []proto.GatewayID, done func(bool)) {
		r := &Request[K, Q, R]{Kind: kind, Body: body, Arrived: time.Now(), sweep: true, Answer: func(r *R) {
			if r == nil {
				done(false)
				return
			}
			err, _ := d.Outcome(r)
			done(err == nil)
		}}
		if d.Submit(r) != nil {
			done(false)
		}
	}
}

func (d *Directory[K, Q, E, R]) drop(r *Request[K, Q, R]) {
	d.cfg.Metrics.Dropped.Add(1)
	r.Answer(nil)
}

// run answers r.
func (d *Directory[K, Q, E, R]) run(r *Request[K, Q, R], do once[K, Q, R]) {
	defer func() {
		if v := recover(); v != nil {
			d.cfg.Metrics.Panics.Add(1)
			d.cfg.Log.Error("directory request panicked", "operation", string(r.Kind), "peer", string(d.rules.peer(r.Body)), "err", fmt.Sprint(v), "stack", string(debug.Stack()))
			r.Answer(d.rules.fail(proto.CouldNotDo()))
		}
	}()
	ctx, cancel := context.WithDeadline(d.ctx, r.Arrived.Add(requestTime))
	defer cancel()
	reply, err := d.retry(ctx, r, do)
	switch {
	case errors.Is(err, errDropped):
		d.drop(r)
	case err != nil:
		d.cfg.Log.Debug("directory request failed", "operation", string(r.Kind), "peer", string(d.rules.peer(r.Body)), "err", err)
		r.Answer(d.rules.fail(proto.CouldNotDo()))
	default:
		r.Answer(reply)
	}
}

var (
	// errDamaged: the bucket holds no valid entry. A retry does not help.
	errDamaged = errors.New("the entry in the bucket is damaged")
	// errDropped: nobody waits for the answer any more, or the requester repeats its request
	// at another instance.
	errDropped = errors.New("given up unanswered")
	// errUnsure: the outcome of a write is unknown. A later write may have replaced its value
	// already.
	errUnsure = errors.New("the write's outcome is unknown")
)

// retry tries to answer r until it succeeds or the deadline passes. It returns errUnsure
// instead of a refusal when r may have taken effect.
func (d *Directory[K, Q, E, R]) retry(ctx context.Context, r *Request[K, Q, R], do once[K, Q, R]) (*R, error) {
	unsure := false
	for tries := 0; ; tries++ {
		// This process may have been frozen for any time.
		if r.conn != d.cfg.Conn() || d.ctx.Err() != nil {
			return nil, errDropped
		}
		reply, err := do(ctx, r, tries == 0)
		pause := time.Millisecond
		unsure = unsure || errors.Is(err, errUnsure)
		switch {
		case err == nil && unsure && d.rules.unsure(r.Kind, r.Body, reply):
			return nil, errUnsure
		case err == nil, errors.Is(err, errDamaged):
			return reply, err
		case errors.Is(err, kv.ErrConflict), errors.Is(err, kv.ErrBehind):
			d.counts.Conflicts.Add(1)
		case ctx.Err() == nil:
			d.counts.Failures.Add(1)
			d.cfg.Log.Debug("bucket call failed; trying again", "operation", string(r.Kind), "peer", string(d.rules.peer(r.Body)), "err", err)
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

// once tries once to answer r. The first try assumes that the request knows the entry.
func (d *Directory[K, Q, E, R]) once(ctx context.Context, r *Request[K, Q, R], first bool) (*R, error) {
	key, err := d.rules.key(r.Body)
	if err != nil {
		return nil, err
	}
	e, assumed := d.rules.assume(r.Kind, r.Body)
	full := d.cfg.Usage.Full()
	if !assumed || !first || full {
		if e, err = d.read(ctx, key); err != nil {
			return nil, err
		}
	}
	todo := d.rules.decide(r.Kind, &e, r.Body)
	noSpace := full && todo.write && e.revision == 0
	if !todo.write || noSpace {
		if err := d.confirm(ctx, key, &e); err != nil {
			return nil, err
		}
		if noSpace {
			d.cfg.Usage.CountRefused()
			return d.rules.fail(proto.Errorf(proto.LimitExceeded, "%s", d.rules.full)), nil
		}
		return d.rules.reply(&e, todo.refused), nil
	}
	revision, err := d.write(ctx, key, &todo, e.revision)
	switch {
	case errors.Is(err, kv.ErrConflict), errors.Is(err, kv.ErrFull):
		return nil, err
	case err != nil:
		return nil, errors.Join(errUnsure, err)
	}
	if e.revision == 0 {
		d.cfg.Usage.Grew(kv.StoredOverhead)
	}
	if r.sweep {
		d.counts.Swept.Add(1)
	}
	return d.rules.reply(&entry[E]{value: todo.next, revision: revision}, ""), nil
}

func (d *Directory[K, Q, E, R]) read(ctx context.Context, key string) (e entry[E], err error) {
	var rec kv.Record
	err = d.call(ctx, func(ctx context.Context) (err error) {
		d.counts.Reads.Add(1)
		rec, err = d.bucket.Read(ctx, key)
		return err
	})
	if err != nil {
		return e, err
	}
	return d.decode(key, rec)
}

func (d *Directory[K, Q, E, R]) decode(key string, rec kv.Record) (e entry[E], err error) {
	if err := d.rules.decode(&e, rec); err != nil {
		d.cfg.Log.Error("entry in the bucket is damaged", "key", key, "err", err)
		return e, errDamaged
	}
	return e, nil
}

// confirm returns nil when e was the latest at some moment since the request came.
func (d *Directory[K, Q, E, R]) confirm(ctx context.Context, key string, e *entry[E]) error {
	if e.latest {
		return nil
	}
	return d.call(ctx, func(ctx context.Context) error { return d.bucket.Confirm(ctx, key, e.revision) })
}

func (d *Directory[K, Q, E, R]) write(ctx context.Context, key string, todo *decision[E], expected uint64) (revision uint64, err error) {
	value, err := json.Marshal(todo.next)
	if err != nil {
		return 0, err
	}
	put := d.bucket.Write
	if todo.remove {
		put = d.bucket.Remove
	}
	err = d.call(ctx, func(ctx context.Context) (err error) {
		revision, err = put(ctx, key, value, expected)
		return err
	})
	return revision, err
}

// call bounds one call to the bucket.
func (d *Directory[K, Q, E, R]) call(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, kv.CallTimeout)
	defer cancel()
	defer d.cfg.Metrics.BucketCall(time.Now())
	return f(ctx)
}
