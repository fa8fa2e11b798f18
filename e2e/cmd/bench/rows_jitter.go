package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"p2pconnector/e2e/cmd/bench/internal/stats"
	"p2pconnector/e2e/kit/crowd"
	"p2pconnector/proto"
)

// Parameters of the row jitter, those of "jitter delivery" in AnyCable's benchmark: members
// of one room get two messages a second, and each loses its connection about every 15 s,
// without a close frame, for 2 s. Here each comes back at the other gateway.
const (
	jitterInterval = 500 * time.Millisecond
	jitterTear     = 15 * time.Second
	jitterOffline  = 2 * time.Second
	settleTimeout  = 60 * time.Second // until all clients are back
)

func jitterSteps(b *bench) int {
	if !b.wantsCase(jitterCase(b.opt.crowd)) {
		return 0
	}
	return b.opt.rounds
}

func jitterCase(n int) string { return grouped(n) + " members" }

func jitterRow(ctx context.Context, b *bench) error {
	kase := jitterCase(b.opt.crowd)
	if !b.wantsCase(kase) {
		return nil
	}
	s, err := b.startOurs(ctx, layout{gateways: 2, rooms: 1})
	if err != nil {
		return err
	}
	defer s.stop()
	for round := range b.opt.rounds {
		b.show.step("jitter", kase, s.name, round)
		if err := b.jitterOnce(ctx, s, kase, round); err != nil {
			return s.explain(err)
		}
	}
	return nil
}

// jitterOnce posts to a room while its members' connections break. Member 0 posts, and
// keeps its connection.
func (b *bench) jitterOnce(ctx context.Context, s *system, kase string, round int) error {
	room := proto.RoomID(fmt.Sprint("jitter-", round))
	cr, err := crowd.Dial(ctx, crowd.Config{
		Addrs: s.addrs, N: b.opt.crowd + 1, Room: func(int) proto.RoomID { return room }, Target: "/ws", Offline: jitterOffline, LocalAddr: loopback,
	})
	if err != nil {
		return err
	}
	defer cr.Close()
	cr.Reset() // the joins
	var sent, torn int
	u, err := b.watch(s.procs, func() error {
		posting, stop := context.WithTimeout(ctx, b.opt.crowdFor)
		defer stop()
		tears := make(chan int, 1)
		go func() { tears <- tearSome(posting, cr.Members()[1:]) }()
		sent, err = cr.Send(posting, 0, jitterInterval)
		torn = <-tears
		return err
	})
	if err != nil {
		return err
	}
	settled, stop := context.WithTimeout(ctx, settleTimeout)
	defer stop()
	want := sent * b.opt.crowd
	// A client that is back has all that was kept for it a moment later.
	err = cr.Await(settled, func() bool { return cr.Connected() == b.opt.crowd+1 && cr.Report().Received >= want })
	if ctx.Err() != nil {
		return err
	}
	b.putJitter(kase, s.name, cr.Report(), want, torn, perItem(u.servers, uint64(want)))
	return nil
}

// putJitter records a measurement: what did not come in time counts as not delivered.
func (b *bench) putJitter(kase, name string, r crowd.Report, want, torn int, cpu float64) {
	h := new(stats.Hist)
	for _, d := range r.Lateness {
		h.Add(d)
	}
	b.book.add("jitter", kase, name, "delivered", percent, 100*float64(r.Received)/float64(want))
	b.book.add("jitter", kase, name, "twice", count, float64(r.Duplicates))
	b.book.add("jitter", kase, name, "leave notices", count, float64(r.Left))
	b.book.add("jitter", kase, name, "sessions lost", count, float64(r.Fresh+r.Ended))
	b.book.add("jitter", kase, name, "not recovered", count, float64(r.Unrecovered))
	b.book.add("jitter", kase, name, "connections torn", count, float64(torn))
	b.book.add("jitter", kase, name, "p95", "ms", h.Quantile(0.95).Seconds()*1e3)
	b.book.add("jitter", kase, name, "cpu", microsec, cpu)
	b.book.latencies("jitter", kase, name, h)
}

// tearSome breaks connections, so that each breaks about every jitterTear, until ctx ends,
// and returns how many.
func tearSome(ctx context.Context, members []*crowd.Member) (n int) {
	tick := time.NewTicker(jitterTear / time.Duration(len(members)))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return n
		case <-tick.C:
		}
		if m := members[rand.N(len(members))]; m.Connected() {
			m.Tear()
			n++
		}
	}
}

// loopback returns the address that the i-th client of a crowd connects from.
func loopback(i int) net.Addr {
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(1+i/addressesPerHost))}
}
