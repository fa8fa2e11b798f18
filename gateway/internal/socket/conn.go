package socket

import (
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/membudget"
	"p2pconnector/proto"
)

// What a queue takes from the budget of all connections. A small queue takes nothing, so
// that the counters which connections share are not on the path of every frame.
const (
	freeQueueBytes = 4 << 10
	queueStep      = 8 << 10
)

// A Handler handles the messages of a connection. Its methods run on the connection's
// reader, one after the other.
type Handler interface {
	// Message handles a text message. The connection is not read in the meantime. The
	// handler keeps no reference to text.
	Message(text []byte)

	// Panicked reports a panic while the connection was read or a message was handled.
	Panicked(value any, stack []byte)
}

// Conn is one WebSocket. Only its reader calls Serve, Finish and Remains; the other methods
// may be called concurrently. Only the reader's methods and AwaitRead wait for the network.
type Conn struct {
	server *Server

	// Owned by the reader.
	validator   validator // of the network
	library     library
	handler     Handler
	peerClosed  bool // the client sent a close frame
	clientFirst bool // and the server had sent none; set by Finish
	peerCode    proto.CloseCode

	busy     atomic.Bool         // a message is being handled, or reading has ended: nothing is read
	nextPing clock.AtomicInstant // used by Sweep

	mu         sync.Mutex
	buf        []byte           // frames that wait, headers included
	frames     int              // text frames in buf
	shares     shares           // of the peers, in buf
	large      int              // bytes of a frame that is larger than the queue, until it is written
	largeWaits int              // the part of large that is in buf
	inflight   int              // bytes being written
	reserved   int              // bytes of the budget
	writing    bool             // the connection is in the write queue, or is being written
	blocked    bool             // the write waits for the network
	turnOver   chan struct{}    // closed after the next write; nil when no goroutine waits
	closing    bool             // a close frame is queued: nothing may follow
	closed     proto.CloseCode  // of the close frame that was queued
	why        string           // the reason in it
	mute       bool             // messages from the client are ignored
	hangUp     bool             // close the network when all is written
	dead       bool             // the network is closed
	sent       uint64           // text frames written, all of them on this connection
	pinged     uint64           // value of sent in the last ping
	confirmed  uint64           // value of sent in the last pong
	wroteAt    clock.Instant    // when the last write began or ended: coarse
	closeBy    time.Time        // when the network is closed at the latest
	unwritten  [][]byte         // buffers of frames not written when a write failed
	idle       chan struct{}    // closed when writing ends; nil when no goroutine waits
	allRead    bool             // nothing more will be read
	readOver   chan struct{}    // closed when allRead is set; nil when no goroutine waits
	current    batch            // being written
	written    retransmitBuffer // not confirmed by the client yet

	// Place in the write queue; guarded by the queue's lock.
	before, behind *Conn
	queued         bool
}

// init makes c a connection over raw. ahead holds the bytes that were read from raw before.
func (c *Conn) init(s *Server, raw net.Conn, ahead []byte) {
	c.server = s
	c.validator.init(raw, nonblocking(raw), &s.cfg)
	c.validator.ahead = ahead
	c.nextPing.Store(s.now().Add(Heartbeat))
	c.written.budget = s.cfg.Budget
}

// raw returns the underlying network connection.
func (c *Conn) raw() net.Conn { return c.validator.Conn }

// nonblocking returns the raw connection, for reads and writes that do not wait, or nil when
// there is none.
func (c *Conn) nonblocking() syscall.RawConn { return c.validator.reader.rc }

func (s *Server) now() clock.Instant { return s.cfg.Clock.Load() }

// Result is the result of Send and SendFrom.
type Result int

// The results of Send and SendFrom. The first two mean that the text was queued.
const (
	Delivered   Result = iota
	FlushNeeded        // queued, but the writers have not run yet: call Flush before sending more
	QueueFull          // the client does not read, or memory is short; the connection is being closed
	Closed             // the connection is closing or closed
	ShareFull          // the sender has used its share of the queue; only SendFrom returns it
)

// Send queues a text frame. It keeps no reference to text.
func (c *Conn) Send(text []byte) Result {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing || c.dead {
		return Closed
	}
	if c.frames >= c.server.bounds.frames || !c.roomLocked(len(text)+maxHeader) {
		c.slowLocked()
		return QueueFull
	}
	return c.sendLocked(text)
}

// sendLocked queues a text frame for which there is room.
func (c *Conn) sendLocked(text []byte) Result {
	c.appendLocked(opText, text)
	c.frames++
	if c.keepsUpLocked() && (c.frames >= c.server.bounds.frames/4 || len(c.buf) >= c.server.bounds.share || c.reserved > 0 && c.server.cfg.Budget.Short(membudget.Queue)) {
		return FlushNeeded
	}
	return Delivered
}

