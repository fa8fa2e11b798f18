package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Times of the load generator's connections.
const (
	dialTimeout  = 10 * time.Second
	closeTimeout = 3 * time.Second
)

// epoch is where the clock of stamps begins.
var epoch = time.Now()

// clock returns the nanoseconds since epoch.
func clock() int64 { return int64(time.Since(epoch)) }

// sink handles what a connection reads. Its methods run on that connection's
// reader; payload is valid until frame returns.
type sink interface {
	frame(c *conn, now int64, payload []byte)
	batch(c *conn) // all whole frames of one read have been handled
}

// conn is a WebSocket of the load generator: no more than a server under test
// needs, since the two share the machine. One read takes all that has arrived,
// one write sends what that led to.
type conn struct {
	raw net.Conn
	id  string // how others address it
	at  int    // its number among those dialled together

	in   []byte // owned by the reader: what was read and is not handled yet
	held int    // bytes in in
	to   atomic.Pointer[sink]
	read atomic.Uint64 // bytes received, headers included

	mu  sync.Mutex
	out []byte // waits for flush

	done chan struct{} // closed when the reader has ended
	err  error         // why, after done; nil after a close
}

// dial opens a WebSocket at target of addr. local may
// be nil.
func dial(ctx context.Context, addr, target string, local net.Addr, buffer int) (c *conn, err error) {
	d := net.Dialer{Timeout: dialTimeout, LocalAddr: local, KeepAlive: -1}
	raw, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	c = &conn{raw: raw, in: make([]byte, buffer), done: make(chan struct{})}
	raw.SetDeadline(time.Now().Add(dialTimeout))
	if err = c.handshake(addr, target); err != nil {
		raw.Close()
		return nil, err
	}
	return c, nil
}

// handshake upgrades the connection. What follows the answer stays in in.
func (c *conn) handshake(addr, target string) error {
	_, err := fmt.Fprintf(c.raw, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", target, addr)
	if err != nil {
		return err
	}
	for {
		if end := bytes.Index(c.in[:c.held], []byte("\r\n\r\n")); end >= 0 {
			head := string(c.in[:end])
			if !strings.HasPrefix(head, "HTTP/1.1 101 ") {
				return fmt.Errorf("%s: the WebSocket handshake was answered %q", addr, firstLine(head))
			}
			c.held = copy(c.in, c.in[end+4:c.held])
			return nil
		}
		if err := c.fill(); err != nil {
			return fmt.Errorf("%s: reading the handshake's answer: %w", addr, err)
		}
	}
}

func firstLine(s string) string {
	line, _ := bufio.NewReader(strings.NewReader(s)).ReadString('\n')
	return strings.TrimSpace(line)
}

// fill reads once, behind what is held.
func (c *conn) fill() error {
	if c.held == len(c.in) {
		c.in = append(c.in, make([]byte, len(c.in))...)
	}
	n, err := c.raw.Read(c.in[c.held:])
	c.held += n
	c.read.Add(uint64(n))
	if n > 0 {
		return nil
	}
	return err
}

// next returns the next text frame. Only before start.
func (c *conn) next() ([]byte, error) {
	for {
		op, payload, size, err := parseServerFrame(c.in[:c.held])
		if err != nil {
			return nil, err
		}
		if size == 0 {
			if err := c.fill(); err != nil {
				return nil, err
			}
			continue
		}
		payload = bytes.Clone(payload)
		c.held = copy(c.in, c.in[size:c.held])
		if op == opText {
			return payload, nil
		}
	}
}

// start begins to read in the background.
func (c *conn) start() {
	c.raw.SetDeadline(time.Time{})
	go c.loop()
}

// feed makes s handle what is read from now on; nil drops it.
func (c *conn) feed(s sink) {
	if s == nil {
		c.to.Store(nil)
		return
	}
	c.to.Store(&s)
}

func (c *conn) loop() {
	defer close(c.done)
	for {
		if err := c.fill(); err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
				c.err = err
			}
			return
		}
		if closed, err := c.handle(); closed || err != nil {
			c.err = err
			return
		}
	}
}

// handle takes all whole frames that were read.
func (c *conn) handle() (closed bool, err error) {
	now, at := clock(), 0
	to := c.to.Load()
	for !closed {
		op, payload, size, err := parseServerFrame(c.in[at:c.held])
		if err != nil {
			return true, err
		}
		if size == 0 {
			break
		}
		at += size
		switch {
		case op == opPing:
			c.queue(appendClientFrame(nil, opPong, payload))
		case op == opClose:
			closed = true
		case op == opText && to != nil:
			(*to).frame(c, now, payload)
		}
	}
	c.held = copy(c.in, c.in[at:c.held])
	if to != nil {
		(*to).batch(c)
	}
	if err := c.flush(); err != nil {
		return true, err
	}
	return closed, nil
}

// queue keeps a frame for the next flush.
func (c *conn) queue(frame []byte) {
	c.mu.Lock()
	c.out = append(c.out, frame...)
	c.mu.Unlock()
}

// flush writes what was queued with one call.
func (c *conn) flush() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.out) == 0 {
		return nil
	}
	_, err := c.raw.Write(c.out)
	c.out = c.out[:0]
	return err
}

// write sends one frame now.
func (c *conn) write(frame []byte) error {
	c.queue(frame)
	return c.flush()
}

// goodbye closes with code 1000, so that servers keep nothing for the peer.
func (c *conn) goodbye() {
	if c.write(appendClientFrame(nil, opClose, []byte{1000 >> 8, 1000 & 0xff})) != nil {
		c.raw.Close()
	}
	c.raw.SetReadDeadline(time.Now().Add(closeTimeout))
}
