package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"p2pconnector/e2e/cmd/bench/internal/stats"
	"p2pconnector/e2e/kit/load"
)

// The row of room operations.
const (
	roomsCount    = 1000
	roomsAtOnce   = 250 // rooms in use at the same moment
	burstPeers    = 200
	burstRooms    = 50 // each peer joins
	burstInFlight = 8  // pending joins of each peer
	lazySync      = 2 * time.Minute
	burstTimeout  = 60 * time.Second
)

// roomLayout is one case of the row.
type roomLayout struct {
	kase string
	l    layout
}

var roomLayouts = []roomLayout{
	{"1 room service, sync_interval off", layout{gateways: 2, rooms: 1, sync: lazySync}},
	{"1 room service, sync_interval always", layout{gateways: 2, rooms: 1}},
	{"3 room services, sync_interval off", layout{gateways: 2, rooms: 3, sync: lazySync}},
	{"3 room services, sync_interval always", layout{gateways: 2, rooms: 3}},
}

func (b *bench) roomCases() (all []roomLayout) {
	for _, v := range roomLayouts {
		if b.wantsCase(v.kase) {
			all = append(all, v)
		}
	}
	return all
}

func roomsSteps(b *bench) int { return len(b.roomCases()) * b.opt.rounds }

func roomsRow(ctx context.Context, b *bench) error {
	cases := b.roomCases()
	systems := make([]*system, len(cases))
	fleets := make([]*fleet, len(cases))
	defer func() {
		for i := range systems {
			fleets[i].close()
			systems[i].stop()
		}
	}()
	for i, v := range cases {
		var err error
		b.show.print("starting " + v.kase)
		if systems[i], err = b.startOurs(ctx, v.l); err != nil {
			return err
		}
		if fleets[i], err = connect(ctx, systems[i], 2*roomsAtOnce, 4<<10); err != nil {
			return err
		}
	}
	for round := range b.opt.rounds {
		for i, v := range cases {
			b.show.step("rooms", v.kase, ours, round)
			err := b.cycleOnce(ctx, fleets[i], v.kase, round)
			if err == nil {
				err = b.burstOnce(ctx, fleets[i], v.kase, round)
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil { // refused, for example: the other cases can continue
				b.book.note("rooms", fmt.Sprintf("%s, round %d: %v", v.kase, round+1, err))
			}
		}
	}
	return nil
}

// requester sends the requests of one connection, each when a worker asks, and passes
// every answer to the request that its id names.
type requester struct {
	conn *load.Conn
	mu   sync.Mutex
	wait map[uint64]chan error
	next uint64
}

// Frame implements load.Sink. An answer is the frame that carries the request's id.
func (a *requester) Frame(_ *load.Conn, _ int64, payload []byte) {
	v, ok := findStamp(payload)
	if !ok {
		return // an event that another peer caused
	}
	a.mu.Lock()
	answer := a.wait[v]
	delete(a.wait, v)
	a.mu.Unlock()
	if answer == nil {
		return
	}
	var err error
	if bytes.HasPrefix(payload, errorPrefix) {
		err = fmt.Errorf("refused: %.300s", payload)
	}
	answer <- err
}

// Batch implements load.Sink.
func (a *requester) Batch(*load.Conn) {}

// ask sends one request and waits for its answer.
func (a *requester) ask(ctx context.Context, event, room string) (time.Duration, error) {
	answer := make(chan error, 1)
	a.mu.Lock()
	a.next++
	id := a.next
	a.wait[id] = answer
	a.mu.Unlock()
	var digits [markBytes]byte
	putStamp(digits[:], id)
	began := load.Clock()
	frame := load.AppendFrame(nil, load.OpText, fmt.Appendf(nil, `{"event":%q,"data":{"room":%q},"id":"%s%s"}`, event, room, mark, digits[:]))
	if err := a.conn.Write(frame); err != nil {
		return 0, err
	}
	select {
	case err := <-answer:
		return time.Duration(load.Clock() - began), err
	case <-a.conn.Done():
		code, err := a.conn.Ended()
		return 0, fmt.Errorf("the connection was closed: code %d, %v", code, err)
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

func requesters(f *fleet) []*requester {
	var all []*requester
	for _, c := range f.conns {
		a := &requester{conn: c, wait: make(map[uint64]chan error)}
		c.Feed(a)
		all = append(all, a)
	}
	return all
}

// cycleOnce makes pairs of peers create, join and leave rooms during one
// measurement: 1,000 rooms, of which 250 at a time are in use.
func (b *bench) cycleOnce(ctx context.Context, f *fleet, kase string, round int) error {
	ctx, cancel := context.WithTimeoutCause(ctx, b.opt.warm+b.opt.window+stormTimeout, fmt.Errorf("no answer for %v", stormTimeout))
	defer cancel()
	all := requesters(f)
	var ops atomic.Uint64
	var on atomic.Bool
	on.Store(true)
	var h atomic.Pointer[stats.Hist]
	h.Store(new(stats.Hist))
	errs := make([]error, roomsAtOnce)
	var wg sync.WaitGroup
	for i := range roomsAtOnce {
		wg.Go(func() {
			for n := 0; on.Load() && errs[i] == nil; n++ {
				room := fmt.Sprintf("cycle %d %d", round, i+roomsAtOnce*(n%(roomsCount/roomsAtOnce)))
				errs[i] = cycle(ctx, all[2*i], all[2*i+1], room, func(d time.Duration) {
					ops.Add(1)
					h.Load().Add(d)
				})
			}
		})
	}
	stop := func() error {
		on.Store(false)
		wg.Wait()
		f.feed(nil)
		if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
			return errs[i]
		}
		return nil
	}
	if err := pause(ctx, b.opt.warm); err != nil {
		stop()
		return err
	}
	measured := new(stats.Hist)
	h.Store(measured)
	n := ops.Load()
	u, err := b.watch(f.sys.procs, func() error { return pause(ctx, b.opt.window) })
	n = ops.Load() - n
	if failed := stop(); failed != nil || err != nil {
		return fmt.Errorf("create, join, leave: %w", firstOf(failed, err))
	}
	b.book.add("rooms", kase, f.sys.name, "ops", perSecond, float64(n)/u.wall.Seconds())
	b.book.add("rooms", kase, f.sys.name, "op p50", "ms", measured.Quantile(0.5).Seconds()*1e3)
	b.book.add("rooms", kase, f.sys.name, "op p99", "ms", measured.Quantile(0.99).Seconds()*1e3)
	b.book.add("rooms", kase, f.sys.name, "cpu per op", microsec, perItem(u.servers, n))
	b.book.latencies("rooms", kase, f.sys.name, measured)
	return nil
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// cycle runs a room's life: one peer creates it, the other joins, both leave.
func cycle(ctx context.Context, a, z *requester, room string, done func(time.Duration)) error {
	for _, step := range []struct {
		who   *requester
		event string
	}{{a, "Create_Room"}, {z, "Join_Room"}, {z, "Leave_Room"}, {a, "Leave_Room"}} {
		d, err := step.who.ask(ctx, step.event, room)
		if err != nil {
			return fmt.Errorf("%s %q: %w", step.event, room, err)
		}
		done(d)
	}
	return nil
}

// burstOnce makes 1,000 rooms, in which 200 peers join 50 each, as fast as they are
// answered; then the peers leave the rooms.
func (b *bench) burstOnce(ctx context.Context, f *fleet, kase string, round int) error {
	ctx, cancel := context.WithTimeoutCause(ctx, burstTimeout, fmt.Errorf("not done after %v", burstTimeout))
	defer cancel()
	all := requesters(f)
	defer f.feed(nil)
	name := func(i int) string { return fmt.Sprintf("burst %d %d", round, i) }
	creators, joiners := all[burstPeers:], all[:burstPeers]
	each := func(who []*requester, event string, perPeer, step int) error {
		return atOnce(who, perPeer, func(a *requester, peer, k int) error {
			_, err := a.ask(ctx, event, name((peer*step+k)%roomsCount))
			return err
		})
	}
	// 250 of the other peers hold 4 rooms each.
	const held = 4
	creators = creators[:roomsCount/held]
	if err := each(creators, "Create_Room", held, held); err != nil {
		return err
	}
	u, err := b.watch(f.sys.procs, func() error { return each(joiners, "Join_Room", burstRooms, burstRooms) })
	if err != nil {
		return err
	}
	const joins = burstPeers * burstRooms
	b.book.add("rooms", kase, f.sys.name, "joins", perSecond, joins/u.wall.Seconds())
	b.book.add("rooms", kase, f.sys.name, "cpu per join", microsec, perItem(u.servers, joins))
	if err := each(joiners, "Leave_Room", burstRooms, burstRooms); err != nil {
		return err
	}
	return each(creators, "Leave_Room", held, held)
}

// atOnce calls do perPeer times for each peer, burstInFlight of them at the same
// time, and returns the first error.
func atOnce(who []*requester, perPeer int, do func(a *requester, peer, k int) error) error {
	var first atomic.Pointer[error]
	var wg sync.WaitGroup
	for peer, a := range who {
		var next atomic.Int64
		for range min(burstInFlight, perPeer) {
			wg.Go(func() {
				for k := next.Add(1) - 1; k < int64(perPeer) && first.Load() == nil; k = next.Add(1) - 1 {
					if err := do(a, peer, int(k)); err != nil {
						first.CompareAndSwap(nil, &err)
					}
				}
			})
		}
	}
	wg.Wait()
	if err := first.Load(); err != nil {
		return *err
	}
	return nil
}
