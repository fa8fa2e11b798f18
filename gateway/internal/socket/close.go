package socket

import (
	"io"
	"time"

	"p2pconnector/proto"
)

// Close queues a close frame; with code 0 the frame has no code. With mute, messages that
// the client still sends are ignored.
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
	c.closing, c.closed, c.why = true, code, reason
	c.closeBy = time.Now().Add(writeTimeout)
	c.server.cfg.Closed(code)
}

// slowLocked closes the connection of a client that does not read. The client has a last
// chance to read the queue, and gets nothing more.
func (c *Conn) slowLocked() {
	if c.closing {
		return
	}
	c.server.cfg.SlowClient()
	c.written.clear() // the queue is all the memory that it may use; the client learns that frames are lost
	c.closeLocked(proto.CloseTryAgain, proto.CloseTryAgain.Reason(), true)
	c.closeBy = time.Now().Add(closeTimeout)
}

// Shed closes the connection of a client that does not read, because memory is short.
func (c *Conn) Shed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.dead {
		c.slowLocked()
	}
}

// Abort closes the network, which ends the reader.
func (c *Conn) Abort() {
	c.mu.Lock()
	c.dead = true
	c.mu.Unlock()
	c.raw().Close()
}

// CloseCode returns the code of the close frame that was queued, or 0 when there is none.
func (c *Conn) CloseCode() proto.CloseCode {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// CloseReason returns the reason of the close frame that was queued, or "".
func (c *Conn) CloseReason() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.why
}

// Times for which AwaitRead waits: the last bytes from the client may be in the network's
// buffers.
const (
	readPatience  = 100 * time.Millisecond
	closePatience = 500 * time.Millisecond // after a close frame of ours, which the client answers
)

// AwaitRead waits until all that the client has sent on the connection has been handled,
// at most half a second. With ping it pings the client, whose answer tells which frames it has
// got: a browser gives it also for a page that is gone and has not handled them.
func (c *Conn) AwaitRead(ping bool) {
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
	if ping {
		c.pingLocked(c.server.now())
	}
	c.mu.Unlock()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-over:
	case <-late.C:
	}
}

// AllRead reports whether all that the client has sent has been handled.
func (c *Conn) AllRead() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.allRead
}

// endRead records that the reading is over.
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
// with the right close frame, waits a moment until the client has received it, and closes
// the network. It reports whether the client has left for good: the client closed with
// proto.CloseNormal, and not in answer to a close frame from the server.
func (c *Conn) Finish() (left bool) {
	c.endRead()
	code, reason := c.endCode()
	c.clientFirst = c.peerClosed && !c.closedFirst()
	left = c.clientFirst && c.peerCode == proto.CloseNormal
	if code != 0 || c.peerClosed {
		c.answerClose(code, reason)
		c.linger()
	}
	c.Abort()
	return left
}

// ClosedByClient reports whether the client closed the connection, with whatever code, and
// not in answer to a close frame from the server. It may be called after Finish.
func (c *Conn) ClosedByClient() bool { return c.clientFirst }

// answerClose queues the last close frame, unless there is one already, and makes the
// writer close the network for writing after that frame.
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
// is only an answer, whatever its code. Some clients answer any code with 1000.
func (c *Conn) closedFirst() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closing
}

// endCode returns the code of the close frame that answers the end of reading; 0 is none.
// An error of the library comes first, because the validator has checked bytes that the
// library has not read yet.
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

// linger reads and drops input until the client has closed its side, so that a reset does
// not destroy the close frame.
func (c *Conn) linger() {
	c.raw().SetReadDeadline(time.Now().Add(closeTimeout))
	io.Copy(io.Discard, io.LimitReader(c.raw(), 1<<20))
}

// Remains is what a connection leaves behind for the client's next connection. Frames
// include their headers; Texts splits them.
type Remains struct {
	Unsent          [][]byte // buffers of frames that were never written, oldest first
	Unconfirmed     []byte   // the last frames that were written, oldest first, as far as they are kept
	Sent, Confirmed uint64   // text frames written, and of them confirmed
}

// Remains returns what the connection leaves behind. Call it once, after Finish. It waits
// for a running write, which ends because the network is closed, and removes the connection
// from the write queue if it is still there.
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
	left := c.remainsLocked()
	if c.peerClosed { // the client had received everything before it closed
		left.Confirmed = left.Sent
	}
	return left
}

// CloseAndTake closes the connection, whose client is elsewhere now, and takes the waiting
// frames from it. Unlike Remains it does not wait for a running write: the frames in that
// write count as sent.
func (c *Conn) CloseAndTake(code proto.CloseCode) Remains {
	c.mu.Lock()
	defer c.mu.Unlock()
	left := c.remainsLocked()
	c.closeLocked(code, code.Reason(), true)
	c.closeBy = time.Now().Add(closeTimeout)
	return left
}

// remainsLocked takes the frames that wait from the connection.
func (c *Conn) remainsLocked() Remains {
	unsent := appendUnsent(c.unwritten, c.buf, cap(c.buf))
	c.buf, c.frames, c.unwritten = nil, 0, nil
	left := Remains{Unsent: unsent, Unconfirmed: append(c.written.appendTo(nil), c.current.buf...), Sent: c.sent, Confirmed: c.confirmed}
	c.written.clear()
	c.releaseLocked()
	return left
}
