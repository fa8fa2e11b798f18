package natsbus

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// RequestTick is the time between two calls of Requests.Tick.
const RequestTick = 50 * time.Millisecond

// Bounds and times of requests to the room service.
const (
	maxRequests   = 1 << 16
	answerTimeout = 1500 * time.Millisecond // time without an answer after which a request is sent again
	firstBackoff  = 50 * time.Millisecond
	maxBackoff    = time.Second
)

// Errors of requests that got no reply.
var (
	ErrNoAnswer = errors.New("the room service did not answer in time")
	ErrEnding   = errors.New("this gateway is ending and sends no more room requests")
	ErrAnswered = errors.New("the outcome is known from the room's change")

	errTooManyRequests error = notSent("too many room requests wait for an answer")
)

// notSent is the error of a request that was not sent.
type notSent string

func (e notSent) Error() string { return string(e) }

// NotSent reports that the request took no effect, and will take none.
func (e notSent) NotSent() bool { return true }

// RequestsConfig says how requests are sent. Every field but Replied is required.
type RequestsConfig struct {
	Own     proto.GatewayID
	Publish func(subject, reply string, data []byte) error // keeps no reference to its arguments
	Ended   <-chan struct{}                                // closed when callers must not wait any longer
	Replied func(*bus.Reply)                               // called with every reply before its requester gets it; may be nil
}

// Requests is the table of room requests that wait for an answer. A request is sent again,
// with the same operation id, until its deadline has passed. Safe for concurrent use.
type Requests struct {
	cfg     RequestsConfig
	replies atomic.Uint64

	mu        sync.Mutex
	next      uint64
	all       map[uint64]*request
	questions map[uint64]chan<- Message // by number; their callers repeat them
	closed    bool
}

// request is one pending request. done is called once, without a lock held.
type request struct {
	subject  string
	req      *bus.Request
	deadline time.Time
	again    time.Time // when it is sent again
	backoff  time.Duration
	done     func(*bus.Reply, error)
}

// NewRequests returns an empty table of requests.
func NewRequests(cfg RequestsConfig) *Requests {
	return &Requests{cfg: cfg, all: make(map[uint64]*request), questions: make(map[uint64]chan<- Message)}
}

// Send sends req and calls done once, without a lock held: with the reply, or with an
// error when no reply arrived before the deadline. It returns the request's number.
func (t *Requests) Send(deadline time.Time, op bus.Operation, req *bus.Request, done func(*bus.Reply, error)) uint64 {
	data := encode(req) // before req is in the table, where Tick may mark it as a retry
	r := &request{
		subject: bus.RoomsSubject(op), req: req, done: done, deadline: deadline,
		again: time.Now().Add(answerTimeout), backoff: firstBackoff,
	}
	n, err := t.add(func(n uint64) { t.all[n] = r })
	if err != nil {
		done(nil, err)
		return 0
	}
	t.attempt(n, r.subject, data)
	return n
}

// add calls put with the next number and the lock held, if there is room; put records the
// request under that number.
func (t *Requests) add(put func(n uint64)) (uint64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.closed:
		return 0, ErrEnding // Tick is not called any more, so nothing would give the request up
	case len(t.all)+len(t.questions) >= maxRequests:
		return 0, errTooManyRequests
	}
	t.next++
	put(t.next)
	return t.next, nil
}

// Ask sends a request and waits for the reply. A refusal is returned as the error, a
// *proto.Error.
func (t *Requests) Ask(op bus.Operation, req *bus.Request) (*bus.Reply, error) {
	return t.AskUntil(nil, time.Now().Add(proto.RequestDeadline), op, req)
}

