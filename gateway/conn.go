package gateway

import (
	"encoding/binary"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"p2pconnector/proto"
)

// Bounds and times of one connection.
const (
	maxQueueBytes  = 256 << 10 // outbound, what is being written included
	maxQueueFrames = 1024
	maxHeader      = 10               // of a frame, in bytes
	maxBigBytes    = 256 << 20        // of frames above maxQueueBytes, all connections together
	heartbeat      = 15 * time.Second // between the server's pings
	idleTimeout    = 40 * time.Second // nothing read, not even a pong
	writeTimeout   = 10 * time.Second // one write without progress
	closeTimeout   = 2 * time.Second  // for the last bytes and the client's echo
	confirmAfter   = 2 * time.Second  // quiet time after which frames sent are confirmed by a ping
)

// WebSocket opcodes that the server sends.
const (
	opText  = 0x1
	opClose = 0x8
	opPing  = 0x9
	opPong  = 0xa
)

// conn is one WebSocket. receive, control, ponged and readEnded belong to its
// reader; enqueue and close may be called by anyone; a writer runs only while
// there is something to write.
type conn struct {
	g      *Gateway
	raw    net.Conn
	direct syscall.RawConn // raw, without waiting; nil when it has no such way
	guard  *guard
	delta  bool // wants changes in place of full lists

	// Owned by the reader.
	session    *session
	era        uint64 // of session, when this became its connection
	first      bool   // no frame has been read yet
	meter      meter
	began      int64        // when the frame in hand was read, if it is timed
	lastTo     proto.PeerID // whom its last relay over NATS was for
	peerClosed bool         // the client sent a close frame
	peerCode   proto.CloseCode

	busy     atomic.Bool            // a frame is being handled: the reader does not listen
	access   atomic.Pointer[access] // what its token allows; nil: everything
	leave    func()                 // gives its place in the admission back
	nextPing atomic.Int64           // Unix nanoseconds; used by the sweep
	parting  sync.Mutex             // held while what the connection leaves behind goes to its session

	mu       sync.Mutex
	buf      []byte          // frames that wait, headers included
	frames   int             // in buf
	big      int             // bytes of a frame that is larger than the queue, until it is written
	bigWaits int             // of them, in buf
	inflight int             // bytes being written
	writing  bool            // a writer runs
	closing  bool            // a close frame is queued: nothing may follow
	closed   proto.CloseCode // of the close frame that was queued
	mute     bool            // frames from the client are ignored
	hangUp   bool            // close the network when all is written
	dead     bool            // the network is closed
	sent     uint64          // text frames written, all of them on this connection
	pinged   uint64          // value of sent in the last ping
	known    uint64          // value of sent in the last pong
	wroteAt  int64           // when the writer last began or ended a write: coarse, Unix nanoseconds
	closeBy  time.Time       // when the network is closed at the latest
	lost     []byte          // frames not written when a write failed
	idle     chan struct{}   // closed by the writer when it ends; nil when nobody waits
	allRead  bool            // nothing more will be read, or nobody waits for it any more
	readOver chan struct{}   // closed then; nil when nobody waits
	current  sentBatch       // being written
	tail     tail            // written, not confirmed by the client yet

	// Place in the line of those that have something to write; guarded by its lock.
	before, behind *conn
	inLine         bool
}

func newConn(g *Gateway, raw net.Conn, gd *guard, delta bool) *conn {
	c := &conn{g: g, raw: raw, direct: gd.intake.rc, guard: gd, delta: delta, first: true}
	c.nextPing.Store(g.coarse.Load() + int64(heartbeat))
	return c
}

// verdict is what became of a frame.
type verdict int

const (
	handed    verdict = iota // to the connection, or kept for it
	pressed                  // the same, and the writer should get a turn before the next one
	full                     // the queue has no room
	gone                     // no such connection or session
	elsewhere                // another gateway holds the session
)

// enqueue queues a text frame.
func (c *conn) enqueue(payload []byte) verdict {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing || c.dead {
		return gone
	}
	if c.frames >= maxQueueFrames || len(c.buf)+c.inflight-c.big+len(payload)+maxHeader > maxQueueBytes && !c.admitBigLocked(len(payload)) {
		c.slowLocked()
		return full
	}
	c.appendLocked(opText, payload)
	c.frames++
	c.g.stats.frameOut(payload)
	if c.inflight == 0 && (c.frames >= maxQueueFrames/4 || len(c.buf) >= maxQueueBytes/4) {
		return pressed // the writer has not had a turn yet: the peer may be fast
	}
	return handed
}

// admitBigLocked makes room for a frame that no queue could hold: the full list
// of a very big room, which would close all who join it. A connection may have
// one at a time, and all together no more than maxBigBytes, read or not.
func (c *conn) admitBigLocked(n int) bool {
	if n+maxHeader <= maxQueueBytes || c.big > 0 {
		return false
	}
	if c.g.bigBytes.Add(int64(n)) > maxBigBytes {
		c.g.bigBytes.Add(-int64(n))
		return false
	}
	c.big, c.bigWaits = n, n
	return true
}

