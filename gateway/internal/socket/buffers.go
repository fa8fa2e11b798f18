package socket

import "sync"

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
