package membudget

import "sync/atomic"

// Kind is what a buffer is for.
type Kind int

// The kinds of buffers, in the order in which they are refused.
const (
	Retransmit Kind = iota // frames that were written, until the client confirms them
	Large                  // single frames above the bound of a queue
	Replay                 // frames for clients that are away
	Queue                  // frames that wait for the client's network
	Requests               // frames from the client that wait for its earlier room requests
)

// kinds lists the name of each kind, its bound, in sixteenths of the budget, and the part of
// what is left that one buffer may hold. Retransmit has its bound for itself. All other kinds
// together may use the bound of the kind whose buffer grows.
var kinds = [...]struct {
	name  string
	bound int64
	part  int64
}{
	Retransmit: {"retransmit", 4, 256},
	Large:      {"large", 9, 1},
	Replay:     {"replay", 9, 256},
	Queue:      {"queue", 10, 256},
	Requests:   {"requests", 10, 256},
}

// unit is what the bounds count.
const unit = 16

// minShare is what one buffer may hold in any case while the budget lasts, in bytes.
const minShare = 4 << 10

// Kinds returns all kinds.
func Kinds() []Kind { return []Kind{Retransmit, Large, Replay, Queue, Requests} }

// String returns the kind's name, as in the metrics.
func (k Kind) String() string { return kinds[k].name }

// Budget counts the bytes of all buffers. Make it with New. Its methods may be called
// concurrently, and take no lock.
type Budget struct {
	limit   int64 // of all kinds together, and of pending handshakes
	used    [len(kinds)]atomic.Int64
	refused [len(kinds)]atomic.Uint64
	shed    [len(kinds)]atomic.Uint64
}

// New returns an unused budget of limit bytes.
func New(limit int64) *Budget { return &Budget{limit: limit} }

// PendingBytes returns the bytes of a budget of limit bytes that pending handshakes may use.
func PendingBytes(limit int64) int64 { return limit / 8 }

// Reserve takes n bytes for a buffer of kind k that has reserved held bytes before. It
// returns false, and takes none, when they are not left, or when the buffer would hold more
// than its share.
func (b *Budget) Reserve(k Kind, held, n int) bool {
	b.used[k].Add(int64(n))
	left := b.left(k) + int64(n)
	if int64(n) > left || int64(held)+int64(n) > max(left/kinds[k].part, minShare) {
		b.used[k].Add(-int64(n))
		b.refused[k].Add(1)
		return false
	}
	return true
}

// Take takes n bytes whether they are left or not, for a buffer that is emptied at once.
func (b *Budget) Take(k Kind, n int) { b.used[k].Add(int64(n)) }

// Short reports whether more than the bound for kind k is in use, which Take allows.
func (b *Budget) Short(k Kind) bool { return b.left(k) < 0 }

// Release returns n bytes that Reserve or Take took.
func (b *Budget) Release(k Kind, n int) { b.used[k].Add(-int64(n)) }

// left returns the bytes that are left for buffers of kind k. Bytes are added before they
// are compared, so concurrent callers cannot exceed the bound together.
func (b *Budget) left(k Kind) int64 {
	used := b.Used(Retransmit)
	if k != Retransmit {
		used = b.shared()
	}
	return b.limit/unit*kinds[k].bound - used
}

// shared returns the bytes of the buffers that share their part of the budget: all but those
// of kind Retransmit.
func (b *Budget) shared() (n int64) {
	for k := range b.used {
		if Kind(k) != Retransmit {
			n += b.used[k].Load()
		}
	}
	return n
}

// Limit returns the budget in bytes.
func (b *Budget) Limit() int64 { return b.limit }

// Used returns the bytes that buffers of kind k hold.
func (b *Budget) Used(k Kind) int64 { return b.used[k].Load() }

// Refused returns how often a buffer of kind k did not get the bytes that it asked for.
func (b *Budget) Refused(k Kind) uint64 { return b.refused[k].Load() }
