package roomsvc

import (
	"context"
	"errors"
)

// errConflict reports that another writer was first, or may have been.
var errConflict = errors.New("the key has another revision")

// errBehind reports that what was read may be old.
var errBehind = errors.New("the replica that was read is behind")

// errTooLarge reports that the server will never take a value of this size.
var errTooLarge = errors.New("the value is larger than the NATS server takes")

// errFull reports that JetStream has no space for a write, which had no effect.
var errFull = errors.New("JetStream has no space left")

// bucket keeps values under keys; a room's key is its Token, a session's its
// SessionKey. Its methods are safe for concurrent use and bounded by
// their contexts. Any error but those above leaves open whether a write took
// effect.
type bucket interface {
	// read returns what the key holds. Unless the record is proven, it may be
	// what the key held a while ago.
	read(ctx context.Context, key string) (record, error)
	// write sets the key's value if its revision is still expected, and returns the new one.
	write(ctx context.Context, key string, value []byte, expected uint64) (uint64, error)
	// remove replaces the value by a delete marker in the same way. The marker
	// expires after a while.
	remove(ctx context.Context, key string, tombstone []byte, expected uint64) (uint64, error)
	// confirm returns nil when revision was the key's latest at some moment
	// between call and return.
	confirm(ctx context.Context, key string, revision uint64) error
}
