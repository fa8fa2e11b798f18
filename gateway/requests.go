package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"p2pconnector/proto"
)

// Bounds and times of requests to the room service.
const (
	maxRequests   = 1 << 16
	requestTick   = 50 * time.Millisecond
	answerTimeout = 1500 * time.Millisecond // without an answer the request is sent again
	maxBackoff    = time.Second
)

var (
	errTooManyRequests = errors.New("gateway: too many room requests under way")
	errEnding          = errors.New("gateway: it is ending and sends no more room requests")
)

// requests are the room requests that wait for an answer. A request is sent
// again, with the same operation id, until proto.RequestDeadline is over. Safe
// for concurrent use.
type requests struct {
	publish func(subject, reply string, data []byte) error
	own     proto.GatewayID
	replied func(*proto.Reply) // sees every reply before the request's done; nil: nobody does

	mu     sync.Mutex
	next   uint64
	all    map[uint64]*request
	single map[uint64]chan<- *nats.Msg // questions that their askers repeat themselves
	closed bool
}

// request is one request. done is called once, without a lock held.
type request struct {
	subject  string
	req      *proto.Request
	deadline time.Time
	again    time.Time // when it is sent again
	backoff  time.Duration
	done     func(*proto.Reply, error)
}

func newRequests(own proto.GatewayID, publish func(subject, reply string, data []byte) error) *requests {
	return &requests{own: own, publish: publish, all: make(map[uint64]*request), single: make(map[uint64]chan<- *nats.Msg)}
}

// send sends req and calls done with the answer, or with an error when there was
// none in time.
func (t *requests) send(op proto.Operation, req *proto.Request, done func(*proto.Reply, error)) {
	t.sendBefore(time.Now().Add(proto.RequestDeadline), op, req, done)
}

// sendBefore is send with a deadline of its own. It returns the request's number.
func (t *requests) sendBefore(deadline time.Time, op proto.Operation, req *proto.Request, done func(*proto.Reply, error)) uint64 {
	now := time.Now()
	data := marshal(req) // before it is in the table, where tick may mark it as a retry
	r := &request{
		subject: proto.RoomsSubject(op), req: req, done: done, deadline: deadline,
		again: now.Add(answerTimeout), backoff: 50 * time.Millisecond,
	}
	t.mu.Lock()
	var refused error
	switch {
	case t.closed:
		refused = errEnding // tick would not be called any more to give it up
	case len(t.all) >= maxRequests:
		refused = errTooManyRequests
	}
	if refused != nil {
		t.mu.Unlock()
		done(nil, refused)
		return 0
	}
	t.next++
	n := t.next
	t.all[n] = r
	t.mu.Unlock()
	t.attempt(n, r.subject, data)
	return n
}

// ask publishes a question once. The answer comes on the channel, which forget ends the
// wait for; the number is that of the question.
func (t *requests) ask(subject string, data []byte) (n uint64, answer <-chan *nats.Msg, err error) {
	ch := make(chan *nats.Msg, 1)
	t.mu.Lock()
	switch {
	case t.closed:
		err = errEnding
	case len(t.all)+len(t.single) >= maxRequests:
		err = errTooManyRequests
	default:
		t.next++
		n = t.next
		t.single[n] = ch
	}
	t.mu.Unlock()
	if err == nil {
		err = t.publish(subject, proto.ReplySubject(t.own, n), data)
	}
	return n, ch, err
}

// forget has nobody wait for the answer to request n any more; its done may be called
// all the same.
func (t *requests) forget(n uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.all, n)
	delete(t.single, n)
}

func (t *requests) attempt(n uint64, subject string, data []byte) {
	if err := t.publish(subject, proto.ReplySubject(t.own, n), data); err != nil {
		t.retry(n)
	}
}

// retry has request n sent again after a growing pause: nobody was there.
func (t *requests) retry(n uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r := t.all[n]; r != nil {
		r.again = time.Now().Add(r.backoff)
		r.backoff = min(2*r.backoff, maxBackoff)
	}
}

