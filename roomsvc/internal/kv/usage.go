package kv

import "sync"

// StoredOverhead is what JetStream adds to a value, with its subject and its headers, as
// a generous guess.
const StoredOverhead = 256

// Usage knows how full a bucket is. Its bytes come from the state of the stream and from
// what this instance has added since. The state is read once a second, and sooner when
// this instance has added much: other instances may have added as much.
//
// JetStream refuses every write to a full stream, also one that is smaller than what it
// replaces, and a delete marker is a write. So half of a bucket is a reserve: what grows
// a room or a directory is refused while the bucket holds more than the other half.
// Leaving, ending and sweeping go on, and delete markers expire within a minute.
//
// The zero value is a bucket without a limit. Safe for concurrent use.
type Usage struct {
	Refresh func() // reads the state of the stream soon; nil: nothing does. It must not block.

	mu        sync.Mutex
	bytes     uint64 // when the stream was last looked at
	limit     uint64 // of the stream; 0: none
	added     uint64 // since, by this instance
	exhausted bool   // JetStream took the last write of this instance for too much
	refused   uint64 // operations refused
}

// Observed records the state of the stream. limit is 0 or less for none.
func (u *Usage) Observed(bytes uint64, limit int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.bytes, u.limit, u.added = bytes, uint64(max(limit, 0)), 0
}

// Grew records that the value of a key has grown by n bytes; n may be negative.
func (u *Usage) Grew(n int) {
	if n <= 0 {
		return // what it was is not counted off before the stream says so
	}
	u.mu.Lock()
	before := u.added
	u.added += uint64(n)
	much := u.limit / 16
	look := u.Refresh != nil && u.limit > 0 && before <= much && u.added > much
	u.mu.Unlock()
	if look {
		u.Refresh()
	}
}

// SetExhausted records whether JetStream refused a write for want of space. It reports whether
// that is news.
func (u *Usage) SetExhausted(now bool) (news bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	news = u.exhausted != now
	u.exhausted = now
	return news
}

// Full reports whether nothing in the bucket may grow.
func (u *Usage) Full() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.exhausted || u.limit > 0 && u.bytes+u.added > u.limit/2
}

// CountRefused counts an operation that was refused because the bucket is full.
func (u *Usage) CountRefused() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.refused++
}

// Counts is what a Usage knows at one moment.
type Counts struct {
	Bytes, Limit, Refused uint64
	Exhausted             bool
}

func (u *Usage) Counts() Counts {
	u.mu.Lock()
	defer u.mu.Unlock()
	return Counts{u.bytes + u.added, u.limit, u.refused, u.exhausted}
}
