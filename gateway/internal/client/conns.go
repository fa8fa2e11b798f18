package client

import (
	"time"
)

// add adds a connection; it returns false when the gateway has stopped accepting.
func (tab *Table) add(c *Conn) bool {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	if tab.closed {
		return false
	}
	tab.all[c] = struct{}{}
	tab.wg.Add(1) // its reader
	return true
}

func (tab *Table) remove(c *Conn) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	delete(tab.all, c)
}

// Len returns the number of open connections.
func (tab *Table) Len() int {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	return len(tab.all)
}

// List appends the open connections to into, in no order.
func (tab *Table) List(into []*Conn) []*Conn {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	for c := range tab.all {
		into = append(into, c)
	}
	return into
}

// Shut stops accepting, closes the network connection of every client, and waits for the
// readers and the workers of room queues.
func (tab *Table) Shut() {
	tab.mu.Lock()
	tab.closed = true
	tab.mu.Unlock()
	for _, c := range tab.List(nil) {
		c.Socket.Abort()
	}
	tab.wg.Wait()
}

// Sweep sweeps every connection. It reuses scratch and returns it.
func (tab *Table) Sweep(now time.Time, scratch []*Conn) []*Conn {
	scratch = tab.List(scratch[:0])
	for _, c := range scratch {
		c.sweep(now)
	}
	clear(scratch)
	return scratch
}
