package gateway

import "sync"

// Outbound buffers are pooled, so that an idle connection holds none.
const (
	bufferBytes     = 2 << 10
	maxPooledBuffer = 64 << 10
)

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, bufferBytes); return &b }}

func takeBuffer() []byte { return (*buffers.Get().(*[]byte))[:0] }

func giveBuffer(b []byte) {
	if cap(b) >= bufferBytes && cap(b) <= maxPooledBuffer {
		b = b[:0]
		buffers.Put(&b)
	}
}
