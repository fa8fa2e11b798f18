package gateway

import (
	"encoding/binary"
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
	n, head := int(b[1]), 2
	switch n {
	case 126:
		n, head = int(binary.BigEndian.Uint16(b[2:])), 4
	case 127:
		n, head = int(binary.BigEndian.Uint64(b[2:])), 10
	}
	return b[0] & 0x0f, b[head : head+n], b[head+n:]
}

// write takes all that waits into one system call, until nothing waits.
func (c *conn) write() {
	defer c.g.conns.wg.Done()
	var written sentBatch
	for {
		c.mu.Lock()
		c.freeBigLocked(written.big)
		c.tail.add(written)
		batch := sentBatch{buf: c.buf, frames: c.frames, big: c.bigWaits}
		c.buf, c.frames, c.bigWaits, c.inflight, c.current = nil, 0, 0, 0, sentBatch{}
		if c.dead {
			c.lost = append(c.lost, batch.buf...)
			batch = sentBatch{}
		}
		c.wroteAt = c.g.coarse.Load()
		if len(batch.buf) == 0 {
			hangUp := c.restLocked()
			c.mu.Unlock()
			if hangUp {
				closeWrite(c.raw)
			}
			return
		}
		c.sent += uint64(batch.frames)
		c.inflight, c.current = len(batch.buf), batch
		c.mu.Unlock()
		n, err := c.raw.Write(batch.buf)
		if err != nil {
			c.writeFailed(batch, n)
			return
		}
		written = batch
	}
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
	c.lost = append(append([]byte(nil), rest...), c.buf...)
	c.tail.add(sentBatch{buf: batch[:len(batch)-len(rest)], frames: sent.frames - unsent})
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
	c.writing, c.inflight, c.current = false, 0, sentBatch{}
	if c.idle != nil {
		close(c.idle)
		c.idle = nil
	}
}