// answered handles a message on a reply subject.
func (t *requests) answered(number string, m *nats.Msg) {
	n, err := strconv.ParseUint(number, 36, 64)
	if err != nil {
		return
	}
	t.mu.Lock()
	ch, single := t.single[n]
	delete(t.single, n)
	t.mu.Unlock()
	if single {
		ch <- m
		return
	}
	if noResponders(m) {
		t.retry(n)
		return
	}
	var reply proto.Reply
	err = json.Unmarshal(m.Data, &reply)
	t.mu.Lock()
	r := t.all[n]
	if r == nil || err == nil && reply.Error != nil && r.req.Retry && !reply.Retry {
		// An attempt that was repeated: another was answered, or a copy on its way
		// may still succeed, and only the refusal of a retry rules that out.
		t.mu.Unlock()
		return
	}
	delete(t.all, n)
	t.mu.Unlock()
	if err != nil {
		r.done(nil, fmt.Errorf("gateway: reply of %s: %w", r.subject, err))
		return
	}
	if t.replied != nil {
		t.replied(&reply)
	}
	r.done(&reply, nil)
}

// errNoAnswer is the cause of an Unavailable that a client gets.
var errNoAnswer = errors.New("gateway: the room service did not answer in time")

// tick sends again what is due and gives up what is too old.
func (t *requests) tick(now time.Time) {
	t.mu.Lock()
	type resend struct {
		n       uint64
		subject string
		data    []byte
	}
	var again []resend
	var dead []*request
	for n, r := range t.all {
		switch {
		case now.After(r.deadline):
			delete(t.all, n)
			dead = append(dead, r)
		case now.After(r.again):
			r.again = now.Add(answerTimeout)
			r.req.Retry = r.req.Op != ""
			again = append(again, resend{n, r.subject, marshal(r.req)})
		}
	}
	t.mu.Unlock()
	for _, a := range again {
		t.attempt(a.n, a.subject, a.data)
	}
	for _, r := range dead {
		r.done(nil, errNoAnswer)
	}
}

// close gives up everything, and what is sent from now on.
func (t *requests) close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.tick(time.Now().Add(time.Hour))
}

// noResponders reports whether m is the server's word that nobody subscribes.
func noResponders(m *nats.Msg) bool {
	return len(m.Data) == 0 && m.Header.Get("Status") == "503"
}

// ask sends a request and waits for the answer. An answer that refuses is the
// error, as a *proto.Error.
func (g *Gateway) ask(op proto.Operation, req *proto.Request) (*proto.Reply, error) {
	return g.askBefore(time.Now().Add(proto.RequestDeadline), op, req)
}

func (g *Gateway) askBefore(deadline time.Time, op proto.Operation, req *proto.Request) (*proto.Reply, error) {
	return g.askUntil(nil, deadline, op, req)
}

// errAnswered says that who asked knows the outcome from elsewhere.
var errAnswered = errors.New("gateway: answered by the room's change")

// askUntil is askBefore that gives up, with errAnswered, when told is closed. When the
// gateway ends, all of them do.
func (g *Gateway) askUntil(told <-chan struct{}, deadline time.Time, op proto.Operation, req *proto.Request) (*proto.Reply, error) {
	type answer struct {
		reply *proto.Reply
		err   error
	}
	ch := make(chan answer, 1)
	n := g.requests.sendBefore(deadline, op, req, func(r *proto.Reply, err error) { ch <- answer{r, err} })
	var a answer
	select {
	case a = <-ch:
	case <-told:
		g.requests.forget(n)
		return nil, errAnswered
	case <-g.alive.Done(): // shut waits for the caller
		g.requests.forget(n)
		return nil, errEnding
	}
	if a.err != nil {
		return nil, a.err
	}
	if a.reply.Error != nil {
		return nil, a.reply.Error
	}
	return a.reply, nil
}