// keepsUpLocked reports whether the network has accepted all that was written. Then the
// queue waits for one of our writers, which proves nothing about the client.
func (c *Conn) keepsUpLocked() bool {
	return c.inflight == 0 || c.nonblocking() != nil && !c.blocked
}

// roomLocked makes room for a frame of n bytes in the queue.
func (c *Conn) roomLocked(n int) bool {
	held := len(c.buf) + c.inflight - c.large + n
	if held > c.server.bounds.bytes {
		return c.admitLargeLocked(n)
	}
	more := queueShare(held) - c.reserved
	if more <= 0 {
		return true
	}
	if c.keepsUpLocked() {
		c.server.cfg.Budget.Take(membudget.Queue, more) // the client reads: the writers are to write, and then the bytes are free
	} else if !c.server.cfg.Budget.Reserve(membudget.Queue, c.reserved, more) {
		return false
	}
	c.reserved += more
	return true
}

// queueShare returns what a queue with held bytes takes from the budget.
func queueShare(held int) int {
	return max(0, held-freeQueueBytes+queueStep-1) / queueStep * queueStep
}

// releaseLocked gives back what the queue does not need any more of the budget.
func (c *Conn) releaseLocked() {
	if c.reserved == 0 {
		return
	}
	if less := c.reserved - queueShare(len(c.buf)+c.inflight-c.large); less > 0 {
		c.server.cfg.Budget.Release(membudget.Queue, less)
		c.reserved -= less
	}
}

// admitLargeLocked makes room for a frame that no queue could hold: the full list of a
// very big room, which would otherwise close each connection whose client joins. A
// connection may have one such frame at a time. The budget bounds those of all connections,
// whether their clients read or not.
func (c *Conn) admitLargeLocked(n int) bool {
	if n <= c.server.bounds.bytes || c.large > 0 || !c.server.cfg.Budget.Reserve(membudget.Large, 0, n) {
		return false
	}
	c.large, c.largeWaits = n, n
	return true
}

// freeLargeLocked gives n bytes back that admitLargeLocked took.
func (c *Conn) freeLargeLocked(n int) {
	c.large -= n
	c.server.cfg.Budget.Release(membudget.Large, n)
}

// control queues a control frame, unless the queue is full.
func (c *Conn) control(op byte, payload []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing || c.dead || len(c.buf)+c.inflight-c.large+len(payload) > c.server.bounds.bytes {
		return
	}
	c.appendLocked(op, payload)
}

func (c *Conn) appendLocked(op byte, payload []byte) {
	if c.buf == nil {
		c.buf = takeBuffer(len(payload) + maxHeader)
	}
	c.growLocked(len(payload) + maxHeader)
	c.buf = appendFrame(c.buf, op, payload)
	c.startWritingLocked()
}

// startWritingLocked makes a writer write buf.
func (c *Conn) startWritingLocked() {
	if c.writing {
		return
	}
	c.writing = true
	c.wroteAt = c.server.now()
	c.server.writes.Add(1)
	if c.nonblocking() != nil {
		c.server.queue.add(c)
	} else {
		go c.writeAlone()
	}
}

// growLocked makes room for n more bytes, with some to spare. The capacity counts as
// memory in use, so it stays within the queue's bound.
func (c *Conn) growLocked(n int) {
	need := len(c.buf) + n
	if need <= cap(c.buf) {
		return
	}
	var grown []byte
	if need <= bufferBytes {
		grown = append(takeBuffer(bufferBytes), c.buf...)
	} else {
		room := max(need, min(cap(c.buf)+cap(c.buf)/2, c.server.bounds.bytes-cap(c.current.buf)))
		grown = append(make([]byte, 0, room), c.buf...)
	}
	giveBuffer(c.buf)
	c.buf = grown
}

// Muted reports whether messages from the client are ignored because the connection is
// being closed.
func (c *Conn) Muted() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mute
}

// QueuedBytes returns the number of bytes that wait for the client, including those being
// written.
func (c *Conn) QueuedBytes() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.buf) + c.inflight
}

// stalledAfter is the time in which a client reads what one write holds, unless it has
// stopped to read.
const stalledAfter = time.Second

// Backlog returns the bytes that the queue has of the budget because the client does not
// read, a large frame included: 0 when the network accepts what is written. ending reports whether the connection is
// being closed, so that they are free soon.
func (c *Conn) Backlog() (bytes int, ending bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inflight == 0 || c.server.now().Sub(c.wroteAt) < stalledAfter {
		return 0, false
	}
	return c.reserved + c.large, c.closing || c.dead
}

// Sent returns the number of text frames that were written, and how many of these the
// client has confirmed.
func (c *Conn) Sent() (sent, confirmed uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sent, c.confirmed
}
