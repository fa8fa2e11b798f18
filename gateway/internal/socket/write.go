package socket

import (
	"runtime"
	"time"
)

// batch holds the bytes that one system call writes: whole frames, with their headers.
type batch struct {
	buf    []byte
	frames int // text frames in buf
	large  int // bytes of buf that are one frame above the queue's bound
	shares shares
}

// write writes b, of which done bytes are written already, and waits for the network. For a
// connection that cannot be in the write queue it also writes all that is queued in the
// meantime.
func (c *Conn) write(b batch, done int) {
	for ok := true; ok; {
		n, err := c.raw().Write(b.buf[done:])
		if err != nil {
			c.writeFailed(b, done+n)
			return
		}
		if done = 0; !c.wrote(b) || c.nonblocking() != nil {
			return
		}
		b, ok = c.takeBatch()
	}
}

// writeAlone is the writer of a connection that cannot be in the write queue.
func (c *Conn) writeAlone() {
	if b, ok := c.takeBatch(); ok {
		c.write(b, 0)
	}
}

// writeOnce writes the queued frames with one system call. If the network does not accept
// everything at once, a goroutine for this connection writes the rest.
func (c *Conn) writeOnce(w *rawWriter) {
	b, ok := c.takeBatch()
	if !ok {
		return
	}
	n, err := w.write(c.nonblocking(), b.buf)
	switch {
	case err != nil:
		c.writeFailed(b, n)
	case n < len(b.buf):
		c.block()
		go c.write(b, n)
	default:
		c.wrote(b)
	}
}

// block records that the network does not accept more at once.
func (c *Conn) block() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.blocked = true
	c.endTurnLocked()
}

// endTurnLocked releases the goroutines that wait for a write.
func (c *Conn) endTurnLocked() {
	if c.turnOver != nil {
		close(c.turnOver)
		c.turnOver = nil
	}
}

// takeBatch takes all queued frames, for one system call. ok is false when there are none,
// or nothing can be written any more: then the writing has ended.
func (c *Conn) takeBatch() (b batch, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b = batch{buf: c.buf, frames: c.frames, large: c.largeWaits, shares: c.shares}
	c.buf, c.frames, c.largeWaits, c.shares = nil, 0, 0, nil
	if c.dead {
		c.unwritten = appendUnsent(c.unwritten, b.buf, cap(b.buf))
		c.endWritingLocked()
		return batch{}, false
	}
	c.wroteAt = c.server.now()
	c.sent += uint64(b.frames)
	c.inflight, c.current = len(b.buf), b
	return b, true
}

// wrote records that a batch is written, and reports whether more is queued: then the
// connection is in the write queue again, if it can be. Otherwise the writing has ended.
func (c *Conn) wrote(b batch) (more bool) {
	c.mu.Lock()
	c.freeLargeLocked(b.large)
	c.written.add(b.buf, b.frames)
	c.inflight, c.current, c.blocked = 0, batch{}, false
	c.releaseLocked()
	c.endTurnLocked()
	c.wroteAt = c.server.now()
	hangUp := false
	more = len(c.buf) > 0 && !c.dead
	switch {
	case !more:
		hangUp = c.allWrittenLocked()
	case c.nonblocking() != nil:
		c.server.queue.add(c)
	}
	c.mu.Unlock()
	giveBuffer(b.buf)
	if hangUp {
		closeWrite(c.raw())
	}
	return more
}

// allWrittenLocked ends the writing. It reports whether the close frame is written and the
// caller must close the network for writing.
func (c *Conn) allWrittenLocked() (hangUp bool) {
	c.endWritingLocked()
	if !c.closing || c.dead {
		return false
	}
	c.closeBy = time.Now().Add(closeTimeout)
	return c.hangUp
}

// writeFailed keeps the frames that were not written completely, for the client's next
// connection, and closes the network, which ends the reader. n bytes of b were written.
func (c *Conn) writeFailed(b batch, n int) {
	rest := b.buf
	for len(rest) > 0 && len(b.buf)-len(rest) < n {
		_, _, after := cutFrame(rest)
		if len(b.buf)-len(after) > n {
			break
		}
		rest = after
	}
	unsent := countTexts(rest)
	c.mu.Lock()
	c.sent -= uint64(unsent)
	c.unwritten = appendUnsent(appendUnsent(nil, rest, cap(b.buf)), c.buf, cap(c.buf))
	c.written.add(b.buf[:len(b.buf)-len(rest)], b.frames-unsent)
	c.buf, c.frames = nil, 0
	c.dead = true
	c.endWritingLocked()
	c.mu.Unlock()
	c.raw().Close()
}

// endWritingLocked records that the writing has ended.
func (c *Conn) endWritingLocked() {
	c.server.writes.Done()
	c.writing, c.inflight, c.current, c.blocked = false, 0, batch{}, false
	c.endTurnLocked()
	if c.idle != nil {
		close(c.idle)
		c.idle = nil
	}
}

// Flush writes the queued frames now. It is for a connection to which many frames are sent
// at once. It does not wait for the network. It does wait for a goroutine that has taken the
// connection from the write queue; that goroutine's system call does not wait either.
func (c *Conn) Flush() {
	if c.nonblocking() == nil {
		runtime.Gosched() // the connection has a writer of its own
		return
	}
	c.mu.Lock()
	var over chan struct{}
	ours := c.server.queue.remove(c)
	if !ours && c.writing && !c.blocked {
		if c.turnOver == nil {
			c.turnOver = make(chan struct{})
		}
		over = c.turnOver
	}
	c.mu.Unlock()
	switch {
	case ours:
		w := takeRawWriter()
		defer w.give()
		c.writeOnce(w)
	case over != nil:
		<-over
	}
}
