// Package replay buffers frames for clients that are away. Each client has a [Buffer], and
// all buffers of a gateway share one [Budget], so that clients that stay away cannot use all
// of its memory.
package replay

import (
	"sync/atomic"

	"p2pconnector/proto"
)

// MaxBytes bounds the bytes of a Budget.
const MaxBytes = 512 << 20

// Budget counts the bytes that wait for all clients together. The zero Budget is unused;
// its methods may be called concurrently.
type Budget struct{ used atomic.Int64 }

// Reserve takes n bytes. It returns false, and takes none, when fewer are left.
func (b *Budget) Reserve(n int) bool {
	if b.used.Add(int64(n)) > MaxBytes {
		b.Release(n)
		return false
	}
	return true
}

// Release returns n bytes that Reserve took.
func (b *Budget) Release(n int) { b.used.Add(-int64(n)) }

// Used returns the number of bytes taken.
func (b *Budget) Used() int64 { return b.used.Load() }

// Buffer holds frames for one client, oldest first: at most proto.ReplayFrames frames and
// proto.ReplayBytes bytes. The zero Buffer is empty. It belongs to one goroutine at a time.
// Callers pass the same Budget to all its methods.
type Buffer struct {
	frames [][]byte
	bytes  int
}

// Frames returns the frames, which stay in the buffer.
func (b *Buffer) Frames() [][]byte { return b.frames }

// Add appends a frame and keeps it. It returns false when there is no room.
func (b *Buffer) Add(budget *Budget, frame []byte) bool {
	if len(b.frames) >= proto.ReplayFrames || b.bytes+len(frame) > proto.ReplayBytes || !budget.Reserve(len(frame)) {
		return false
	}
	b.frames = append(b.frames, frame)
	b.bytes += len(frame)
	return true
}

// AddAll adds frames until there is no room, and returns the rest.
func (b *Buffer) AddAll(budget *Budget, frames [][]byte) (rest [][]byte) {
	for i, f := range frames {
		if !b.Add(budget, f) {
			return frames[i:]
		}
	}
	return nil
}

// Take returns the frames and empties the buffer.
func (b *Buffer) Take(budget *Budget) [][]byte {
	frames := b.frames
	budget.Release(b.bytes)
	*b = Buffer{}
	return frames
}
