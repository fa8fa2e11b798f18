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

// minShed is the size of the smallest holder that is shed, in bytes: what small holders have
// is needed by them more than by others.
const minShed = 16 << 10

// Holder is a client's buffers that can be shed.
type Holder struct {
	Kind  Kind
	Bytes int
	Drop  func() // gives up the buffers; it reports the frames in them to their senders
}

// Excess returns how many bytes must be shed now, or 0.
func (b *Budget) Excess() int64 {
	used := b.shared()
	if used <= b.limit/unit*highWater {
		return 0
	}
	return used - b.limit/unit*lowWater
}

// Largest returns the holders to shed, largest first, so that they hold excess bytes
// together, as far as there are holders of 16 KiB or more. It sorts all.
func Largest(all []Holder, excess int64) []Holder {
	slices.SortFunc(all, func(a, b Holder) int { return cmp.Compare(b.Bytes, a.Bytes) })
	for i, h := range all {
		if excess <= 0 || h.Bytes < minShed {
			return all[:i]
		}
		excess -= int64(h.Bytes)
	}
	return all
}

// Shed calls Drop of each holder, and counts it.
func (b *Budget) Shed(holders []Holder) {
	for _, h := range holders {
		h.Drop()
		b.shed[h.Kind].Add(1)
	}
}

// Sheds returns how many buffers of kind k were shed.
func (b *Budget) Sheds(k Kind) uint64 { return b.shed[k].Load() }
