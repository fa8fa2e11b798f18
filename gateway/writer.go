package gateway

import (
	"encoding/binary"
	"slices"
	"time"
)

// appendFrame appends an unmasked, final WebSocket frame.
func appendFrame(dst []byte, op byte, payload []byte) []byte {
	dst = append(dst, 0x80|op)
	switch n := len(payload); {
	case n <= 125:
		dst = append(dst, byte(n))
	case n <= 0xffff:
		dst = binary.BigEndian.AppendUint16(append(dst, 126), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, 127), uint64(n))
	}
	return append(dst, payload...)
}

// cutFrame takes the first frame of b, which holds whole frames only.
func cutFrame(b []byte) (op byte, payload, rest []byte) {
	op, size := frameSize(b)
	return op, b[headerSize(b):size], b[size:]
}

// frameSize reads the header of a frame that appendFrame made.
func frameSize(b []byte) (op byte, size int) {
	n := int(b[1])
	switch n {
	case 126:
		n = int(binary.BigEndian.Uint16(b[2:]))
	case 127:
		n = int(binary.BigEndian.Uint64(b[2:]))
	}
	return b[0] & 0x0f, headerSize(b) + n
}

func headerSize(b []byte) int {
	switch b[1] {
	case 126:
		return 4
	case 127:
		return 10
	}
	return 2
}

// sentBatch is what one system call wrote: whole frames, with their headers.
type sentBatch struct {
	buf    []byte
	frames int // text frames in buf
	big    int // bytes of buf that are one frame above the queue's bound
}

// write writes batch, of which done bytes are out already, and all that comes
// meanwhile. It runs while the network does not take more at once.
func (c *conn) write(batch sentBatch, done int) {
	for ok := true; ok; {
		n, err := c.raw.Write(batch.buf[done:])
		if err != nil {
			c.writeFailed(batch, done+n)
			return
		}
		if done = 0; !c.wrote(batch) || c.direct != nil {
			return
		}
		batch, ok = c.takeBatch()
	}
}

// writeAlone is the writer of a connection that cannot stand in line.
func (c *conn) writeAlone() {
	if batch, ok := c.takeBatch(); ok {
		c.write(batch, 0)
	}
}

// takeBatch takes all that waits, for one system call. ok is false when there is
// nothing, or nothing can be written any more: the writing has ended.
func (c *conn) takeBatch() (batch sentBatch, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	batch = sentBatch{buf: c.buf, frames: c.frames, big: c.bigWaits}
	c.buf, c.frames, c.bigWaits = nil, 0, 0
	if c.dead {
		c.lost = slices.Concat(c.lost, batch.buf)
		c.writerEndedLocked()
		return sentBatch{}, false
	}
	c.wroteAt = c.g.coarse.Load()
	c.sent += uint64(batch.frames)
	c.inflight, c.current = len(batch.buf), batch
	return batch, true
}

// wrote notes that a batch is out, and reports whether more waits: then the
// connection is in line again, if it can be. Otherwise the writing has ended.
func (c *conn) wrote(batch sentBatch) (more bool) {
	c.mu.Lock()
	c.freeBigLocked(batch.big)
	c.tail.add(batch.buf, batch.frames)
	c.inflight, c.current = 0, sentBatch{}
	c.wroteAt = c.g.coarse.Load()
	hangUp := false
	more = len(c.buf) > 0 && !c.dead
	switch {
	case !more:
		hangUp = c.restLocked()
	case c.direct != nil:
		c.g.writers.add(c)
	}
	c.mu.Unlock()
	giveBuffer(batch.buf)
	if hangUp {
		closeWrite(c.raw)
	}
	return more
}

// restLocked ends the writer. It reports whether the close frame is out and the
// network is to be closed for writing.
func (c *conn) restLocked() bool {
	c.writerEndedLocked()
	if !c.closing || c.dead {
		return false
	}
	c.closeBy = time.Now().Add(closeTimeout)
	return c.hangUp
}

// writeFailed keeps what was not written whole, for the session's next
// connection, and closes the network, which ends the reader.
func (c *conn) writeFailed(sent sentBatch, n int) {
	batch := sent.buf
	rest := batch
	for len(rest) > 0 && len(batch)-len(rest) < n {
		_, _, after := cutFrame(rest)
		if len(batch)-len(after) > n {
			break
		}
		rest = after
	}
	unsent := countText(rest)
	c.mu.Lock()
	c.sent -= uint64(unsent)
	c.lost = slices.Concat(rest, c.buf)
	c.tail.add(batch[:len(batch)-len(rest)], sent.frames-unsent)
	c.buf, c.frames = nil, 0
	c.dead = true
	c.writerEndedLocked()
	c.mu.Unlock()
	c.raw.Close()
}

func countText(b []byte) (n int) {
	for len(b) > 0 {
		var op byte
		if op, _, b = cutFrame(b); op == opText {
			n++
		}
	}
	return n
}

// writerEndedLocked notes that no writer runs.
func (c *conn) writerEndedLocked() {
	c.g.conns.wg.Done()
	c.writing, c.inflight, c.current = false, 0, sentBatch{}
	if c.idle != nil {
		close(c.idle)
		c.idle = nil
	}
}
