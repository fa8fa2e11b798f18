package socket

import (
	"slices"
	"sync"
)

// Sizes of outbound buffers, which are pooled so that an idle connection holds none.
const (
	bufferBytes     = 2 << 10
	maxPooledBuffer = 64 << 10
	smallBuffer     = 64 // for a ping alone: every connection may be pinged at once
)

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, bufferBytes); return &b }}

// takeBuffer returns an empty buffer with room for at least n bytes.
func takeBuffer(n int) []byte {
	if n <= smallBuffer {
		return make([]byte, 0, smallBuffer)
	}
	return (*buffers.Get().(*[]byte))[:0]
}

func giveBuffer(b []byte) {
	if cap(b) >= bufferBytes && cap(b) <= maxPooledBuffer {
		b = b[:0]
		buffers.Put(&b)
	}
}

// appendUnsent appends b, which holds whole frames that nobody writes any more, to buffers.
// They may wait for long for the client's next connection. The frames stay where they are,
// because the queue is all the memory that a client may use; only where most of the pinned
// bytes, the whole buffer that b is in, are unused does a copy take less.
func appendUnsent(buffers [][]byte, b []byte, pinned int) [][]byte {
	switch {
	case len(b) == 0:
		return buffers
	case len(b) < pinned/2:
		b = slices.Clip(slices.Clone(b))
	}
	return append(buffers, b)
}
