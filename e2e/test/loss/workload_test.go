package loss

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"p2pconnector/e2e/kit"
	"p2pconnector/e2e/kit/load"
)

// Where receivers are before the load starts.
const (
	fresh = "fresh" // on the gateway that issued them, the second
	other = "other" // issued by the gateway of the senders, and resumed on the second
	third = "third" // issued by the second gateway, and resumed on the third
)

// row describes one run.
type row struct {
	pairs    int
	rate     int // frames a second, of all pairs
	duration time.Duration
	size     int // bytes of a frame
	moved    string
	fault    string
	lasts    time.Duration // one fault
	every    time.Duration // from one fault to the next; 0: it happens once
	window   time.Duration // of a drain; 0 is 2 s
	first    func(w *workload)
}

// String names the row.
func (r row) String() string {
	text := fmt.Sprintf("%d frames/s of %d B for %v, %d pairs, %s, fault %s", r.rate, r.size, r.duration, r.pairs, r.moved, r.fault)
	if r.fault != none {
		text += fmt.Sprintf(" of %v", r.lasts)
	}
	if r.every > 0 {
		text += fmt.Sprintf(" every %v", r.every)
	}
	return text
}

// workload is a running system with the clients of a row.
type workload struct {
	row
	*kit.Stack
	t            *testing.T
	addrs        []string
	out          *outcomes
	from         []*peer // senders
	to           []*peer // receivers
	wg           sync.WaitGroup
	stop         context.CancelFunc
	late         time.Duration // most that a frame was sent behind its time
	broken       atomic.Int64  // senders' connections that ended
	moves        atomic.Int64  // sessions resumed during the load
	lostSessions atomic.Int64  // sessions that could not be resumed
}

// frames is how many frames a pair sends at most.
func (r row) frames() int {
	return int(int64(r.rate)*int64(r.duration)/int64(time.Second))/r.pairs + r.burst() + 1
}

// newWorkload starts the system and connects the clients of a row.
func newWorkload(t *testing.T, r row) *workload {
	t.Helper()
	if r.window == 0 {
		r.window = 2 * time.Second
	}
	s := kit.Start(t, kit.Options{Processes: true, NATSProcess: true, Gateways: 3, RoomServices: 1, Drain: r.window})
	w := &workload{row: r, Stack: s, t: t, addrs: addresses(s), out: newOutcomes(r.pairs, r.frames())}
	ctx, stop := context.WithCancel(context.Background())
	w.stop = stop
	t.Cleanup(w.close)
	for i := range r.pairs {
		if err := w.pair(ctx, i); err != nil {
			t.Fatalf("connecting pair %d: %v", i, err)
		}
	}
	return w
}

// addresses returns host:port of all gateways.
func addresses(s *kit.Stack) (addrs []string) {
	for _, url := range s.URLs(0) {
		addrs = append(addrs, strings.Trim(strings.TrimPrefix(url, "ws:"), "/"))
	}
	return addrs
}

// senders is the gateway of all senders. No fault affects it, so that every error can
// reach the sender.
const senders = 0

// places returns the gateway to which the receivers connect, and the gateway that serves
// them when the load starts.
func (r row) places() (connect, serve int) {
	switch r.moved {
	case other:
		return senders, 1
	case third:
		return 1, 2
	}
	return 1, 1
}

func (w *workload) pair(ctx context.Context, i int) error {
	to, moves := w.places()
	s := &peer{out: w.out, number: 2 * i, answer: goingAway}
	r := &peer{out: w.out, number: 2*i + 1, answer: goingAway}
	w.from, w.to = append(w.from, s), append(w.to, r)
	if err := errors.Join(s.connect(ctx, w.addrs, senders), r.connect(ctx, w.addrs, to)); err != nil {
		return err
	}
	if to != moves {
		r.drop()
		if _, err := r.resume(ctx, w.addrs, moves); err != nil {
			return err
		}
	}
	w.wg.Go(func() { w.follow(ctx, i, r) })
	return nil
}

// goingAway answers the close frame of a gateway that drains: browsers repeat its code.
const goingAway = 1001

// awayBound is how long a client tries to resume: longer than the grace.
const awayBound = 20 * time.Second

// follow resumes a receiver whose connection has ended, until it leaves.
func (w *workload) follow(ctx context.Context, pair int, c *peer) {
	for {
		conn := c.current()
		<-conn.Done()
		conn.Close()
		if c.left() {
			return
		}
		tctx, cancel := context.WithTimeout(ctx, awayBound)
		recovered, err := c.resumeAnywhere(tctx, w.addrs)
		cancel()
		if err != nil {
			w.lostSessions.Add(1)
			w.t.Logf("receiver %d is gone: %v", pair, err)
			return
		}
		w.moves.Add(1)
		if !recovered {
			w.out.excuse(pair)
		}
	}
}

