package membudget

import (
	"cmp"
	"slices"
)

// Bounds between which buffers are shed, in sixteenths of the budget. Both are below the bounds
// of all kinds that share: otherwise clients that park just as much as is never shed would keep
// a kind of buffers from everybody.
const (
	highWater = 8
	lowWater  = 6
)

// minShed is the size of the smallest buffer that is shed, in bytes: what small buffers have
// their clients need more than others do.
const minShed = 16 << 10

// Buffer is what a client holds in memory, and can be shed.
type Buffer struct {
	Kind   Kind
	Bytes  int
	Drop   func() // gives up the buffers; it reports the frames in them to their senders
	Ending bool   // it is about to be free: it is not shed, and others need not be shed for it
}

// Excess returns how many bytes must be shed now, or 0.
func (b *Budget) Excess() int64 {
	used := b.shared()
	if used <= b.limit/unit*highWater {
		return 0
	}
	return used - b.limit/unit*lowWater
}

// Relieve gives up the largest buffers when all buffers hold too much. Each source appends
// what its clients hold. The owner calls it once a second.
func (b *Budget) Relieve(sources ...func(into []Buffer) []Buffer) {
	excess := b.Excess()
	if excess == 0 {
		return
	}
	var all []Buffer
	for _, list := range sources {
		all = list(all)
	}
	b.Shed(Largest(all, excess))
}

// Largest returns the buffers to shed, largest first, so that they hold excess bytes
// together with those that are ending, as far as there are buffers of 16 KiB or
// more. It sorts all.
func Largest(all []Buffer, excess int64) []Buffer {
	all = slices.DeleteFunc(all, func(x Buffer) bool {
		if x.Ending {
			excess -= int64(x.Bytes)
		}
		return x.Ending
	})
	slices.SortFunc(all, func(a, b Buffer) int { return cmp.Compare(b.Bytes, a.Bytes) })
	for i, x := range all {
		if excess <= 0 || x.Bytes < minShed {
			return all[:i]
		}
		excess -= int64(x.Bytes)
	}
	return all
}

// Shed calls Drop of each buffer, and counts it.
func (b *Budget) Shed(buffers []Buffer) {
	for _, x := range buffers {
		x.Drop()
		b.shed[x.Kind].Add(1)
	}
}

// Sheds returns how many buffers of kind k were shed.
func (b *Budget) Sheds(k Kind) uint64 { return b.shed[k].Load() }
