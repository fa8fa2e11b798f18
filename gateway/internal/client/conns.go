package client

import (
	"time"

	"p2pconnector/gateway/internal/membudget"
	"p2pconnector/gateway/internal/metrics"
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

// Buffers appends what the queues of the connections hold, so that it can be shed.
func (tab *Table) Buffers(into []membudget.Buffer) []membudget.Buffer {
	for _, c := range tab.List(nil) {
		switch n, ending := c.Socket.Backlog(); {
		case ending:
			into = append(into, membudget.Buffer{Kind: membudget.Queue, Bytes: n, Ending: true})
		case n > 0:
			into = append(into, membudget.Buffer{Kind: membudget.Queue, Bytes: n, Drop: c.Socket.Shed})
		}
	}
	return into
}

// Count adds the open connections to a snapshot, and what their clients share.
func (tab *Table) Count(now *metrics.Snapshot) {
	now.EgressAddresses, now.EgressEvicted = tab.cfg.Budgets.Counts()
	now.GuessAddresses, now.GuessesEvicted = tab.guesses.Counts()
	now.RoomRequestsWaiting = tab.cfg.Turns.Waiting()
	for _, c := range tab.List(nil) {
		n := c.Socket.QueuedBytes()
		now.Connections++
		now.QueueBytes += n
		now.LongestQueue = max(now.LongestQueue, n)
		if n > 0 {
			now.Queued++
		}
	}
}
