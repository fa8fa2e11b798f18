package main

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"time"

	"p2pconnector/e2e/cmd/bench/internal/stats"
	"p2pconnector/e2e/kit/crowd"
	"p2pconnector/proto"
)

// deployRoom is the number of members of each room of the row deploy.
const deployRoom = 10

// deployModes are the ways in which a gateway ends.
var deployModes = []struct {
	name   string
	signal syscall.Signal
}{{"SIGTERM", syscall.SIGTERM}, {"SIGKILL", syscall.SIGKILL}}

func deploySteps(b *bench) int {
	n := 0
	for _, mode := range deployModes {
		if b.wantsCase(deployCase(b.opt.crowd, mode.name)) {
			n++
		}
	}
	return n * b.opt.rounds
}

func deployCase(n int, mode string) string { return fmt.Sprintf("%s clients, %s", grouped(n), mode) }

// deployRow restarts one of two gateways under clients in rooms of ten: half of them move to
// the other gateway.
func deployRow(ctx context.Context, b *bench) error {
	for round := range b.opt.rounds {
		for _, mode := range deployModes {
			kase := deployCase(b.opt.crowd, mode.name)
			if !b.wantsCase(kase) {
				continue
			}
			b.show.step("deploy", kase, ours, round)
			if err := b.deployOnce(ctx, kase, mode.signal); err != nil {
				return fmt.Errorf("%s: %w", kase, err)
			}
		}
	}
	return nil
}

func (b *bench) deployOnce(ctx context.Context, kase string, signal syscall.Signal) error {
	s, err := b.startOurs(ctx, layout{gateways: 2, rooms: 1})
	if err != nil {
		return err
	}
	defer s.stop()
	cr, err := crowd.Dial(ctx, crowd.Config{
		Addrs: s.addrs, N: b.opt.crowd, Target: "/ws", LocalAddr: loopback,
		Room: func(i int) proto.RoomID { return proto.RoomID(fmt.Sprint("deploy-", i/deployRoom)) },
	})
	if err != nil {
		return s.explain(err)
	}
	defer cr.Close()
	cr.Reset() // the joins
	quiet, err := b.control(ctx, cr, func(context.Context) error { return pause(ctx, b.opt.window) })
	if err != nil {
		return err
	}
	moved := b.opt.crowd / 2
	var busy *stats.Hist
	u, err := b.watch(s.procs[:len(s.procs)-1], func() error { // the last gateway ends
		busy, err = b.control(ctx, cr, func(ctx context.Context) error {
			if err := s.procs[len(s.procs)-1].Signal(signal); err != nil {
				return err
			}
			return cr.Await(ctx, func() bool { return len(cr.Report().Absences) >= moved && cr.Connected() == b.opt.crowd })
		})
		return err
	})
	if err != nil {
		return s.explain(err)
	}
	b.putDeploy(kase, cr, quiet, busy, perItem(u.servers, uint64(moved)))
	return nil
}

// control measures how long posts from client 0, whose gateway goes on, take to the other
// members of its room on that gateway, while do runs. Posts of one control follow those of
// another.
func (b *bench) control(ctx context.Context, cr *crowd.Crowd, do func(context.Context) error) (*stats.Hist, error) {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	posting, stop := context.WithCancel(ctx)
	sent := make(chan error, 1)
	go func() {
		_, err := cr.Send(posting, 0, 10*time.Millisecond)
		sent <- err
	}()
	err := do(ctx)
	stop()
	if e := <-sent; err == nil {
		err = e
	}
	if err != nil {
		return nil, err
	}
	h := new(stats.Hist)
	for _, d := range cr.Members()[2].Lateness() {
		h.Add(d)
	}
	cr.Members()[2].Forget()
	return h, nil
}

func (b *bench) putDeploy(kase string, cr *crowd.Crowd, quiet, busy *stats.Hist, cpu float64) {
	r := cr.Report()
	var away, late []time.Duration
	for _, a := range r.Absences {
		away = append(away, a.For)
		late = append(late, a.For-a.Announced)
	}
	slices.Sort(away)
	slices.Sort(late)
	p95 := func(sorted []time.Duration) float64 {
		if len(sorted) == 0 {
			return 0
		}
		return sorted[len(sorted)*95/100].Seconds()
	}
	b.book.add("deploy", kase, ours, "moved", count, float64(len(r.Absences)))
	b.book.add("deploy", kase, ours, "sessions lost", count, float64(r.Fresh+r.Ended))
	b.book.add("deploy", kase, ours, "not recovered", count, float64(r.Unrecovered))
	b.book.add("deploy", kase, ours, "leave notices", count, float64(r.Left))
	b.book.add("deploy", kase, ours, "away p95", "s", p95(away))
	b.book.add("deploy", kase, ours, "late p95", "s", p95(late))
	b.book.add("deploy", kase, ours, "cpu per move", microsec, cpu)
	b.book.add("deploy", kase, ours, "control p99 before", "ms", quiet.Quantile(0.99).Seconds()*1e3)
	b.book.add("deploy", kase, ours, "control p99 meanwhile", "ms", busy.Quantile(0.99).Seconds()*1e3)
}
