// Package replay keeps frames for clients that are away. Each client has a [Buffer], and
// all buffers of a gateway share one [Budget], so that clients who stay away cannot take
// all its memory.
package replay

import (
	"sync/atomic"

	"p2pconnector/proto"
)

// MaxBytes bounds what a Budget gives out.
const MaxBytes = 512 << 20

// Budget counts the bytes that wait for all clients together. The zero Budget is unused;
// its methods may be called concurrently.
type Budget struct{ used atomic.Int64 }

// Reserve takes n bytes. It reports false, and takes none, when less is left.
func (b *Budget) Reserve(n int) bool {
	if b.used.Add(int64(n)) > MaxBytes {
		b.Release(n)
		return false
	}
	return true
}

// Release gives n bytes back that Reserve took.
func (b *Budget) Release(n int) { b.used.Add(-int64(n)) }

// Used returns how many bytes are taken.
func (b *Budget) Used() int64 { return b.used.Load() }

// Buffer holds frames for one client, oldest first: at most proto.ReplayFrames and
// proto.ReplayBytes. The zero Buffer is empty. It belongs to one goroutine at a time; all
// its methods are given the same Budget.
type Buffer struct {
	frames [][]byte
	bytes  int
}

// Frames returns the frames, which stay in the buffer.
func (b *Buffer) Frames() [][]byte { return b.frames }

// Add appends a frame and keeps it. It reports false when there is no room.
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
