package main

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"p2pconnector/e2e/cmd/bench/internal/stats"
	"p2pconnector/e2e/kit/load"
)

var (
	fanoutMembers  = []int{100, 1000}
	fanoutInFlight = []int{1, 4}
)

// fanoutCompared is the case that goals compare with the echo.
var fanoutCompared = fanoutCase(1000, 4)

func fanoutSteps(b *bench) int {
	n := 0
	for _, members := range fanoutMembers {
		for _, flight := range fanoutInFlight {
			if b.wantsCase(fanoutCase(members, flight)) {
				n++
			}
		}
	}
	if b.wantsSystem(echoFloor) && b.wantsCase(fanoutCompared) {
		n++
	}
	return n * b.opt.rounds
}

func fanoutCase(members, inFlight int) string {
	return fmt.Sprintf("%s members, %d in flight", grouped(members), inFlight)
}

// fanoutRow measures our rooms, and beside them the echo with which one delivery
// is compared.
func fanoutRow(ctx context.Context, b *bench) error {
	systems, err := b.startAll(ctx, "fanout", b.relayStarters()[:2]...)
	if err != nil {
		return err
	}
	defer stopAll(systems)
	var echo *fleet
	if len(systems) > 1 {
		if echo, err = connect(ctx, systems[1], pairs, 8<<10); err != nil {
			return err
		}
		defer echo.close()
	}
	for _, members := range fanoutMembers {
		if err := b.fanoutRoom(ctx, systems[0], members, echo); err != nil {
			return fmt.Errorf("%d members: %w", members, err)
		}
	}
	return nil
}

// fanoutRoom measures one room. The echo runs beside the case with which it is
// compared.
func (b *bench) fanoutRoom(ctx context.Context, s *system, members int, echo *fleet) error {
	f, err := connect(ctx, s, members, 8<<10)
	if err != nil {
		return err
	}
	defer f.close()
	room := fmt.Sprintf("fan-out %d", members)
	if _, err := newStorm(f, room).run(ctx); err != nil {
		return err
	}
	if err := pause(ctx, 500*time.Millisecond); err != nil { // the last updates of the room are sent
		return err
	}
	for _, flight := range fanoutInFlight {
		kase := fanoutCase(members, flight)
		if !b.wantsCase(kase) {
			continue
		}
		for round := range b.opt.rounds {
			b.show.step("fanout", kase, s.name, round)
			if err := b.fanoutOnce(ctx, f, room, kase, flight); err != nil {
				return err
			}
			if echo == nil || kase != fanoutCompared {
				continue
			}
			if err := b.relayOnce(ctx, "fanout", echo.sys, echo, smallBytes, fullRate, round); err != nil {
				return err
			}
		}
	}
	return s.endRoom(room)
}

// fanout is one sender's messages in transit to all other members of a room.
type fanout struct {
	sender *load.Conn
	tmpl   []stampable // by tag; each belongs to the goroutine that saw its last message arrive
	left   []atomic.Int64
	others int64
	on     atomic.Bool
	count  atomic.Uint64
	each   atomic.Pointer[stats.Hist] // until a member has received it
	last   atomic.Pointer[stats.Hist] // until the last member has received it
	odd    atomic.Pointer[string]     // an unexpected frame
	got    []int                      // by connection, of the batch being read; each owned by its reader
}

func newFanout(f *fleet, room string, flight int) *fanout {
	l := &fanout{sender: f.conns[0], tmpl: make([]stampable, flight), left: make([]atomic.Int64, flight), others: int64(len(f.conns) - 1), got: make([]int, len(f.conns))}
	l.each.Store(new(stats.Hist))
	l.last.Store(new(stats.Hist))
	head, tail := fmt.Sprintf(`{"event":"Message","room":%q,"data":{"text":"`, room), `"},"id":"`+noStamp+`"}`
	text := strings.Repeat("m", max(0, smallBytes-len(head)-len(tail)))
	for i := range l.tmpl {
		l.tmpl[i] = newStampable(head + text + tail)
	}
	return l
}

func (l *fanout) send(tag int) error {
	l.left[tag].Store(l.others)
	return l.sender.Write(l.tmpl[tag].stamped(load.Clock(), uint16(tag)))
}

// Frame implements load.Sink.
func (l *fanout) Frame(c *load.Conn, now int64, payload []byte) {
	v, ok := findStamp(payload)
	sent, tag := unstamp(v)
	if !ok || int(tag) >= len(l.tmpl) {
		text := fmt.Sprintf("%.300s", payload)
		l.odd.Store(&text)
		return
	}
	l.each.Load().Add(time.Duration(now - sent))
	l.got[c.At]++
	if l.left[tag].Add(-1) > 0 {
		return
	}
	l.last.Load().Add(time.Duration(now - sent))
	if l.on.Load() {
		_ = l.send(int(tag)) // the end of the measurement finds a broken connection
	}
}

// Batch implements load.Sink.
func (l *fanout) Batch(c *load.Conn) {
	if n := l.got[c.At]; n > 0 {
		l.got[c.At] = 0
		l.count.Add(uint64(n))
	}
}

func (b *bench) fanoutOnce(ctx context.Context, f *fleet, room, kase string, flight int) error {
	l := newFanout(f, room, flight)
	f.feed(l)
	l.on.Store(true)
	for tag := range flight {
		if err := l.send(tag); err != nil {
			return err
		}
	}
	if err := pause(ctx, b.opt.warm); err != nil {
		return err
	}
	each, last := new(stats.Hist), new(stats.Hist)
	l.each.Store(each)
	l.last.Store(last)
	n := l.count.Load()
	u, err := b.watch(f.sys.procs, func() error { return pause(ctx, b.opt.window) })
	n = l.count.Load() - n
	if err != nil {
		return err
	}
	l.on.Store(false)
	if err := pause(ctx, 200*time.Millisecond); err != nil { // the last ones arrive
		return err
	}
	f.feed(nil)
	if err := f.broken(); err != nil {
		return err
	}
	if odd := l.odd.Load(); odd != nil {
		b.book.note("fanout", fmt.Sprintf("%s: %v", kase, oddFrame(*odd)))
	}
	if n == 0 {
		return fmt.Errorf("no message reached anybody")
	}
	b.book.add("fanout", kase, f.sys.name, "rate", perSecond, float64(n)/u.wall.Seconds())
	b.book.add("fanout", kase, f.sys.name, "cpu", microsec, perItem(u.servers, n))
	b.book.add("fanout", kase, f.sys.name, "of it NATS", microsec, perItem(u.bus, n))
	b.book.add("fanout", kase, f.sys.name, "p50", microsec, micros(each.Quantile(0.5)))
	b.book.add("fanout", kase, f.sys.name, "last p50", microsec, micros(last.Quantile(0.5)))
	b.book.add("fanout", kase, f.sys.name, "last p99", microsec, micros(last.Quantile(0.99)))
	b.book.add("fanout", kase, f.sys.name, "load cpu", microsec, perItem(u.load, n))
	b.book.latencies("fanout", kase, f.sys.name, each)
	return nil
}
