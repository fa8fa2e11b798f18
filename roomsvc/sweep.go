package roomsvc

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/kv"
	"p2pconnector/roomsvc/internal/metrics"
)

const (
	tickInterval = 500 * time.Millisecond
	scanInterval = time.Minute // between passes that look for gateways unknown to this instance
	scanTimeout  = 30 * time.Second
	sweepJitter  = 500 * time.Millisecond // keeps the instances from all sweeping at once
	maxSweeping  = 64                     // rooms swept at the same time, and sessions, and names
)

// errUnswept reports that a room, a session or a name could not be swept this time.
var errUnswept = errors.New("some rooms, sessions or names could not be written")

// sweeper removes what dead gateways left. Any number of instances may sweep the
// same rooms: the second one finds nothing to do.
type sweeper struct {
	leases  *leases
	log     *slog.Logger
	metrics *metrics.Metrics
	reach   func(context.Context) error                                        // nil when JetStream takes writes
	scan    func(context.Context, func(key string, rec kv.Record) error) error // all rooms
	submit  func(room proto.RoomID, gone []proto.GatewayID, done func(ok bool))

	scanSessions func(context.Context, func(key string, rec kv.Record) error) error // all entries of the directory
	endSession   func(r *bus.SessionRequest, done func(ok bool))

	scanNames   func(context.Context, func(key string, rec kv.Record) error) error // all entries of the directory of names
	releaseName func(r *bus.NameRequest, done func(ok bool))
}

// run sweeps until ctx ends.
func (s *sweeper) run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { every(ctx, tickInterval, s.leases.tick) }) // in its own goroutine, because a pass may take long
	note := s.leases.find                                     // on the first pass
	var next time.Time
	every(ctx, tickInterval, func() {
		if now := s.leases.now(); !now.Before(next) {
			if err := s.pass(ctx, nil, note); err == nil {
				note, next = s.leases.notice, now.Add(scanInterval+rand.N(scanInterval/4))
			} else if ctx.Err() == nil {
				s.log.Warn("could not search rooms, sessions and names for dead gateways; trying again", "err", err)
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

// sweep removes the members of dead gateways. First it makes sure that this
// instance is not cut off itself: JetStream must take a write, and no lease of
// those gateways may arrive for a while after that.
func (s *sweeper) sweep(ctx context.Context) {
	if s.leases.suspects() {
		if err := s.reach(ctx); err != nil {
			s.leases.refresh()
			s.log.Debug("sweep skipped: JetStream does not answer", "err", err)
			return
		}
		s.leases.prove()
	}
	gone := s.leases.gone(rand.N(sweepJitter))
	if len(gone) == 0 {
		return
	}
	if err := s.pass(ctx, gone, s.leases.notice); err != nil {
		if ctx.Err() == nil {
			s.log.Warn("sweep not finished; trying again", "err", err)
		}
		return
	}
	s.leases.forget(gone)
	for _, g := range gone {
		s.log.Info("gateway is dead; removed its members from their rooms", "gateway", string(g))
	}
}

// pass reads every room, every session and every name once, notes each gateway that
// serves a member, a session or the peer of a name, and removes those of the gateways in
// gone that are still dead.
func (s *sweeper) pass(ctx context.Context, gone []proto.GatewayID, note func(proto.GatewayID)) error {
	ctx, cancel := context.WithTimeout(ctx, scanTimeout)
	defer cancel()
	s.metrics.Sweeps.Passes.Add(1)
	others := make(chan error, 2)
	go func() { others <- s.passSessions(ctx, gone, note) }()
	go func() { others <- s.passNames(ctx, gone, note) }()
	err := s.passRooms(ctx, gone, note)
	return errors.Join(err, <-others, <-others)
}

func (s *sweeper) passRooms(ctx context.Context, gone []proto.GatewayID, note func(proto.GatewayID)) error {
	work := newSweep()
	err := s.scan(ctx, func(key string, rec kv.Record) error {
		room, err := bus.RoomFromToken(key)
		if err != nil || rec.Deleted {
			return nil
		}
		held := holders(rec.Value)
		for _, g := range held {
			note(g)
		}
		still := s.intersect(gone, held)
		if len(still) == 0 {
			return nil
		}
		return work.begin(ctx, func(done func(bool)) { s.submit(room, still, done) })
	})
	return work.end(err)
}

// sweep tracks the removals that one pass has submitted.
type sweep struct {
	slots  chan struct{}
	wg     sync.WaitGroup
	failed atomic.Bool
}

func newSweep() *sweep { return &sweep{slots: make(chan struct{}, maxSweeping)} }

// begin waits for a slot and calls submit. submit sees to it that done is
// called once, by any goroutine, when the removal has ended.
func (w *sweep) begin(ctx context.Context, submit func(done func(ok bool))) error {
	select {
	case w.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	w.wg.Add(1)
	submit(func(ok bool) {
		if !ok {
			w.failed.Store(true)
		}
		<-w.slots
		w.wg.Done()
	})
	return nil
}

// end waits for all removals that begin has submitted. err is the error of the
// pass.
func (w *sweep) end(err error) error {
	w.wg.Wait()
	if err == nil && w.failed.Load() {
		return errUnswept
	}
	return err
}

// intersect returns the gateways in gone that are in held too and are still dead.
func (s *sweeper) intersect(gone, held []proto.GatewayID) []proto.GatewayID {
	if len(gone) == 0 || !slices.ContainsFunc(held, func(g proto.GatewayID) bool { return slices.Contains(gone, g) }) {
		return nil
	}
	var still []proto.GatewayID
	for _, g := range s.leases.gone(0) {
		if slices.Contains(gone, g) && slices.Contains(held, g) {
			still = append(still, g)
		}
	}
	return still
}

// holders returns the gateways that serve a member of the room in value, each
// once.
func holders(value []byte) []proto.GatewayID {
	var room struct {
		Members []struct {
			ID      proto.PeerID    `json:"id"`
			Gateway proto.GatewayID `json:"gw"`
		} `json:"members"`
	}
	if json.Unmarshal(value, &room) != nil {
		return nil // reported when the room is next used
	}
	seen := make(map[proto.GatewayID]struct{}, 4)
	var list []proto.GatewayID
	for _, m := range room.Members {
		member := bus.Member{ID: m.ID, Gateway: m.Gateway}
		g := member.Owner()
		if _, ok := seen[g]; !ok {
			seen[g] = struct{}{}
			list = append(list, g)
		}
	}
	return list
}
