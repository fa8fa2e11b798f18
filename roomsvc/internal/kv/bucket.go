// Package kv is the port to the buckets that hold all state of the room service: what it
// expects of a key-value store, in five methods. Package store is the adapter to JetStream,
// package kvtest a fake with the faults of a real bucket.
//
// A bucket is changed by compare-and-set alone. A key's revision grows with each write, and
// a write names the revision that it replaces, 0 for none. So any number of instances may
// write, and whoever was second learns it.
package kv

import (
	"context"
	"errors"
	"time"
)

// CallTimeout bounds one call to a bucket. The outcome of a call that takes longer is
// unknown.
const CallTimeout = 2 * time.Second

// Errors of a bucket's methods. Any other error of a write leaves open whether the write
// took, or will take, effect.
var (
	ErrConflict = errors.New("the key has another revision")                   // another writer was first, or may have been
	ErrBehind   = errors.New("the replica that was read is behind")            // what was read may be old
	ErrTooLarge = errors.New("the value is larger than the NATS server takes") // and ever will
	ErrFull     = errors.New("JetStream has no space left")                    // the write had no effect
)

// Record is what a bucket holds under a key.
type Record struct {
	Revision uint64 // 0: nothing
	Value    []byte
	Deleted  bool // a delete marker; value is its tombstone
	Latest   bool // it was the key's latest at some moment of the call that returned it
}

// Bucket keeps values under keys. Its methods are safe for concurrent use, and bounded by
// their contexts.
type Bucket interface {
	// Read returns what the key holds, or, unless the record says Latest, what it held a
	// while ago.
	Read(ctx context.Context, key string) (Record, error)
	// Write sets the key's value if its revision is still expected, and returns the new one.
	Write(ctx context.Context, key string, value []byte, expected uint64) (uint64, error)
	// Remove replaces the value by a delete marker in the same way. The marker
	// expires after a while.
	Remove(ctx context.Context, key string, tombstone []byte, expected uint64) (uint64, error)
	// Confirm returns nil when revision was the key's latest at some moment
	// between call and return.
	Confirm(ctx context.Context, key string, revision uint64) error
}

// BatchBucket is a Bucket that reads many keys in one pass.
type BatchBucket interface {
	Bucket
	// ReadLatest returns the records of keys, each the key's latest at one moment between
	// call and return. A key that is not in found has no record if complete is true, and
	// may have been overwritten meanwhile if it is not.
	ReadLatest(ctx context.Context, keys []string) (found map[string]Record, complete bool, err error)
}
