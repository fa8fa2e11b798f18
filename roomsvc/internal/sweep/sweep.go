package sweep

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"p2pconnector/proto"
	"p2pconnector/roomsvc/internal/kv"
	"p2pconnector/roomsvc/internal/metrics"
)

const (
	tickInterval = 500 * time.Millisecond
	scanInterval = time.Minute // between passes that look for gateways unknown to this instance
	scanTimeout  = 30 * time.Second
	sweepJitter  = 500 * time.Millisecond // keeps the instances from all sweeping at once
	maxRemovals  = 64                     // at the same time, in each part
)

// errUnfinished reports that something could not be removed this time.
var errUnfinished = errors.New("some entries could not be written")

// Part is one bucket, as the sweeper sees it.
type Part struct {
	// Scan calls f with every record.
	Scan func(ctx context.Context, f func(key string, rec kv.Record) error) error
	// Left returns the gateways that the record names, and how to remove what those of them
	// that are in dead have left. remove calls done once, by any goroutine, when that has
	// ended. It removes nothing that has been changed by then so that it names another
	// gateway.
	Left func(key string, rec kv.Record) (owners []proto.GatewayID, remove func(dead []proto.GatewayID, done func(ok bool)))
}

// Sweeper removes what dead gateways left. Any number of instances may sweep the same
// buckets: the second one finds nothing to do. Its fields are set before Run.
type Sweeper struct {
	Leases  *Leases
	Log     *slog.Logger
	Metrics *metrics.Metrics
	Reach   func(context.Context) error // nil when JetStream takes writes
	Parts   []Part
}

// Run sweeps until ctx ends.
func (s *Sweeper) Run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { every(ctx, tickInterval, s.Leases.tick) }) // in its own goroutine, because a pass may take long
	note := s.Leases.noticeFromStart                          // on the first pass
	var next time.Time
	every(ctx, tickInterval, func() {
		if now := s.Leases.now(); !now.Before(next) {
			if err := s.pass(ctx, nil, note); err == nil {
				note, next = s.Leases.Notice, now.Add(scanInterval+rand.N(scanInterval/4))
			} else if ctx.Err() == nil {
				s.Log.Warn("could not search the buckets for dead gateways; trying again", "err", err)
				next = now.Add(2 * time.Second)
			}
		}
		s.sweep(ctx)
	})
}

// every calls f at once and then every d until ctx ends.
func every(ctx context.Context, d time.Duration, f func()) {
	t := time.NewTicker(d)
	defer t.Stop()
	for ctx.Err() == nil {
		f()
		select {
		case <-t.C:
		case <-ctx.Done():
		}
	}
}

// sweep removes what dead gateways left. First it makes sure that this instance is not cut
// off itself: JetStream must take a write, and no lease of those gateways may arrive for a
// while after that.
func (s *Sweeper) sweep(ctx context.Context) {
	if s.Leases.suspects() {
		if err := s.Reach(ctx); err != nil {
			s.Leases.refresh()
			s.Log.Debug("sweep skipped: JetStream does not answer", "err", err)
			return
		}
		s.Leases.reached()
	}
	dead := s.Leases.dead(rand.N(sweepJitter))
	if len(dead) == 0 {
		return
	}
	if err := s.pass(ctx, dead, s.Leases.Notice); err != nil {
		if ctx.Err() == nil {
			s.Log.Warn("sweep not finished; trying again", "err", err)
		}
		return
	}
	s.Leases.forget(dead)
	for _, g := range dead {
		s.Log.Info("gateway is dead; removed its members, sessions and names", "gateway", string(g))
	}
}

// pass reads every record of every part once, notes each gateway that one names, and removes
// what those in dead left that are still dead.
func (s *Sweeper) pass(ctx context.Context, dead []proto.GatewayID, note func(proto.GatewayID)) error {
	ctx, cancel := context.WithTimeout(ctx, scanTimeout)
	defer cancel()
	s.Metrics.Sweeps.Passes.Add(1)
	var wg sync.WaitGroup
	errs := make([]error, len(s.Parts))
	for i := range s.Parts {
		wg.Go(func() { errs[i] = s.passPart(ctx, &s.Parts[i], dead, note) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (s *Sweeper) passPart(ctx context.Context, p *Part, dead []proto.GatewayID, note func(proto.GatewayID)) error {
	work := &removals{slots: make(chan struct{}, maxRemovals)}
	err := p.Scan(ctx, func(key string, rec kv.Record) error {
		owners, remove := p.Left(key, rec)
		for _, g := range owners {
			note(g)
		}
		if still := s.stillDead(dead, owners); len(still) > 0 {
			return work.begin(ctx, func(done func(bool)) { remove(still, done) })
		}
		return nil
	})
	return work.wait(err)
}

// stillDead returns the gateways that are in dead and in owners, and still dead.
func (s *Sweeper) stillDead(dead, owners []proto.GatewayID) (still []proto.GatewayID) {
	if len(dead) == 0 {
		return nil
	}
	for _, g := range owners {
		if slices.Contains(dead, g) && s.Leases.isDead(g) {
			still = append(still, g)
		}
	}
	return still
}

// removals tracks what one pass removes.
type removals struct {
	slots  chan struct{}
	wg     sync.WaitGroup
	failed atomic.Bool
}

// begin waits for a slot and calls remove, which calls done when it has ended.
func (w *removals) begin(ctx context.Context, remove func(done func(ok bool))) error {
	select {
	case w.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	w.wg.Add(1)
	remove(func(ok bool) {
		if !ok {
			w.failed.Store(true)
		}
		<-w.slots
		w.wg.Done()
	})
	return nil
}

// wait waits for all removals that have begun. err is the error of the scan.
func (w *removals) wait(err error) error {
	w.wg.Wait()
	if err == nil && w.failed.Load() {
		return errUnfinished
	}
	return err
}
