// Package load is what load generators are made of that share a machine with the
// servers they load: WebSockets that cost little, and clocks.
package load

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Times of connections.
const (
	dialTimeout  = 10 * time.Second
	closeTimeout = 3 * time.Second
)

// epoch is where the clock of stamps begins.
var epoch = time.Now()

// Clock returns the nanoseconds since epoch.
func Clock() int64 { return int64(time.Since(epoch)) }

// Sink handles what a connection reads. Its methods run on that connection's
// reader; payload is valid until Frame returns.
type Sink interface {
	Frame(c *Conn, now int64, payload []byte)
	Batch(c *Conn) // all whole frames of one read have been handled
}

// Conn is a WebSocket of a load generator: no more than a server under test
// needs, because the two share the machine. One read takes all that has arrived,
// one write sends what that led to. Next and Feed before Start belong to one
// goroutine; after Start all methods are safe for concurrent use, except Next.
type Conn struct {
	ID     string // how others address it; for the caller
	At     int    // its number among those dialled together; for the caller
	Answer uint16 // code that answers a close frame of the server; 0 sends none. Set before Start

	raw  net.Conn
	in   []byte // owned by the reader: what was read and is not handled yet
	held int    // bytes in in
	to   atomic.Pointer[Sink]
	read atomic.Uint64 // bytes received, headers included

	mu  sync.Mutex
	out []byte // waits for flush

	done chan struct{} // closed when the reader has ended
	err  error         // why, after done; nil after a close
	code uint16        // of the server's close frame, after done
}

// Dial opens a WebSocket at target of addr, host:port. local may be nil. buffer is how
// many bytes one read may take.
func Dial(ctx context.Context, addr, target string, local net.Addr, buffer int) (c *Conn, err error) {
	d := net.Dialer{Timeout: dialTimeout, LocalAddr: local, KeepAlive: -1}
	raw, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	c = &Conn{raw: raw, in: make([]byte, buffer), done: make(chan struct{})}
	raw.SetDeadline(time.Now().Add(dialTimeout))
	if err = c.handshake(addr, target); err != nil {
		raw.Close()
		return nil, err
	}
	return c, nil
}

// handshake upgrades the connection. What follows the answer stays in in.
func (c *Conn) handshake(addr, target string) error {
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
func (c *Conn) fill() error {
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

// Next returns the next text frame. Only before start.
func (c *Conn) Next() ([]byte, error) {
	for {
		op, payload, size, err := ParseFrame(c.in[:c.held])
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
		if op == OpText {
			return payload, nil
		}
	}
}

// Start begins to read in the background.
func (c *Conn) Start() {
	c.raw.SetDeadline(time.Time{})
	go c.loop()
}

// Feed makes s handle what is read from now on; nil drops it.
func (c *Conn) Feed(s Sink) {
	if s == nil {
		c.to.Store(nil)
		return
	}
	c.to.Store(&s)
}

func (c *Conn) loop() {
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
func (c *Conn) handle() (closed bool, err error) {
	now, at := Clock(), 0
	to := c.to.Load()
	for !closed {
		op, payload, size, err := ParseFrame(c.in[at:c.held])
		if err != nil {
			return true, err
		}
		if size == 0 {
			break
		}
		at += size
		switch {
		case op == OpPing:
			c.Queue(AppendFrame(nil, OpPong, payload))
		case op == OpClose:
			closed = true
			c.closedBy(payload)
		case op == OpText && to != nil:
			(*to).Frame(c, now, payload)
		}
	}
	c.held = copy(c.in, c.in[at:c.held])
	if to != nil {
		(*to).Batch(c)
	}
	if err := c.Flush(); err != nil {
		return true, err
	}
	return closed, nil
}

// closedBy handles the server's close frame.
func (c *Conn) closedBy(payload []byte) {
	if len(payload) >= 2 {
		c.code = binary.BigEndian.Uint16(payload)
	}
	if c.Answer != 0 {
		c.Queue(AppendFrame(nil, OpClose, binary.BigEndian.AppendUint16(nil, c.Answer)))
	}
}

// Done is closed when the connection has ended and all that was read is handled.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Ended returns the code of the server's close frame, 0 without one, and why reading
// ended, nil after a close frame or an end of file. Only after Done.
func (c *Conn) Ended() (code uint16, err error) { return c.code, c.err }

// Close ends the connection without a close frame.
func (c *Conn) Close() error { return c.raw.Close() }

// BytesRead returns how many bytes were received, headers included.
func (c *Conn) BytesRead() uint64 { return c.read.Load() }

// Queue keeps a frame for the next flush.
func (c *Conn) Queue(frame []byte) {
	c.mu.Lock()
	c.out = append(c.out, frame...)
	c.mu.Unlock()
}

// Flush writes what was queued with one call.
func (c *Conn) Flush() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.out) == 0 {
		return nil
	}
	_, err := c.raw.Write(c.out)
	c.out = c.out[:0]
	return err
}

// Write sends one frame now.
func (c *Conn) Write(frame []byte) error {
	c.Queue(frame)
	return c.Flush()
}

// Goodbye closes with code 1000, so that servers keep nothing for the peer.
func (c *Conn) Goodbye() {
	if c.Write(AppendFrame(nil, OpClose, []byte{1000 >> 8, 1000 & 0xff})) != nil {
		c.raw.Close()
	}
	c.raw.SetReadDeadline(time.Now().Add(closeTimeout))
}
