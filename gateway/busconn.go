package gateway

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of what waits for a NATS server that does not read.
const (
	maxBusQueue   = 8 << 20
	busPatience   = 20 * time.Millisecond // a write may wait so long before it is queued
	busStuckAfter = 10 * time.Second      // then the connection is given up
)

var errBusStuck = errors.New("gateway: the NATS server does not read")

// busDialer dials NATS servers. The client library writes under the lock that
// every publish takes, so that a server which hangs would soon hang each reader
// that relays a frame, and with it the peers of this gateway among themselves.
type busDialer struct {
	timeout time.Duration
	handled func() // what was read has been taken apart
	last    atomic.Pointer[busConn]
}

// Dial implements nats.CustomDialer.
func (d *busDialer) Dial(network, address string) (net.Conn, error) {
	raw, err := net.DialTimeout(network, address, d.timeout)
	if err != nil {
		return nil, fmt.Errorf("gateway: dial NATS: %w", err)
	}
	c := &busConn{Conn: raw, handled: d.handled}
	d.last.Store(c)
	return c, nil
}

// dialled is false while there is no server, and for one in this process.
func (d *busDialer) dialled() bool { return d.last.Load() != nil }

// waiting is how many bytes the server has not taken yet.
func (d *busDialer) waiting() int {
	c := d.last.Load()
	if c == nil {
		return 0 // a server in this process
	}
	return c.waiting()
}

// busConn is a connection whose Write does not wait for the other side: what it
// does not take at once goes to a bounded queue. Write may be called by one
// goroutine at a time, beside Read and Close.
type busConn struct {
	net.Conn
	handled func()
	wg      sync.WaitGroup

	mu       sync.Mutex
	queue    []byte
	draining bool // a goroutine writes the queue
}

// Read implements net.Conn. The client library has taken apart what it read
// before, when it reads again.
func (c *busConn) Read(p []byte) (int, error) {
	c.handled()
	return c.Conn.Read(p)
}

// Write implements net.Conn.
func (c *busConn) Write(p []byte) (int, error) {
	if queued, err := c.append(p); queued {
		if err != nil {
			c.Conn.Close()
			return 0, err
		}
		return len(p), nil
	}
	if err := c.SetWriteDeadline(time.Now().Add(busPatience)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(p)
	if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
		return n, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue, c.draining = append(c.queue, p[n:]...), true
	c.wg.Go(c.drain)
	return len(p), nil
}

// append queues p behind what waits; queued is false when nothing does.
func (c *busConn) append(p []byte) (queued bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.draining {
		return false, nil
	}
	if len(c.queue)+len(p) > maxBusQueue {
		return true, errBusStuck
	}
	c.queue = append(c.queue, p...)
	return true, nil
}

// drain writes what waits until nothing does, or until it cannot.
func (c *busConn) drain() {
	for {
		c.mu.Lock()
		batch := c.queue
		c.queue = nil
		c.draining = len(batch) > 0
		c.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		err := c.SetWriteDeadline(time.Now().Add(busStuckAfter))
		if err == nil {
			_, err = c.Conn.Write(batch)
		}
		if err != nil {
			// The reader notices, and the client library connects again. Until then
			// what comes is queued, and goes with the connection.
			c.Conn.Close()
			return
		}
	}
}

func (c *busConn) waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.queue)
}

// Close implements net.Conn. What waits is lost.
func (c *busConn) Close() error {
	err := c.Conn.Close()
	c.wg.Wait()
	return err
}
