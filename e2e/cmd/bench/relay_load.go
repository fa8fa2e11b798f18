package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"p2pconnector/e2e/cmd/bench/internal/stats"
	"p2pconnector/e2e/kit/load"
)

// relayLoad exchanges signals between the two peers of each pair, or from an echo
// server's connections to themselves.
type relayLoad struct {
	fleet   *fleet
	senders []*sender // by connection
	reply   atomic.Bool
	count   atomic.Uint64          // signals delivered
	odd     atomic.Pointer[string] // an unexpected frame, for example an error
	hist    atomic.Pointer[stats.Hist]
}

// sender writes one connection's signals. One goroutine uses its template: the reader
// at full speed, the pacer at a rate.
type sender struct {
	load    *relayLoad
	conn    *load.Conn
	tmpl    stampable
	pending int // signals with which to answer the batch that is being read
}

// newRelayLoad makes signals of size bytes for the fleet, whose connections 2i and
// 2i+1 are a pair.
func newRelayLoad(f *fleet, size int) *relayLoad {
	l := &relayLoad{fleet: f}
	l.hist.Store(new(stats.Hist))
	for i, c := range f.conns {
		to := c
		if !f.sys.echo {
			to = f.conns[i^1]
		}
		s := &sender{load: l, conn: c, tmpl: newStampable(f.sys.signal(to.ID, size))}
		l.senders = append(l.senders, s)
		c.Feed(s)
	}
	return l
}

// Frame implements load.Sink.
func (s *sender) Frame(_ *load.Conn, now int64, payload []byte) {
	v, ok := findStamp(payload)
	if !ok {
		text := fmt.Sprintf("%.300s", payload)
		s.load.odd.Store(&text)
		return
	}
	sent, _ := unstamp(v)
	s.load.hist.Load().Add(time.Duration(now - sent))
	s.pending++
}

// Batch implements load.Sink: it counts, and answers, at once what was read at once.
func (s *sender) Batch(c *load.Conn) {
	if s.pending == 0 {
		return
	}
	s.load.count.Add(uint64(s.pending))
	if s.load.reply.Load() {
		now := load.Clock()
		for range s.pending {
			c.Queue(s.tmpl.stamped(now, 0)) // flushed behind the batch
		}
	}
	s.pending = 0
}

// firstSenders returns the senders that send first: one of each pair, or every
// connection to an echo server.
func (l *relayLoad) firstSenders() []*sender {
	if l.fleet.sys.echo {
		return l.senders
	}
	var first []*sender
	for i := 0; i < len(l.senders); i += 2 {
		first = append(first, l.senders[i])
	}
	return first
}

// begin sends inFlight signals for each pair; every arrival then causes the next
// signal.
func (l *relayLoad) begin(inFlight int) error {
	l.reply.Store(true)
	for _, s := range l.firstSenders() {
		now := load.Clock()
		for range inFlight {
			s.conn.Queue(s.tmpl.stamped(now, 0))
		}
		if err := s.conn.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// awaitQuiet stops sending and waits until no more signals arrive.
func (l *relayLoad) awaitQuiet(ctx context.Context) error {
	l.reply.Store(false)
	for quiet, last := 0, l.count.Load(); quiet < 3; {
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
		if n := l.count.Load(); n == last {
			quiet++
		} else {
			quiet, last = 0, n
		}
	}
	l.fleet.feed(nil)
	return l.check()
}

// oddFrame is an unexpected frame, for example a server's error. The measurement
// stands, with a note.
type oddFrame string

func (e oddFrame) Error() string { return "it sent " + string(e) }

// check returns the reason why the load cannot be trusted, or nil.
func (l *relayLoad) check() error {
	if err := l.fleet.broken(); err != nil {
		return err
	}
	if odd := l.odd.Load(); odd != nil {
		return oddFrame(*odd)
	}
	return nil
}

// pace sends rate signals a second, one after the other from each pair in turn, until
// d is over. It locks its thread, because it must wake up on time. The stamp is the
// time at which a signal is written.
func (l *relayLoad) pace(rate int, d time.Duration) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	first := l.firstSenders()
	began, interval := load.Clock(), int64(time.Second)/int64(rate)
	for i := int64(0); i*interval < int64(d); i++ {
		if wait := began + i*interval - load.Clock(); wait > 0 {
			load.SleepExactly(time.Duration(wait))
		}
		s := first[i%int64(len(first))]
		if err := s.conn.Write(s.tmpl.stamped(load.Clock(), 0)); err != nil {
			return err
		}
	}
	return nil
}

// result is the result of one measurement of a relay load.
type result struct {
	usage
	n    uint64
	hist *stats.Hist
}

// fullSpeed measures the fleet with inFlight signals of each pair in transit.
func (b *bench) fullSpeed(ctx context.Context, f *fleet, size, inFlight int) (r result, err error) {
	l := newRelayLoad(f, size)
	if err := l.begin(inFlight); err != nil {
		return r, err
	}
	if err := pause(ctx, b.opt.warm); err != nil {
		return r, err
	}
	r.hist = new(stats.Hist)
	l.hist.Store(r.hist)
	n := l.count.Load()
	r.usage, err = b.watch(f.sys.procs, func() error { return pause(ctx, b.opt.window) })
	r.n = l.count.Load() - n
	if err != nil {
		return r, err
	}
	return r, l.awaitQuiet(ctx)
}

// atRate measures the fleet with rate signals a second.
func (b *bench) atRate(ctx context.Context, f *fleet, size, rate int) (r result, err error) {
	l := newRelayLoad(f, size)
	if err := l.pace(rate, b.opt.warm); err != nil {
		return r, err
	}
	r.hist = new(stats.Hist)
	l.hist.Store(r.hist)
	n := l.count.Load()
	r.usage, err = b.watch(f.sys.procs, func() error {
		if err := l.pace(rate, b.opt.window); err != nil {
			return err
		}
		return pause(ctx, 20*time.Millisecond) // for the signals in transit
	})
	r.n = l.count.Load() - n
	if err != nil {
		return r, err
	}
	return r, l.awaitQuiet(ctx)
}

// tolerate records an odd frame as a note beside the figures.
func (b *bench) tolerate(row, kase, system string, err error) error {
	if odd, ok := errors.AsType[oddFrame](err); ok {
		b.book.note(row, fmt.Sprintf("%s, %s: %v", kase, system, odd))
		return nil
	}
	return err
}

// put records a relay measurement in the book.
func (r *result) put(b *bench, row, kase, system string) {
	b.book.add(row, kase, system, "rate", perSecond, float64(r.n)/r.wall.Seconds())
	b.book.add(row, kase, system, "cpu", microsec, perItem(r.servers, r.n))
	if r.bus > 0 {
		b.book.add(row, kase, system, "of it NATS", microsec, perItem(r.bus, r.n))
	}
	b.book.add(row, kase, system, "p50", microsec, micros(r.hist.Quantile(0.5)))
	b.book.add(row, kase, system, "p99", microsec, micros(r.hist.Quantile(0.99)))
	b.book.add(row, kase, system, "load cpu", microsec, perItem(r.load, r.n))
	b.book.latencies(row, kase, system, r.hist)
}