// freeBigLocked gives the room of n such bytes back.
func (c *conn) freeBigLocked(n int) {
	c.big -= n
	c.g.bigBytes.Add(-int64(n))
}

// control queues a control frame, unless the queue is full of them.
func (c *conn) control(op byte, payload []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing || c.dead || len(c.buf)+c.inflight-c.big+len(payload) > maxQueueBytes {
		return
	}
	c.appendLocked(op, payload)
}

func (c *conn) appendLocked(op byte, payload []byte) {
	if c.buf == nil {
		c.buf = takeBuffer(len(payload) + maxHeader)
	}
	c.growLocked(len(payload) + maxHeader)
	c.buf = appendFrame(c.buf, op, payload)
	if !c.writing {
		c.writing = true
		c.wroteAt = c.g.coarse.Load()
		c.g.conns.wg.Add(1)
		if c.direct != nil {
			c.g.writers.add(c)
		} else {
			go c.writeAlone()
		}
	}
}

// growLocked makes room for n bytes more, with some to spare: but what the buffer
// could hold counts as what it does, so not beyond the queue's bound.
func (c *conn) growLocked(n int) {
	need := len(c.buf) + n
	if need <= cap(c.buf) {
		return
	}
	var grown []byte
	if need <= bufferBytes {
		grown = append(takeBuffer(bufferBytes), c.buf...)
	} else {
		room := max(need, min(cap(c.buf)+cap(c.buf)/2, maxQueueBytes-cap(c.current.buf)))
		grown = append(make([]byte, 0, room), c.buf...)
	}
	giveBuffer(c.buf)
	c.buf = grown
}

// close queues a close frame. With mute, what the client still sends is ignored.
func (c *conn) close(code proto.CloseCode, reason string, mute bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closeLocked(code, reason, mute)
}

func (c *conn) closeLocked(code proto.CloseCode, reason string, mute bool) {
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
	c.g.stats.closed(code)
}

// slowLocked gives a peer that does not read a last chance to take what waits,
// and no more.
func (c *conn) slowLocked() {
	if c.closing {
		return
	}
	c.g.stats.slowPeers.Add(1)
	c.tail.clear() // what waits is all that it may cost; it is told that something is lost
	c.closeLocked(proto.CloseTryAgain, proto.CloseTryAgain.Reason(), true)
	c.closeBy = time.Now().Add(closeTimeout)
}

// hang closes the network. The reader notices.
func (c *conn) hang() {
	c.mu.Lock()
	c.dead = true
	c.mu.Unlock()
	c.raw.Close()
}

// ponged notes what the client has confirmed.
func (c *conn) ponged(payload []byte) {
	if len(payload) != 8 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := binary.BigEndian.Uint64(payload); n <= c.sent && n > c.known {
		c.known = n
		c.tail.confirm(c.sent - n)
	}
}

// sweep looks after the connection once a second.
func (c *conn) sweep(now time.Time) {
	ns := now.UnixNano()
	if !c.busy.Load() { // otherwise it is the server that keeps the client waiting
		if ns-c.guard.lastRead.Load() > int64(idleTimeout) {
			c.g.stats.idleClosed.Add(1)
			c.hang()
			return
		}
		if began := c.guard.beganAt.Load(); began != 0 && ns-began > int64(maxMessageTime) {
			c.close(proto.ClosePolicy, "a message took longer than 10 seconds", true)
		}
	}
	if c.expired(now) {
		c.close(proto.CloseToken, proto.CloseToken.Reason(), true)
	}
	c.mu.Lock()
	stuck := c.writing && ns-c.wroteAt > int64(writeTimeout)
	late := !c.closeBy.IsZero() && now.After(c.closeBy)
	confirm := !c.writing && c.sent+uint64(c.frames) > c.pinged && ns-c.wroteAt > int64(confirmAfter)
	if !stuck && !late && (confirm || ns > c.nextPing.Load()) {
		c.nextPing.Store(ns + int64(heartbeat))
		c.pinged = c.sent + uint64(c.frames)
		if !c.closing && !c.dead {
			var b [8]byte
			binary.BigEndian.PutUint64(b[:], c.sent+uint64(c.frames))
			c.appendLocked(opPing, b[:])
		}
	}
	c.mu.Unlock()
	if stuck || late {
		c.hang()
	}
}

// panicked reports a fault of our own while a frame was handled.
func (c *conn) panicked(p any, stack []byte) {
	c.g.stats.panics.Add(1)
	c.g.log.Error("panic while handling a frame", "peer", string(c.session.id), "err", p, "stack", string(stack))
	c.close(proto.CloseInternal, proto.CloseInternal.Reason(), true)
}
