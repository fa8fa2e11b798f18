package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"p2pconnector/e2e/kit/raw"
)

// target is the state that all attackers share.
type target struct {
	*server
	tally  *tally
	limit  int // new connections a second
	places chan struct{}
	number atomic.Uint32 // of attackers, for their addresses
}

// attack is one hostile behaviour, which each of its clients repeats.
type attack struct {
	name   string
	once   func(ctx context.Context, t *target, me *attacker) (outcome string)
	want   string        // allowed outcomes, separated by spaces
	within time.Duration // how long a connection may last
	atOnce int           // connections that do it at the same time, at most; 0: no limit
}

// attacker is one hostile connection.
type attacker struct {
	address string
	began   time.Time // start of the part that the attack's bound limits
}

// ended is the outcome of a connection that the end of the run cut short.
const ended = "ended"

// attack runs all attacks at once, with that many connections, until ctx ends.
func (t *target) attack(ctx context.Context, connections int) {
	t.places = make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { t.pace(ctx) })
	for _, a := range assign(connections) {
		wg.Go(func() {
			for t.take(ctx) {
				me := t.newAttacker()
				outcome := a.once(ctx, t, me)
				if isOver(ctx) {
					outcome = ended
				}
				t.tally.add(a, outcome, time.Since(me.began))
			}
		})
	}
	wg.Wait()
}

// assign divides connections among the attacks: evenly, but for those of which there may
// only be some at once.
func assign(connections int) []*attack {
	all := make([]*attack, 0, connections)
	for round := 0; len(all) < connections; round++ {
		for i := range attacks {
			if a := &attacks[i]; len(all) < connections && (a.atOnce == 0 || round < a.atOnce) {
				all = append(all, a)
			}
		}
	}
	return all
}

// isOver reports whether the run has ended. The network may notice that before
// the context's own timer does.
func isOver(ctx context.Context) bool {
	until, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(until)
}

// pace admits a bounded number of new connections a second.
func (t *target) pace(ctx context.Context) {
	tick := time.NewTicker(time.Second / time.Duration(t.limit))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		select {
		case t.places <- struct{}{}:
		case <-ctx.Done():
			return
		}
	}
}

func (t *target) take(ctx context.Context) bool {
	select {
	case <-t.places:
		return true
	case <-ctx.Done():
		return false
	}
}

func (t *target) newAttacker() *attacker {
	n := t.number.Add(1)
	return &attacker{fmt.Sprintf("198.%d.%d.%d", 18+n>>16&1, n>>8&0xff, n&0xff), time.Now()}
}

// headers returns the headers of a handshake that succeeds.
func (t *target) headers(me *attacker) http.Header {
	token, err := t.token("mallory at " + me.address) // a user's limits are not what ends the attacks
	if err != nil {
		panic(err) // signing with a secret cannot fail
	}
	return http.Header{"Authorization": {"Bearer " + token}, "X-Forwarded-For": {me.address}}
}

// on returns an attack over one connection to a path, which act uses and on closes.
func on(path string, act func(c *raw.Conn, me *attacker) (outcome string)) func(context.Context, *target, *attacker) string {
	return func(ctx context.Context, t *target, me *attacker) string {
		c, done, outcome := t.open(ctx, me, path)
		if c == nil {
			return outcome
		}
		defer done()
		return act(c, me)
	}
}

// open upgrades a connection to a path, which the end of ctx closes. Without a connection,
// the outcome is the reason.
func (t *target) open(ctx context.Context, me *attacker, path string) (c *raw.Conn, done func(), outcome string) {
	c, resp, err := raw.Dial(ctx, t.addr, path, t.headers(me))
	if err != nil {
		return nil, nil, refusal(resp, err)
	}
	stop := context.AfterFunc(ctx, func() { c.Close() })
	return c, func() { stop(); c.Close() }, ""
}

// refusal names how a handshake ended.
func refusal(resp *http.Response, err error) string {
	switch {
	case resp != nil:
		_ = resp.Body.Close()
		return strconv.Itoa(resp.StatusCode)
	case err == nil:
		return "101"
	}
	return outcomeOf(err)
}

// outcomeOf names how a connection ended.
func outcomeOf(err error) string {
	if closed, ok := errors.AsType[*raw.Closed](err); ok {
		return closed.Code.String()
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "cut"
	}
	if errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		return "reset"
	}
	return strings.ReplaceAll(err.Error(), " ", "_") // no outcome that an attack names
}

// sends returns an attack that sends bytes and waits for the end.
func sends(bytes ...[]byte) func(context.Context, *target, *attacker) string {
	all := raw.Join(bytes...)
	return on("/", func(c *raw.Conn, _ *attacker) string {
		_, _ = c.Write(all) // when the server closes before it has all, its close frame is the outcome
		return end(c)
	})
}

// sendsPart is sends for bytes that end within a frame.
func sendsPart(bytes ...[]byte) func(context.Context, *target, *attacker) string {
	all := raw.Join(bytes...)
	return on("/", func(c *raw.Conn, _ *attacker) string {
		c.Within = true
		_, _ = c.Write(all) // as in sends
		return end(c)
	})
}

// end reads until the server has closed the connection.
func end(c *raw.Conn) string {
	for {
		if _, err := c.Next(); err != nil {
			return outcomeOf(err)
		}
	}
}

// tally counts outcomes. Safe for concurrent use.
type tally struct {
	mu sync.Mutex
	by map[*attack]*count
}

type count struct {
	outcomes map[string]int
	longest  time.Duration // of those that the run's end did not cut short
}

func newTally() *tally {
	t := &tally{by: make(map[*attack]*count)}
	for i := range attacks {
		t.by[&attacks[i]] = &count{outcomes: make(map[string]int)}
	}
	return t
}

func (t *tally) add(a *attack, outcome string, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.by[a]
	c.outcomes[outcome]++
	if outcome != ended {
		c.longest = max(c.longest, took)
	}
}
