package gateway

import (
	"runtime"
	"sync"
)

// perWriter is how many connections may wait for each goroutine that writes before
// another one helps.
const perWriter = 8

// writers is the line of connections that have something to write. A few
// goroutines take them in turn and never wait for the network: while a connection
// stands in line, what comes for it is gathered, and all of it leaves in one
// system call. Safe for concurrent use.
type writers struct {
	limit int

	mu     sync.Mutex
	first  *conn
	last   *conn
	length int
	active int // goroutines that write
}

// newWriters leaves a processor to those who read.
func newWriters() *writers { return &writers{limit: max(1, runtime.GOMAXPROCS(0)-1)} }

// add puts c in line. It must not be there.
func (w *writers) add(c *conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c.before, c.behind = w.last, nil
	if w.last == nil {
		w.first = c
	} else {
		w.last.behind = c
	}
	w.last = c
	w.length++
	c.inLine = true
	if w.active < w.limit && w.length > w.active*perWriter {
		w.active++
		c.g.conns.wg.Go(w.run)
	}
}

// enter makes the caller one of those who write: it must call next until nothing
// is left.
func (w *writers) enter() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.active++
}

// next takes the first connection out of line; nil ends the caller's turn.
func (w *writers) next() *conn {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.first
	if c == nil {
		w.active--
		return nil
	}
	w.removeLocked(c)
	return c
}

// claim takes c out of line, if it is there: the caller writes it out of turn.
func (w *writers) claim(c *conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !c.inLine {
		return false
	}
	w.removeLocked(c)
	return true
}

func (w *writers) removeLocked(c *conn) {
	if c.before == nil {
		w.first = c.behind
	} else {
		c.before.behind = c.behind
	}
	if c.behind == nil {
		w.last = c.before
	} else {
		c.behind.before = c.before
	}
	c.before, c.behind, c.inLine = nil, nil, false
	w.length--
}

// run writes until nobody stands in line.
func (w *writers) run() {
	p := takePen()
	defer p.give()
	for c := w.next(); c != nil; c = w.next() {
		c.writeOnce(p)
	}
}

// writeOnce writes what waits with one system call. What the network does not
// take at once is written by a goroutine of the connection's own.
func (c *conn) writeOnce(p *pen) {
	batch, ok := c.takeBatch()
	if !ok {
		return
	}
	n, err := p.write(c.direct, batch.buf)
	switch {
	case err != nil:
		c.writeFailed(batch, n)
	case n < len(batch.buf):
		go c.write(batch, n)
	default:
		c.wrote(batch)
	}
}

// writeNow lets a connection that gets much at once have its turn now.
func (c *conn) writeNow() {
	if c.direct == nil {
		runtime.Gosched() // its writer is a goroutine of its own
		return
	}
	if !c.g.writers.claim(c) {
		return
	}
	p := takePen()
	defer p.give()
	c.writeOnce(p)
}
