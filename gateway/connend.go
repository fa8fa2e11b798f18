package gateway

import (
	"io"
	"net"
	"slices"
	"time"

	"p2pconnector/proto"
)

// closeWrite says that nothing more will come, and lets the client read what is
// on its way: closing at once with unread input would throw that away.
func closeWrite(raw net.Conn) {
	if t, ok := raw.(interface{ CloseWrite() error }); ok {
		t.CloseWrite()
	}
}

// Times for which a connection that the client has left is still read before its
// session goes to the next one: what it sent last may wait in the network's buffers.
const (
	readPatience  = 100 * time.Millisecond
	closePatience = 500 * time.Millisecond // after a close frame of ours, which the client answers
)

// readOut waits until all that the client has sent on the connection has been handled,
// or for as long as that may take.
func (c *conn) readOut() {
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

// endRead notes that the reading is over.
func (c *conn) endRead() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.allRead = true
	if c.readOver != nil {
		close(c.readOver)
		c.readOver = nil
	}
}

// readEnded runs once, when the read loop has ended, whatever ended it.
func (c *conn) readEnded() {
	c.endRead()
	code, reason := c.endCode()
	clean := c.peerClosed && (c.peerCode == proto.CloseNormal)
	echoed := c.peerClosed
	if code != 0 || c.peerClosed {
		c.mu.Lock()
		c.closeLocked(code, reason, true)
		c.hangUp = true
		if !c.writing && !c.dead {
			c.closeBy = time.Now().Add(closeTimeout)
			closeWrite(c.raw)
		}
		c.mu.Unlock()
		c.linger()
	}
	c.hang()
	c.parting.Lock()
	defer c.parting.Unlock()
	left := c.remains()
	if echoed {
		left.known = left.sent
	}
	c.g.conns.remove(c)
	c.leave()
	c.logEnd()
	c.session.detach(c, clean, left)
}

// endCode decides which close frame answers the end of reading; 0 is none. What
// the library found comes first: the guard is ahead of it by what it has buffered.
func (c *conn) endCode() (proto.CloseCode, string) {
	said := proto.CloseCode(c.guard.said.Load())
	if c.peerClosed {
		return said, ""
	}
	switch said {
	case proto.CloseProtocolError, proto.CloseInvalidUTF8, proto.CloseTooBig:
		return said, said.Reason()
	}
	if e := c.guard.err; e != nil {
		return e.code, e.reason
	}
	return 0, "" // the network broke
}

// linger reads and drops until the client has closed its side, so that the
// close frame is not lost to a reset.
func (c *conn) linger() {
	c.raw.SetReadDeadline(time.Now().Add(closeTimeout))
	io.Copy(io.Discard, io.LimitReader(c.raw, 1<<20))
}

// remains returns the frames that were never written, and the counts. It waits
// for the writer, which ends since the network is closed; a connection that still
// stands in line has none, and is taken out of it.
func (c *conn) remains() remains {
	c.mu.Lock()
	if c.writing && c.g.writers.claim(c) {
		c.writerEndedLocked()
	}
	if c.writing {
		idle := make(chan struct{})
		c.idle = idle
		c.mu.Unlock()
		<-idle
		c.mu.Lock()
	}
	defer c.mu.Unlock()
	c.freeBigLocked(c.big)
	unsent := c.buf
	if len(c.lost) > 0 {
		unsent = slices.Concat(c.lost, c.buf) // without room to spare: it may wait for long
	}
	c.buf, c.lost = nil, nil
	return c.remainsLocked(unsent)
}

// remains is what a connection leaves behind for the session.
type remains struct {
	unsent      []byte // frames that were never written, with their headers
	tail        []byte // the last that were written
	sent, known uint64 // text frames written, and of them confirmed
}

func (c *conn) remainsLocked(unsent []byte) remains {
	return remains{unsent: unsent, tail: append(c.tail.appendTo(nil), c.current.buf...), sent: c.sent, known: c.known}
}
