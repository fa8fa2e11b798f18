package socket

import (
	"io"
	"slices"
	"time"

	"p2pconnector/proto"
)

// Close queues a close frame; code 0 is one without a code. With mute, messages that the
// client still sends are ignored.
func (c *Conn) Close(code proto.CloseCode, reason string, mute bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closeLocked(code, reason, mute)
}

func (c *Conn) closeLocked(code proto.CloseCode, reason string, mute bool) {
	c.mute = c.mute || mute
	if c.closing || c.dead {
		return
	}
	var b [125]byte
	payload := b[:0]
	if code != 0 {
		payload = proto.AppendCloseReason(payload, code, reason)
	}
	c.appendLocked(opClose, payload)
	c.closing, c.closed = true, code
	c.closeBy = time.Now().Add(writeTimeout)
	c.server.cfg.Closed(code)
}

// slowLocked gives a client that does not read a last chance to take what waits,
// and no more.
func (c *Conn) slowLocked() {
	if c.closing {
		return
	}
	c.server.cfg.SlowClient()
	c.written.clear() // what waits is all that it may cost; it is told that something is lost
	c.closeLocked(proto.CloseTryAgain, proto.CloseTryAgain.Reason(), true)
	c.closeBy = time.Now().Add(closeTimeout)
}

// Abort closes the network. The reader notices.
func (c *Conn) Abort() {
	c.mu.Lock()
	c.dead = true
	c.mu.Unlock()
	c.raw().Close()
}

// CloseCode returns the code of the close frame that was queued, 0 when there is none.
func (c *Conn) CloseCode() proto.CloseCode {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// Times for which AwaitRead waits: what the client sent last may be in the network's
// buffers.
const (
	readPatience  = 100 * time.Millisecond
	closePatience = 500 * time.Millisecond // after a close frame of ours, which the client answers
)

// AwaitRead waits until all that the client has sent on the connection has been handled,
// but for half a second at most. After that AllRead reports true.
func (c *Conn) AwaitRead() {
	c.mu.Lock()
	if c.allRead {
		c.mu.Unlock()
		return
	}
	if c.readOver == nil {
		c.readOver = make(chan struct{})
	}
	over, patience := c.readOver, readPatience
	if c.closing {
		patience = closePatience
	}
	c.mu.Unlock()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-over:
	case <-late.C:
		c.endRead()
	}
}

// AllRead reports whether all that the client has sent has been handled, or AwaitRead has
// given up waiting for that.
func (c *Conn) AllRead() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.allRead
}

// endRead notes that the reading is over.
func (c *Conn) endRead() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.allRead = true
	if c.readOver != nil {
		close(c.readOver)
		c.readOver = nil
	}
}

// Finish ends a connection that Serve has read to its end, whatever ended it: it answers
// with the close frame that fits, waits a moment until the client has that, and closes the
// network. It reports whether the client has left for good: it has closed with
// proto.CloseNormal, and not in answer to a close frame of the server's.
func (c *Conn) Finish() (left bool) {
	c.endRead()
	code, reason := c.endCode()
	left = c.peerClosed && c.peerCode == proto.CloseNormal && !c.closedFirst()
	if code != 0 || c.peerClosed {
		c.answerClose(code, reason)
		c.linger()
	}
	c.Abort()
	return left
}

// answerClose queues the last close frame, unless there is one, and lets the network be
// closed for writing when that is out.
func (c *Conn) answerClose(code proto.CloseCode, reason string) {
	c.mu.Lock()
	c.closeLocked(code, reason, true)
	c.hangUp = true
	out := !c.writing && !c.dead
	if out {
		c.closeBy = time.Now().Add(closeTimeout)
	}
	c.mu.Unlock()
	if out {
		closeWrite(c.raw())
	}
}

// closedFirst reports whether the server has begun to close: then the client's close frame
// is an answer, and not a good-bye, whatever its code. Some clients answer 1000 to any.
func (c *Conn) closedFirst() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closing
}

// endCode decides which close frame answers the end of reading; 0 is none. What
// the library found comes first: the validator is ahead of it by what it has buffered.
func (c *Conn) endCode() (proto.CloseCode, string) {
	found := proto.CloseCode(c.validator.libraryCode.Load())
	if c.peerClosed {
		return found, ""
	}
	switch found {
	case proto.CloseProtocolError, proto.CloseInvalidUTF8, proto.CloseTooBig:
		return found, found.Reason()
	}
	if e := c.validator.err; e != nil {
		return e.code, e.reason
	}
	return 0, "" // the network broke
}

// linger reads and drops until the client has closed its side, so that the
// close frame is not lost to a reset.
func (c *Conn) linger() {
	c.raw().SetReadDeadline(time.Now().Add(closeTimeout))
	io.Copy(io.Discard, io.LimitReader(c.raw(), 1<<20))
}

// Remains is what a connection leaves behind for the next one of its client. Frames have
// their headers; Texts takes them apart.
type Remains struct {
	Unsent          []byte // frames that were never written
	Unconfirmed     []byte // the last that were written, oldest first, as far as they are kept
	Sent, Confirmed uint64 // text frames written, and of them confirmed
}

// Remains returns what the connection leaves behind after Finish, once. It waits for the
// write that runs, which ends because the network is closed; a connection that still
// stands in the write queue is taken out of it.
func (c *Conn) Remains() Remains {
	c.mu.Lock()
	if c.writing && c.server.queue.remove(c) {
		c.endWritingLocked()
	}
	if c.writing {
		idle := make(chan struct{})
		c.idle = idle
		c.mu.Unlock()
		<-idle
		c.mu.Lock()
	}
	defer c.mu.Unlock()
	c.freeLargeLocked(c.large)
	unsent := c.buf
	if len(c.unwritten) > 0 {
		unsent = slices.Concat(c.unwritten, c.buf) // without room to spare: it may wait for long
	}
	c.buf, c.unwritten = nil, nil
	left := c.remainsLocked(unsent)
	if c.peerClosed { // it had all before it closed
		left.Confirmed = left.Sent
	}
	return left
}

// CloseAndTake closes the connection, whose client is elsewhere, and takes the frames that
// wait away from it. Unlike Remains it does not wait for a write that runs: its frames
// count as sent.
func (c *Conn) CloseAndTake(code proto.CloseCode) Remains {
	c.mu.Lock()
	defer c.mu.Unlock()
	left := c.remainsLocked(append(c.unwritten, c.buf...))
	c.buf, c.frames, c.unwritten = nil, 0, nil
	c.closeLocked(code, code.Reason(), true)
	c.closeBy = time.Now().Add(closeTimeout)
	return left
}

func (c *Conn) remainsLocked(unsent []byte) Remains {
	return Remains{Unsent: unsent, Unconfirmed: append(c.written.appendTo(nil), c.current.buf...), Sent: c.sent, Confirmed: c.confirmed}
}
