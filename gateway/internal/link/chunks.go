package link

import "slices"

// Bytes of a chunk: at first, and on a busy link.
const (
	minChunk = 2 << 10
	maxChunk = 64 << 10
)

// maxSpare bounds the chunks that wait to be used again. A receiver acknowledges after
// ackBytes, so an ack frees about one chunk of a busy link.
const maxSpare = 4

// chunks holds the bytes of the frames in a window. Frames leave a window in the order in
// which they came, so the oldest chunk is free when its last frame has left. The zero chunks
// is empty.
type chunks struct {
	newest []byte  // takes the next frame
	full   []chunk // oldest first
	spare  [][]byte
}

type chunk struct {
	bytes []byte
	upto  uint64 // number of its last frame
}

// add copies the bytes of frame number seq, and returns the copy.
func (c *chunks) add(seq uint64, data []byte) []byte {
	if cap(c.newest)-len(c.newest) < len(data) {
		if len(c.newest) > 0 {
			c.full = append(c.full, chunk{c.newest, seq - 1})
		}
		c.newest = c.take(len(data))
	}
	from := len(c.newest)
	c.newest = append(c.newest, data...)
	return c.newest[from:len(c.newest):len(c.newest)]
}

// take returns a chunk with room for n bytes.
func (c *chunks) take(n int) []byte {
	if last := len(c.spare) - 1; last >= 0 && cap(c.spare[last]) >= n {
		b := c.spare[last][:0]
		c.spare = c.spare[:last]
		return b
	}
	return make([]byte, 0, max(min(max(2*cap(c.newest), minChunk), maxChunk), n))
}

// free frees the bytes of all frames below number base: frames that are added later
// overwrite them.
func (c *chunks) free(base uint64) {
	for len(c.full) > 0 && c.full[0].upto < base {
		if b := c.full[0].bytes; cap(b) == maxChunk && len(c.spare) < maxSpare {
			c.spare = append(c.spare, b)
		}
		c.full = slices.Delete(c.full, 0, 1)
	}
}