// AskUntil is Ask with a deadline. It gives up with ErrAnswered when answered is closed,
// and with ErrEnding when the gateway ends.
func (t *Requests) AskUntil(answered <-chan struct{}, deadline time.Time, op bus.Operation, req *bus.Request) (*bus.Reply, error) {
	type result struct {
		reply *bus.Reply
		err   error
	}
	ch := make(chan result, 1)
	n := t.Send(deadline, op, req, func(r *bus.Reply, err error) { ch <- result{r, err} })
	var a result
	select {
	case a = <-ch:
	case <-answered:
		t.forget(n)
		return nil, ErrAnswered
	case <-t.cfg.Ended: // the gateway waits for the caller before it ends
		t.forget(n)
		return nil, ErrEnding
	}
	if a.err != nil {
		return nil, a.err
	}
	if a.reply.Error != nil {
		return nil, a.reply.Error
	}
	return a.reply, nil
}

// question publishes a question once. The channel receives the answer, unless forget is
// called with the number first.
func (t *Requests) question(subject string, data []byte) (n uint64, answer <-chan Message, err error) {
	ch := make(chan Message, 1)
	if n, err = t.add(func(n uint64) { t.questions[n] = ch }); err == nil {
		err = t.cfg.Publish(subject, bus.ReplySubject(t.cfg.Own, n), data)
	}
	return n, ch, err
}

// forget ends the wait for the answer to number n. The request's done may still be called.
func (t *Requests) forget(n uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.all, n)
	delete(t.questions, n)
}

func (t *Requests) attempt(n uint64, subject string, data []byte) {
	if err := t.cfg.Publish(subject, bus.ReplySubject(t.cfg.Own, n), data); err != nil {
		t.retry(n)
	}
}

// retry schedules request n to be sent again after a growing pause, because it had no
// receiver.
func (t *Requests) retry(n uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r := t.all[n]; r != nil {
		r.again = time.Now().Add(r.backoff)
		r.backoff = min(2*r.backoff, maxBackoff)
	}
}

// Answered handles a message on a reply subject of this gateway; the subject ends in number.
func (t *Requests) Answered(number string, m Message) {
	n, err := strconv.ParseUint(number, 36, 64)
	if err != nil {
		return
	}
	t.mu.Lock()
	ch, question := t.questions[n]
	delete(t.questions, n)
	t.mu.Unlock()
	if question {
		ch <- m
		return
	}
	if m.NoResponders() {
		t.retry(n)
		return
	}
	t.replies.Add(1)
	var reply bus.Reply
	err = json.Unmarshal(m.Data, &reply)
	t.mu.Lock()
	r := t.all[n]
	if r == nil || err == nil && reply.Error != nil && r.req.Retry && !reply.Retry {
		// The request was repeated and this reply refuses an earlier attempt. Another
		// attempt may have been answered, or a copy on its way may still succeed. Only the
		// refusal of a retry rules that out.
		t.mu.Unlock()
		return
	}
	delete(t.all, n)
	t.mu.Unlock()
	if err != nil {
		r.done(nil, fmt.Errorf("reply of %s: %w", r.subject, err))
		return
	}
	if t.cfg.Replied != nil {
		t.cfg.Replied(&reply)
	}
	r.done(&reply, nil)
}

// Tick resends the requests that are due and gives up those past their deadline.
func (t *Requests) Tick(now time.Time) {
	t.mu.Lock()
	type resend struct {
		n       uint64
		subject string
		data    []byte
	}
	var again []resend
	var late []*request
	for n, r := range t.all {
		switch {
		case now.After(r.deadline):
			delete(t.all, n)
			late = append(late, r)
		case now.After(r.again):
			r.again = now.Add(answerTimeout)
			r.req.Retry = r.req.Op != ""
			again = append(again, resend{n, r.subject, encode(r.req)})
		}
	}
	t.mu.Unlock()
	for _, a := range again {
		t.attempt(a.n, a.subject, a.data)
	}
	for _, r := range late {
		r.done(nil, ErrNoAnswer)
	}
}

// Close gives up all requests, and refuses new ones.
func (t *Requests) Close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.Tick(time.Now().Add(time.Hour))
}

// Replies returns how many replies to requests have come.
func (t *Requests) Replies() uint64 { return t.replies.Load() }

// Len returns the number of requests that wait for an answer.
func (t *Requests) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.all)
}

// encode encodes v, which cannot fail to encode.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // a type of our own that does not encode: a bug, not input
	}
	return b
}
