package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"p2pconnector/roomsvc/internal/kv"
)

const (
	checkInterval = time.Second     // between two checks of the buckets
	writeInterval = 5 * time.Second // between two writes to a replicated bucket, at most
	// downAfter is how long JetStream must fail before rooms count as unchangeable.
	// A leader that died is replaced within 8 s, and requests wait for longer than that.
	downAfter = 10 * time.Second
)

// Buckets holds all buckets of the service. It makes each bucket that is missing,
// at the start and whenever JetStream has lost it, and knows whether the buckets
// can be written.
type Buckets struct {
	list []*Bucket // fixed
	log  *slog.Logger
	kick chan struct{} // requests a check at once

	checks outage // of checking the buckets
	writes outage // of writing to any of them
}

// Config describes a bucket.
type Config struct {
	Name         string
	MaxBytes     int64         // that it may hold; JetStream may grant less
	TombstoneTTL time.Duration // how long what Remove writes stays; 0 is a minute
}

// New returns the buckets of these descriptions, yet to be opened. Each one asks
// JetStream for no more than the one before it got, so a small one comes last.
func New(log *slog.Logger, list ...Config) *Buckets {
	b := &Buckets{log: log, kick: make(chan struct{}, 1)}
	for _, cfg := range list {
		b.list = append(b.list, &Bucket{
			bucketName: cfg.Name, maxBytes: cfg.MaxBytes, tombstoneTTL: cfg.TombstoneTTL,
			log: log, wrote: b.writes.note, absent: b.checkSoon, usage: kv.Usage{Refresh: b.checkSoon},
		})
	}
	return b
}

// All returns the buckets in the order of their descriptions.
func (b *Buckets) All() []*Bucket { return b.list }

// Open makes the buckets. It tries until JetStream is ready or ctx ends. When JetStream has
// not granted a bucket all of its bytes, the next one asks for half as many: the servers of a
// cluster grant too much when two streams are made in a short time.
func (b *Buckets) Open(ctx context.Context, nc *nats.Conn, replicas int) error {
	granted := int64(0) // to the bucket before; 0: all
	for _, s := range b.list {
		if granted > 0 {
			wanted := s.maxBytes
			if s.maxBytes = min(wanted, max(granted/2, MinBytes)); s.maxBytes < wanted {
				b.log.Warn("JetStream has less storage than the buckets may use; asking for a part of it",
					"bucket", s.bucketName, "want", wanted, "bytes", s.maxBytes)
			}
		}
		for try := 0; ; try++ {
			err := bounded(ctx, func(ctx context.Context) error { return s.open(ctx, nc, replicas) })
			if err == nil {
				break
			}
			if ctx.Err() != nil {
				return err
			}
			if try%50 == 0 { // about every 15 s
				b.log.Warn("waiting for JetStream", "bucket", s.bucketName, "err", err)
			}
			select {
			case <-time.After(300 * time.Millisecond):
			case <-ctx.Done():
			}
		}
		if got := int64(s.usage.Counts().Limit); got > 0 && got < s.maxBytes {
			granted = got
		} else if granted > 0 {
			granted = s.maxBytes
		}
	}
	return nil
}

// bounded calls f with a context that ends after the time that one check of a
// bucket may take.
func bounded(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return f(ctx)
}

// Watch checks the buckets until ctx ends. connected reports whether there is a
// connection to NATS: failures without one say nothing about JetStream.
func (b *Buckets) Watch(ctx context.Context, connected func() bool) {
	tick := time.NewTicker(checkInterval)
	defer tick.Stop()
	reported := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-b.kick:
		}
		if err := b.Down(); err != nil && !reported {
			b.log.Error("rooms cannot be changed", "err", err)
			reported = true
		} else if err == nil && reported {
			b.log.Info("rooms can be changed again")
			reported = false
		}
		if !connected() {
			b.checks.note(nil)
			b.writes.note(nil)
			continue
		}
		began := time.Now()
		if err := b.check(ctx); ctx.Err() == nil {
			b.checks.noteSince(began, err)
		}
	}
}

// check makes the buckets that are gone, and reads how full all are. It tries a write when
// the last one failed, and from time to time when it found no space.
// When the bucket is replicated it also tries one from time to time, because there may
// be no other writes: a leader without a majority goes on answering reads, and only
// its writes fail.
func (b *Buckets) check(ctx context.Context) error {
	var errs []error
	for _, s := range b.list {
		newest := s.newest.Load()
		if err := bounded(ctx, s.Ensure); err != nil {
			errs = append(errs, err)
		} else {
			errs = append(errs, s.wentBack(newest))
		}
	}
	if err := errors.Join(errs...); err != nil {
		b.log.Debug("buckets cannot be reached", "err", err)
		return err
	}
	replicated := b.list[0].replicas.Load() > 1
	for _, s := range b.list {
		if s.usage.Counts().Exhausted && (!replicated || b.writes.quiet() > writeInterval) {
			_ = bounded(ctx, s.Reach) // recorded by usage
		}
	}
	if b.writes.failing() || replicated && b.writes.quiet() > writeInterval {
		_ = bounded(ctx, b.list[0].Reach) // noted by wrote
	}
	return nil
}

// checkSoon makes watch check the buckets at once.
func (b *Buckets) checkSoon() {
	select {
	case b.kick <- struct{}{}:
	default:
	}
}

// Down returns why rooms cannot be changed, or nil.
func (b *Buckets) Down() error {
	for _, o := range []*outage{&b.checks, &b.writes} {
		if err := o.longer(downAfter); err != nil {
			return err
		}
	}
	return nil
}

// outage records a time in which every try failed. The zero value means that no
// try has failed. Safe for concurrent use.
type outage struct {
	mu    sync.Mutex
	since time.Time // zero: the last try succeeded
	tried time.Time // when the last try ended
	err   error     // of the last try
}

// note records the result of a try that has just ended.
func (o *outage) note(err error) { o.noteSince(time.Now(), err) }

// noteSince records the result of a try that started at began and has just
// ended.
func (o *outage) noteSince(began time.Time, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err, o.tried = err, time.Now()
	if err == nil {
		o.since = time.Time{}
	} else if o.since.IsZero() {
		o.since = began
	}
}

func (o *outage) failing() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err != nil
}

// quiet returns the time since the last try.
func (o *outage) quiet() time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	return time.Since(o.tried)
}

// longer returns the last error when the outage has lasted for d, or nil.
func (o *outage) longer(d time.Duration) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil || time.Since(o.since) < d {
		return nil
	}
	return fmt.Errorf("for %v: %w", time.Since(o.since).Round(time.Second), o.err)
}
