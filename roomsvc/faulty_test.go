package roomsvc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"testing"

	"p2pconnector/proto/service"
	"p2pconnector/roomsvc/internal/kv"
)

// faults break a service on purpose, so that the chaos tests can show that their checker
// detects it. Each puts a faulty bucket before those of a service that is yet to run.
var faults = map[string]func(*Service){
	"ack-before-commit": func(s *Service) {
		s.roomBucket = &eagerBucket{Bucket: s.roomStore, last: make(map[string]*eagerWrite)}
	},
	"no-revision-check": func(s *Service) {
		s.roomBucket, s.sessionBucket, s.nameBucket = overwritingBucket{s.roomStore}, overwritingBucket{s.sessionStore}, overwritingBucket{s.nameStore}
	},
}

// TestMain runs the tests, or a service with one of the faults when the arguments begin with
// "faulty" and its name; the service's own arguments follow.
func TestMain(m *testing.M) {
	if len(os.Args) < 3 || os.Args[1] != "faulty" {
		os.Exit(m.Run())
	}
	inject, ok := faults[os.Args[2]]
	if !ok {
		fmt.Fprintf(os.Stderr, "roomsvc: no fault is named %q\n", os.Args[2])
		os.Exit(2)
	}
	os.Args = append(os.Args[:1], os.Args[3:]...)
	var cfg Config
	program := service.Program{
		Name: "roomsvc", About: "roomsvc with a fault", Flags: cfg.Flags,
		New: func(log *slog.Logger) (service.Runner, error) {
			cfg.Logger = log
			s, err := New(cfg)
			if err == nil {
				inject(s)
			}
			return s, err
		},
	}
	program.Main()
}

// overwritingBucket leaves out the revision check: it repeats a write that conflicts, with
// the revision that is there.
type overwritingBucket struct{ kv.BatchBucket }

func (b overwritingBucket) Write(ctx context.Context, key string, value []byte, expected uint64) (uint64, error) {
	return b.overwrite(ctx, key, value, expected, b.BatchBucket.Write)
}

func (b overwritingBucket) Remove(ctx context.Context, key string, value []byte, expected uint64) (uint64, error) {
	return b.overwrite(ctx, key, value, expected, b.BatchBucket.Remove)
}

// change is the type of a bucket's methods write and remove.
type change = func(ctx context.Context, key string, value []byte, expected uint64) (uint64, error)

func (b overwritingBucket) overwrite(ctx context.Context, key string, value []byte, expected uint64, do change) (uint64, error) {
	for {
		revision, err := do(ctx, key, value, expected)
		if !errors.Is(err, kv.ErrConflict) {
			return revision, err
		}
		rec, err := b.Read(ctx, key)
		if err != nil {
			return 0, err
		}
		expected = rec.Revision
	}
}

// eagerBucket acknowledges a write before it commits: when the write fails, or the process
// dies, what was acknowledged is lost. All other calls for the key wait until the write has
// ended.
type eagerBucket struct {
	kv.Bucket

	mu   sync.Mutex
	last map[string]*eagerWrite // of each key
}

// eagerWrite is a write that was acknowledged.
type eagerWrite struct {
	acked uint64 // the revision that the writer got, which is a guess

	done     chan struct{} // closed when the write has ended
	revision uint64        // set before done is closed, as err is
	err      error
}

func (b *eagerBucket) Write(ctx context.Context, key string, value []byte, expected uint64) (uint64, error) {
	return b.ackFirst(ctx, key, value, expected, b.Bucket.Write)
}

func (b *eagerBucket) Remove(ctx context.Context, key string, value []byte, expected uint64) (uint64, error) {
	return b.ackFirst(ctx, key, value, expected, b.Bucket.Remove)
}

func (b *eagerBucket) Read(ctx context.Context, key string) (kv.Record, error) {
	if _, err := b.ended(ctx, key); err != nil {
		return kv.Record{}, err
	}
	return b.Bucket.Read(ctx, key)
}

func (b *eagerBucket) Confirm(ctx context.Context, key string, revision uint64) error {
	revision, err := b.real(ctx, key, revision)
	if err != nil {
		return err
	}
	return b.Bucket.Confirm(ctx, key, revision)
}

func (b *eagerBucket) ackFirst(ctx context.Context, key string, value []byte, expected uint64, do change) (uint64, error) {
	expected, err := b.real(ctx, key, expected)
	if err != nil {
		return 0, err
	}
	w := &eagerWrite{acked: expected + 1, done: make(chan struct{})}
	b.mu.Lock()
	b.last[key] = w
	b.mu.Unlock()
	ctx = context.WithoutCancel(ctx) // the caller's ends with the acknowledgement
	go func() {
		defer close(w.done)
		ctx, cancel := context.WithTimeout(ctx, kv.CallTimeout)
		defer cancel()
		w.revision, w.err = do(ctx, key, value, expected)
	}()
	return w.acked, nil
}

// real returns the true revision for one that was a guess. A guess whose write failed
// conflicts.
func (b *eagerBucket) real(ctx context.Context, key string, revision uint64) (uint64, error) {
	w, err := b.ended(ctx, key)
	switch {
	case err != nil:
		return 0, err
	case w == nil || w.acked != revision:
		return revision, nil
	case w.err != nil:
		return 0, kv.ErrConflict
	}
	return w.revision, nil
}

// ended waits until the last write of key has ended and returns it; nil when there was none.
func (b *eagerBucket) ended(ctx context.Context, key string) (*eagerWrite, error) {
	b.mu.Lock()
	w := b.last[key]
	b.mu.Unlock()
	if w == nil {
		return nil, nil
	}
	select {
	case <-w.done:
		return w, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
