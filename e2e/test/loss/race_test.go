package loss

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"p2pconnector/e2e/kit"
	"p2pconnector/e2e/kit/load"
)

var roundsFlag = flag.Int("loss.rounds", 30, "`rounds` of two gateways that resume one session, for each of 8 pairs of clients")

// lane is one peer in a room with one other peer, which watches it. Both are a pair of
// the outcomes.
type lane struct {
	t       *testing.T
	out     *outcomes
	number  int
	addrs   []string
	rng     *rand.Rand
	watcher *peer
	served  *peer // the peer as it was last served

	both, one, nobody, lost int // rounds, by how many gateways served the peer at the end
}

// Two gateways resume one session within 100 ms of each other, again and again. At the
// end of each round one of them serves the peer, its room knows where, and frames to
// the peer are delivered or reported. When both have refused, a client may try again
// and finds its session.
func TestResume_TwoGatewaysWithin100ms_OneServes(t *testing.T) {
	const lanes = 8
	s := kit.Start(t, kit.Options{Processes: true, NATSProcess: true, Gateways: 3})
	out := newOutcomes(lanes, 4**roundsFlag)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	all := make([]*lane, lanes)
	var wg sync.WaitGroup
	for i := range all {
		l := &lane{t: t, out: out, number: i, addrs: addresses(s), rng: rand.New(rand.NewPCG(seed, uint64(i)))}
		all[i] = l
		wg.Go(func() {
			if err := l.race(); err != nil {
				t.Errorf("lane %d: %v", l.number, err)
			}
		})
	}
	wg.Wait()
	var sum lane
	for _, l := range all {
		sum.both, sum.one, sum.nobody, sum.lost = sum.both+l.both, sum.one+l.one, sum.nobody+l.nobody, sum.lost+l.lost
	}
	c := out.count()
	t.Logf("%d rounds: one gateway served the peer in %d, none until it was asked again in %d, the session was lost in %d, two served it in %d; frames: %v",
		lanes**roundsFlag, sum.one, sum.nobody, sum.lost, sum.both, &c)
	if sum.lost > 0 || sum.both > 0 {
		t.Errorf("sessions lost: got %d, want 0; served twice: got %d, want 0", sum.lost, sum.both)
	}
	for _, v := range c.violations(true) {
		t.Error(v)
	}
}

func (l *lane) race() error {
	ctx := l.t.Context()
	room := fmt.Sprintf("race%d", l.number)
	l.watcher = &peer{out: l.out, number: 2 * l.number, answer: goingAway, room: room}
	if err := l.watcher.connect(ctx, l.addrs, 0); err != nil {
		return err
	}
	defer l.watcher.leave()
	for range *roundsFlag {
		if l.served == nil {
			l.served = &peer{out: l.out, number: 2*l.number + 1, answer: goingAway, room: room}
			if err := l.served.connect(ctx, l.addrs, l.rng.IntN(len(l.addrs))); err != nil {
				return err
			}
		}
		if err := l.round(ctx); err != nil {
			return err
		}
	}
	if l.served != nil {
		l.served.leave()
	}
	return nil
}

// round makes two gateways resume the session, and sends to it.
func (l *lane) round(ctx context.Context) error {
	before := l.served
	if l.rng.IntN(2) == 0 {
		before.drop()
	}
	at := l.rng.Perm(len(l.addrs))
	tries := [2]*peer{before.again(), before.again()}
	delay := time.Duration(l.rng.Int64N(int64(100 * time.Millisecond)))
	var errs [2]error
	var wg sync.WaitGroup
	for i, p := range tries {
		wg.Go(func() {
			if i == 1 {
				pause(ctx, delay)
			}
			_, errs[i] = p.resume(ctx, l.addrs, at[i])
		})
	}
	wg.Wait()
	l.served = l.winner(ctx, before, tries, errs)
	for _, p := range []*peer{before, tries[0], tries[1]} {
		if p != l.served {
			p.drop()
		}
	}
	return l.send(ctx)
}

// again returns the same peer, yet to resume.
func (c *peer) again() *peer {
	session, received := c.token()
	return &peer{out: c.out, number: c.number, answer: c.answer, id: c.id, session: session, received: received}
}

// winner returns the one of two connections that is served in the end, or nil when the
// session is lost.
func (l *lane) winner(ctx context.Context, before *peer, tries [2]*peer, errs [2]error) *peer {
	late := time.After(restBound)
	switch {
	case errs[0] == nil && errs[1] == nil:
		select {
		case <-tries[0].current().Done():
			l.one++
			return tries[1]
		case <-tries[1].current().Done():
			l.one++
			return tries[0]
		case <-late:
			l.both++
			tries[1].leave()
			return tries[0]
		}
	case errs[0] == nil || errs[1] == nil:
		l.one++
		if errs[0] == nil {
			return tries[0]
		}
		return tries[1]
	}
	retry := before.again()
	tctx, cancel := context.WithTimeout(ctx, awayBound)
	defer cancel()
	if _, err := retry.resumeAnywhere(tctx, l.addrs); err != nil {
		l.t.Logf("lane %d: the session is lost: %v, %v, then %v", l.number, errs[0], errs[1], err)
		l.lost++
		return nil
	}
	l.nobody++
	return retry
}

// send sends the peer one frame directly and one through the room, and waits until both
// have an outcome.
func (l *lane) send(ctx context.Context) error {
	if l.served == nil {
		return nil
	}
	r := &l.out.pairs[l.number]
	n := r.sent.Load()
	r.sent.Add(2)
	for i, to := range []string{fmt.Sprintf(`"to":%q`, l.served.id), fmt.Sprintf(`"room":%q`, l.watcher.room)} {
		text := fmt.Appendf(nil, `{"event":"Message",%s,"data":1,"id":"%s"}`, to, appendMark(nil, l.number, n+int64(i)))
		if err := l.watcher.current().Write(load.AppendFrame(nil, load.OpText, text)); err != nil {
			return err
		}
	}
	hasOutcome := func(n int64) bool { return r.frames[n].Load()&(gotOnce|errorOnce) != 0 }
	for end := time.Now().Add(restBound); time.Now().Before(end); pause(ctx, 5*time.Millisecond) {
		if hasOutcome(n) && hasOutcome(n+1) {
			return nil
		}
	}
	l.t.Logf("lane %d, frames %d and %d: outcome known: direct %v, through the room %v", l.number, n, n+1, hasOutcome(n), hasOutcome(n+1))
	return nil // counted as neither delivered nor reported
}
