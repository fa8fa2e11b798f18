package gateway

import (
	"sync"
	"time"
)

// conns holds every WebSocket that is open. Safe for concurrent use.
type conns struct {
	wg sync.WaitGroup // readers, and workers of room queues

	mu     sync.Mutex
	all    map[*conn]struct{}
	closed bool // nothing more is accepted
}

// add adds a connection; it returns false when the gateway has stopped accepting.
func (cs *conns) add(c *conn) bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.closed {
		return false
	}
	if cs.all == nil {
		cs.all = make(map[*conn]struct{})
	}
	cs.all[c] = struct{}{}
	cs.wg.Add(1) // its reader
	return true
}

func (cs *conns) remove(c *conn) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	delete(cs.all, c)
}

func (cs *conns) len() int {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return len(cs.all)
}

// list appends the open connections to into, in no order.
func (cs *conns) list(into []*conn) []*conn {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for c := range cs.all {
		into = append(into, c)
	}
	return into
}

// shut stops accepting, closes the network connection of every client, and waits for the
// readers and the workers of room queues.
func (cs *conns) shut() {
	cs.mu.Lock()
	cs.closed = true
	cs.mu.Unlock()
	for _, c := range cs.list(nil) {
		c.Socket.Abort()
	}
	cs.wg.Wait()
}

// sweepAll sweeps every connection. It reuses scratch and returns it.
func (cs *conns) sweepAll(now time.Time, scratch []*conn) []*conn {
	scratch = cs.list(scratch[:0])
	for _, c := range scratch {
		c.sweep(now)
	}
	clear(scratch)
	return scratch
}
