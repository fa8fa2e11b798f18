package ratelimit

import (
	"container/list"
	"net/netip"
	"sync"
	"time"

	"p2pconnector/gateway/internal/clock"
)

// MaxAddresses bounds the addresses that an Addresses remembers. Each costs about 200
// bytes.
const MaxAddresses = 1 << 16

// Addresses is a table with a token bucket for each address. An address whose bucket is
// full again needs no entry, so Addresses forgets addresses that have been quiet. When too
// many are busy at once, it forgets the address that has been quiet for longest. A nil
// *Addresses has no limit. Safe for concurrent use.
type Addresses struct {
	// Fixed after NewAddresses.
	most     int
	interval time.Duration // in which a bucket gets one token
	depth    time.Duration // how far ahead of the clock an address may be: the burst as a duration

	mu      sync.Mutex
	entries map[netip.Addr]*list.Element // of *addressUse
	order   list.List                    // of *addressUse, quiet for longest first
	evicted uint64                       // forgotten before their buckets were full again
}

// addressUse is the bucket of one address, as the generic cell rate algorithm keeps it:
// each token taken moves full one interval into the future.
type addressUse struct {
	addr netip.Addr
	full clock.Instant // when the bucket is full again
}

// NewAddresses returns buckets of size l, or nil when l is no limit.
func NewAddresses(l Limit) *Addresses {
	if l.PerSecond <= 0 {
		return nil
	}
	interval := time.Second / time.Duration(l.PerSecond)
	return &Addresses{
		most: MaxAddresses, interval: interval, depth: time.Duration(l.Burst-1) * interval,
		entries: make(map[netip.Addr]*list.Element),
	}
}

// Take takes a token from the bucket of addr. It returns false when there is none.
func (a *Addresses) Take(addr netip.Addr) bool {
	if a == nil {
		return true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	now := clock.Now()
	u := a.useLocked(addr, now)
	if u.full.Sub(now) > a.depth {
		return false
	}
	u.full = max(u.full, now).Add(a.interval)
	return true
}

// Empty reports whether Take would get no token for addr. It changes nothing.
func (a *Addresses) Empty(addr netip.Addr) bool {
	if a == nil {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.entries[addr]
	return e != nil && e.Value.(*addressUse).full.Sub(clock.Now()) > a.depth
}

// Owe records that the bucket of addr will not be full before full. With Owed, it is for a
// user that keeps its own buckets and leaves what is missing in them to the address.
func (a *Addresses) Owe(addr netip.Addr, full clock.Instant) {
	now := clock.Now()
	if a == nil || full <= now {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	u := a.useLocked(addr, now)
	u.full = max(u.full, full)
}

// Owed returns when the bucket of addr is full again: a moment that has passed if it is.
func (a *Addresses) Owed(addr netip.Addr) clock.Instant {
	if a == nil {
		return 0
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if e := a.entries[addr]; e != nil {
		return e.Value.(*addressUse).full
	}
	return 0
}

// useLocked returns the entry of addr and marks it as used last. For a new entry it makes
// room.
func (a *Addresses) useLocked(addr netip.Addr, now clock.Instant) *addressUse {
	if e := a.entries[addr]; e != nil {
		a.order.MoveToBack(e)
		return e.Value.(*addressUse)
	}
	// Forget two for each that is added: the table shrinks to the busy addresses.
	for range 2 {
		if e := a.order.Front(); e != nil && e.Value.(*addressUse).full <= now {
			a.forgetLocked(e)
		}
	}
	if a.order.Len() >= a.most {
		a.forgetLocked(a.order.Front())
		a.evicted++
	}
	u := &addressUse{addr: addr, full: now}
	a.entries[addr] = a.order.PushBack(u)
	return u
}

func (a *Addresses) forgetLocked(e *list.Element) {
	delete(a.entries, a.order.Remove(e).(*addressUse).addr)
}

// Counts returns the number of addresses that are remembered, and the number that were
// forgotten so far before their buckets were full again.
func (a *Addresses) Counts() (remembered int, evicted uint64) {
	if a == nil {
		return 0, 0
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.order.Len(), a.evicted
}
