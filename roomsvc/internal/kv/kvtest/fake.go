// Package kvtest has a bucket for tests: it lives in memory, and shows the faults of a real
// one on demand.
package kvtest

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"p2pconnector/roomsvc/internal/kv"
)

var errDown = errors.New("the fake bucket does not answer")

// Fake is a bucket in memory. Its faults are set before it is used.
type Fake struct {
	mu  sync.Mutex
	old map[string]kv.Record // what each key held before

	// Read them when no call is in progress.
	Seq                     uint64               // the last revision
	Keys                    map[string]kv.Record // what each key holds
	Reads, Writes, Confirms int                  // calls

	// Faults. The functions get the number of the call of its kind, from 1.
	Latency   func() time.Duration
	Down      func() bool      // nothing is done, and no answer comes
	LostAck   func(n int) bool // the write is done, and no answer comes
	Conflict  func(n int) bool // the write reports a conflict that does not exist
	Stale     func(n int) bool // a read returns the record before the last
	NotLatest bool             // no read says that its record is the latest
	Missed    bool             // every record is overwritten while ReadLatest looks
}

// NewFake returns an empty bucket without faults.
func NewFake() *Fake {
	return &Fake{Keys: make(map[string]kv.Record), old: make(map[string]kv.Record)}
}

// wait takes the time of a call. When the bucket is down, it waits until ctx
// ends.
func (b *Fake) wait(ctx context.Context) error {
	if b.Down != nil && b.Down() {
		<-ctx.Done()
		return errDown
	}
	if b.Latency == nil {
		return nil
	}
	select {
	case <-time.After(b.Latency()):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Read implements kv.Bucket.
func (b *Fake) Read(ctx context.Context, key string) (kv.Record, error) {
	if err := b.wait(ctx); err != nil {
		return kv.Record{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.Reads++
	rec := b.Keys[key]
	if b.Stale != nil && b.Stale(b.Reads) {
		rec = b.old[key]
	}
	rec.Latest = !b.NotLatest
	return rec, nil
}

// Write implements kv.Bucket.
func (b *Fake) Write(ctx context.Context, key string, value []byte, expected uint64) (uint64, error) {
	return b.put(ctx, key, kv.Record{Value: value}, expected)
}

// Remove implements kv.Bucket.
func (b *Fake) Remove(ctx context.Context, key string, tombstone []byte, expected uint64) (uint64, error) {
	return b.put(ctx, key, kv.Record{Value: tombstone, Deleted: true}, expected)
}

func (b *Fake) put(ctx context.Context, key string, rec kv.Record, expected uint64) (uint64, error) {
	if err := b.wait(ctx); err != nil {
		return 0, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.Writes++
	n := b.Writes
	if b.Keys[key].Revision != expected || b.Conflict != nil && b.Conflict(n) {
		return 0, kv.ErrConflict
	}
	b.Seq++
	rec.Revision = b.Seq
	b.old[key], b.Keys[key] = b.Keys[key], rec
	if b.LostAck != nil && b.LostAck(n) {
		return 0, errDown
	}
	return b.Seq, nil
}

// Confirm implements kv.Bucket.
func (b *Fake) Confirm(ctx context.Context, key string, revision uint64) error {
	if err := b.wait(ctx); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.Confirms++
	if b.Keys[key].Revision != revision {
		return kv.ErrConflict
	}
	return nil
}

// ReadLatest implements kv.BatchBucket.
func (b *Fake) ReadLatest(ctx context.Context, keys []string) (map[string]kv.Record, bool, error) {
	if err := b.wait(ctx); err != nil {
		return nil, false, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	found := make(map[string]kv.Record)
	for _, k := range keys {
		if rec, ok := b.Keys[k]; ok && !b.Missed {
			found[k] = rec
		}
	}
	return found, !b.Missed, nil
}

// Get returns what the bucket holds under key.
func (b *Fake) Get(key string) kv.Record {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Keys[key]
}

// Forget removes what the bucket holds under key, as the server does with an old marker.
func (b *Fake) Forget(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.Keys, key)
}

// Scan calls f with the record of each of keys, or of every key when keys is nil, without its
// value unless values is set.
func (b *Fake) Scan(ctx context.Context, keys []string, values bool, f func(key string, rec kv.Record) error) error {
	if err := b.wait(ctx); err != nil {
		return err
	}
	b.mu.Lock()
	found := maps.Clone(b.Keys)
	b.mu.Unlock()
	for key, rec := range found {
		if keys != nil && !slices.Contains(keys, key) {
			continue
		}
		if !values {
			rec.Value = nil
		}
		if err := f(key, rec); err != nil {
			return err
		}
	}
	return nil
}

// Ensure does nothing: the fake is never gone.
func (b *Fake) Ensure(ctx context.Context) error { return b.wait(ctx) }
