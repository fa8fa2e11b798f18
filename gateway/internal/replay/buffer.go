// Package replay buffers frames for clients that are away. Each client has a [Buffer], and
// all buffers of a gateway take their bytes from its budget, so that clients that stay away
// cannot use all of its memory.
package replay

import (
	"slices"

	"p2pconnector/gateway/internal/membudget"
)

// Limits bounds the frames that wait for one client.
type Limits struct{ Frames, Bytes int }

// Fits reports whether a frame of n bytes may wait beside others.
func (l Limits) Fits(frames, bytes, n int) bool { return frames < l.Frames && bytes+n <= l.Bytes }

// Buffer holds frames for one client, oldest first. The zero Buffer is empty. It belongs to one
// goroutine at a time. Callers pass the same budget to all its methods.
type Buffer struct {
	frames [][]byte
	bytes  int
	beside int
}

// Beside sets how many bytes of the budget other buffers of the same client have. They count
// when a frame is added, so that a client has one share.
func (b *Buffer) Beside(n int) { b.beside = n }

// Bytes returns the number of bytes in the buffer.
func (b *Buffer) Bytes() int { return b.bytes }

// Frames returns the frames, which stay in the buffer.
func (b *Buffer) Frames() [][]byte { return b.frames }

// Add appends a frame and keeps it. It returns false when there is no room.
func (b *Buffer) Add(budget *membudget.Budget, most Limits, frame []byte) bool {
	if !most.Fits(len(b.frames), b.bytes, len(frame)) || !budget.Reserve(membudget.Replay, b.bytes+b.beside, len(frame)) {
		return false
	}
	b.frames = append(b.frames, frame)
	b.bytes += len(frame)
	return true
}

// Compact copies the frames. Otherwise they keep the whole buffers in memory whose other
// frames found no room, and the budget does not count those.
func (b *Buffer) Compact() {
	for i, f := range b.frames {
		b.frames[i] = slices.Clone(f)
	}
}

// AddAll adds frames until there is no room, and returns the rest.
func (b *Buffer) AddAll(budget *membudget.Budget, most Limits, frames [][]byte) (rest [][]byte) {
	for i, f := range frames {
		if !b.Add(budget, most, f) {
			return frames[i:]
		}
	}
	return nil
}

// Take returns the frames and empties the buffer.
func (b *Buffer) Take(budget *membudget.Budget) [][]byte {
	frames := b.frames
	budget.Release(membudget.Replay, b.bytes)
	*b = Buffer{beside: b.beside}
	return frames
}