// burst returns how many frames a pair sends in its turn, in one write: the load
// generator shares the processors with the servers.
func (r row) burst() int { return max(1, r.rate/5000) }

// send sends the frames of all pairs in turns, each at its time. It locks its thread,
// because it must wake up on time.
func (w *workload) send() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	heads := make([][]byte, w.pairs)
	for i := range heads {
		heads[i] = w.head(i)
	}
	began, turn := load.Clock(), int64(time.Second)*int64(w.burst())/int64(w.rate)
	var buf, frame []byte
	for k := int64(0); k*turn < int64(w.duration); k++ {
		if wait := began + k*turn - load.Clock(); wait > 0 {
			load.SleepExactly(time.Duration(wait))
		} else {
			w.late = max(w.late, time.Duration(-wait))
		}
		i := int(k) % w.pairs
		r := &w.out.pairs[i]
		buf = buf[:0]
		first := r.sent.Load()
		for n := range int64(w.burst()) {
			frame = append(appendMark(append(frame[:0], heads[i]...), i, first+n), `"}`...)
			buf = load.AppendFrame(buf, load.OpText, frame)
		}
		r.sent.Store(first + int64(w.burst())) // before the first outcome
		if err := w.from[i].current().Write(buf); err != nil {
			r.sent.Store(first)
			w.broken.Add(1)
		}
	}
}

// head returns a pair's frame up to its mark.
func (w *workload) head(i int) []byte {
	text := fmt.Sprintf(`{"event":"Message","to":%q,"data":"`, w.to[i].id)
	tail := `","id":"`
	fill := w.size - len(text) - len(tail) - len(mark) - markBytes - len(`"}`)
	return []byte(text + strings.Repeat("x", max(fill, 0)) + tail)
}

// restBound is the time within which every frame must have its outcome.
const restBound = 30 * time.Second

// rest returns when every frame has an outcome and no more frames arrive, or at
// restBound.
func (w *workload) rest() {
	const step, quiet = 100 * time.Millisecond, 3 * time.Second
	var sent, last int64
	for i := range w.out.pairs {
		sent += w.out.pairs[i].sent.Load()
	}
	tick := time.NewTicker(step)
	defer tick.Stop()
	end, still := time.Now().Add(restBound), time.Duration(0)
	for time.Now().Before(end) && (still < quiet || w.out.accounted.Load() < sent) {
		<-tick.C
		if n := w.out.events.Load(); n != last {
			last, still = n, 0
		} else {
			still += step
		}
	}
}

// ended counts the senders whose connection has ended.
func (w *workload) ended() (n int) {
	for _, c := range w.from {
		select {
		case <-c.current().Done():
			n++
		default:
		}
	}
	return n
}

// close makes all clients leave.
func (w *workload) close() {
	for _, c := range slices.Concat(w.from, w.to) {
		w.wg.Go(c.leave)
	}
	w.stop()
	w.wg.Wait()
}

// run runs a row and returns the outcomes of its frames.
func run(t *testing.T, r row) counts {
	t.Helper()
	w := newWorkload(t, r)
	if r.first != nil {
		r.first(w)
	}
	gw0, bus0 := w.CPU(t)
	var sending sync.WaitGroup
	sending.Go(w.send)
	w.strike()
	sending.Wait()
	gw1, bus1 := w.CPU(t)
	began := time.Now()
	w.rest()
	c := w.out.count()
	n := max(c.delivered, 1)
	t.Logf("%v: %v; %d senders' writes failed, %d receivers resumed, %d could not; at rest after %v; CPU per delivered frame %.1f µs (gateways %.1f, NATS %.1f); sent at most %v late",
		r, &c, w.broken.Load(), w.moves.Load(), w.lostSessions.Load(), time.Since(began).Round(100*time.Millisecond),
		micros(gw1-gw0+bus1-bus0, n), micros(gw1-gw0, n), micros(bus1-bus0, n), w.late.Round(time.Millisecond))
	if n := w.broken.Load(); n > 0 {
		t.Errorf("writes that failed: got %d, want 0: no sender's connection may end", n)
	}
	if n := w.ended(); n > 0 {
		t.Errorf("senders whose connection has ended: got %d, want 0: they miss the errors about their frames", n)
	}
	if n := w.lostSessions.Load(); n > 0 {
		t.Errorf("sessions that could not be resumed: got %d, want 0", n)
	}
	return c
}

func micros(d time.Duration, n int64) float64 { return float64(d.Nanoseconds()) / 1000 / float64(n) }

// check fails the test for every promise that was broken.
func check(t *testing.T, r row) {
	t.Helper()
	c := run(t, r)
	for _, v := range c.violations(!endsGateway(r.fault)) {
		t.Error(v)
	}
}
