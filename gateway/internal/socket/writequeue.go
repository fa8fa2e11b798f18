package socket

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// connsPerWriter is the number of connections that may wait for each writing goroutine
// before the queue starts another.
const connsPerWriter = 8

// writeQueue holds the connections that have something to write. A few goroutines take
// them in turn and never wait for the network. Frames sent to a connection while it is in
// the queue are written together, with one system call. Safe for concurrent use.
type writeQueue struct {
	server *Server
	limit  int // the most goroutines that the queue starts

	mu      sync.Mutex
	first   *Conn
	last    *Conn
	length  atomic.Int64 // written under the lock
	writing int          // number of writing goroutines
}

// init sets the limit so that one processor is left for the readers.
func (q *writeQueue) init(s *Server) { q.server, q.limit = s, max(1, runtime.GOMAXPROCS(0)-1) }

// add appends c, which must not be in the queue.
func (q *writeQueue) add(c *Conn) {
	q.mu.Lock()
	defer q.mu.Unlock()
	c.before, c.behind = q.last, nil
	if q.last == nil {
		q.first = c
	} else {
		q.last.behind = c
	}
	q.last = c
	n := q.length.Add(1)
	c.queued = true
	if q.writing < q.limit && n > int64(q.writing*connsPerWriter) {
		q.writing++
		q.server.writes.Go(q.server.runWriter)
	}
}

// enter makes the caller one of the writers: it must call next until that returns nil.
func (q *writeQueue) enter() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.writing++
}

// next removes and returns the first connection; nil ends the caller's writing.
func (q *writeQueue) next() *Conn {
	q.mu.Lock()
	defer q.mu.Unlock()
	c := q.first
	if c == nil {
		q.writing--
		return nil
	}
	q.removeLocked(c)
	q.server.cfg.WriterTurned()
	return c
}

// remove removes c, wherever it is in the queue. It returns false when c is not in the queue.
func (q *writeQueue) remove(c *Conn) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !c.queued {
		return false
	}
	q.removeLocked(c)
	return true
}

func (q *writeQueue) removeLocked(c *Conn) {
	if c.before == nil {
		q.first = c.behind
	} else {
		c.before.behind = c.behind
	}
	if c.behind == nil {
		q.last = c.before
	} else {
		c.behind.before = c.before
	}
	c.before, c.behind, c.queued = nil, nil, false
	q.length.Add(-1)
}

// runWriter writes until the queue is empty.
func (s *Server) runWriter() {
	w := takeRawWriter()
	defer w.give()
	for c := s.queue.next(); c != nil; c = s.queue.next() {
		c.writeOnce(w)
	}
}

// Writer lets a goroutine that sends to many connections also write them, because handing a
// single frame to another goroutine costs more than the system call. It belongs to one
// goroutine.
type Writer struct {
	server *Server
	raw    *rawWriter
}

// NewWriter returns a Writer. The caller must call Release in the end.
func (s *Server) NewWriter() *Writer { return &Writer{s, takeRawWriter()} }

// Begin announces that the caller will write what it sends from here on, so that the queue
// starts no other goroutine for that. The caller must call WriteNext until that returns
// false.
func (w *Writer) Begin() { w.server.queue.enter() }

// WriteNext writes the first connection in the write queue. When the queue is empty it
// returns false, and the caller does not write any more.
func (w *Writer) WriteNext() bool {
	c := w.server.queue.next()
	if c == nil {
		return false
	}
	c.writeOnce(w.raw)
	return true
}

// Release ends the use of the Writer.
func (w *Writer) Release() { w.raw.give() }
