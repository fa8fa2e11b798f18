package natsbus

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// Bounds of the bytes that wait for a NATS server that does not read.
const (
	maxQueue      = 8 << 20
	writePatience = 20 * time.Millisecond // the longest wait of a write before it is queued
	stuckAfter    = 10 * time.Second      // time without progress after which the connection is given up
)

var errStuck = errors.New("the NATS server does not read")

// dialer dials NATS servers. The connections that it makes never wait for a server that
// hangs. The client library writes under the lock that every publish takes, so such a server
// would soon block each reader that relays a frame, and with it frames between peers of this
// gateway.
type dialer struct {
	timeout time.Duration
	handled func()                     // called when the library has handled all that was read
	last    atomic.Pointer[queuedConn] // nil: none yet, or a server in this process
}

// Dial implements nats.CustomDialer.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	raw, err := net.DialTimeout(network, address, d.timeout)
	if err != nil {
		return nil, fmt.Errorf("dial NATS: %w", err)
	}
	c := &queuedConn{hookedConn: hookedConn{raw, d.handled}}
	d.last.Store(c)
	return c, nil
}

// hookedConn is a connection that calls handled before each read. It is used by its pointer,
// because the client library compares connections.
type hookedConn struct {
	net.Conn
	handled func()
}

// Read implements net.Conn. When the client library reads again, it has handled all that it
// read before.
func (c *hookedConn) Read(p []byte) (int, error) {
	c.handled()
	return c.Conn.Read(p)
}

// hookOthers is an option that hooks the connections that d does not dial: those to a
// server in this process, and those of another dialer that an option has set.
func (d *dialer) hookOthers(o *nats.Options) error {
	if o.InProcessServer != nil {
		o.InProcessServer = hookedServer{o.InProcessServer, d.handled}
	}
	if o.CustomDialer != nil && o.CustomDialer != nats.CustomDialer(d) {
		o.CustomDialer = hookedDialer{o.CustomDialer, d.handled}
	}
	return nil
}

// hookedDialer is a dialer whose connections are hooked.
type hookedDialer struct {
	dialer  nats.CustomDialer
	handled func()
}

// Dial implements nats.CustomDialer.
func (d hookedDialer) Dial(network, address string) (net.Conn, error) {
	raw, err := d.dialer.Dial(network, address)
	if err != nil {
		return nil, err
	}
	return &hookedConn{raw, d.handled}, nil
}

// hookedServer is a server in this process whose connections are hooked.
type hookedServer struct {
	server  nats.InProcessConnProvider
	handled func()
}

// InProcessConn implements nats.InProcessConnProvider.
func (s hookedServer) InProcessConn() (net.Conn, error) {
	raw, err := s.server.InProcessConn()
	if err != nil {
		return nil, err
	}
	return &hookedConn{raw, s.handled}, nil
}

// waiting returns the number of bytes that the server has not received yet.
func (d *dialer) waiting() int {
	c := d.last.Load()
	if c == nil {
		return 0
	}
	return c.waiting()
}

// queuedConn is a connection whose Write does not wait for the other side: bytes that the
// network does not accept at once go to a bounded queue. Write may be called by one goroutine
// at a time, concurrently with Read and Close.
type queuedConn struct {
	hookedConn
	wg sync.WaitGroup

	mu       sync.Mutex
	queue    []byte
	draining bool // a goroutine writes the queue
}

// Write implements net.Conn.
func (c *queuedConn) Write(p []byte) (int, error) {
	if queued, err := c.append(p); queued {
		if err != nil {
			c.Conn.Close()
			return 0, err
		}
		return len(p), nil
	}
	if err := c.SetWriteDeadline(time.Now().Add(writePatience)); err != nil {
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

// append queues p behind the bytes that wait; queued is false when none do.
func (c *queuedConn) append(p []byte) (queued bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.draining {
		return false, nil
	}
	if len(c.queue)+len(p) > maxQueue {
		return true, errStuck
	}
	c.queue = append(c.queue, p...)
	return true, nil
}

// drain writes the queue until it is empty, or until a write fails.
func (c *queuedConn) drain() {
	for {
		c.mu.Lock()
		batch := c.queue
		c.queue = nil
		c.draining = len(batch) > 0
		c.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		err := c.SetWriteDeadline(time.Now().Add(stuckAfter))
		if err == nil {
			_, err = c.Conn.Write(batch)
		}
		if err != nil {
			// The reader gets an error, and the client library reconnects. Until then
			// writes are queued; they are lost with the connection.
			c.Conn.Close()
			return
		}
	}
}

func (c *queuedConn) waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.queue)
}

// Close implements net.Conn. Queued bytes are lost.
func (c *queuedConn) Close() error {
	err := c.Conn.Close()
	c.wg.Wait()
	return err
}
