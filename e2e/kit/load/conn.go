// Package load provides WebSockets that cost little, and clocks, for load generators
// that share a machine with the servers they load.
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

// Conn is a WebSocket of a load generator. It does no more than a server under test
// needs, because the two share the machine. One read takes all that has arrived; one
// write sends all frames queued in response. Before Start, Next and Feed belong to one
// goroutine; after Start all methods except Next are safe for concurrent use.
type Conn struct {
	ID     string // how other peers address it; for the caller
	At     int    // its number among the connections dialled together; for the caller
	Answer uint16 // code that answers a close frame of the server; 0 sends none. Set before Start

	raw  net.Conn
	in   []byte // owned by the reader: read and not yet handled
	held int    // bytes in in
	to   atomic.Pointer[Sink]
	read atomic.Uint64 // bytes received, headers included

	mu  sync.Mutex
	out []byte // waits for Flush

	done chan struct{} // closed when the reader has ended
	err  error         // why the connection ended, after done; nil after a close
	code uint16        // of the server's close frame, after done
}

// Dial opens a WebSocket at target of addr, host:port. local may be nil. buffer is the
// number of bytes that one read may take.
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

// SetReadBuffer bounds the bytes that the system keeps until they are read, about.
func (c *Conn) SetReadBuffer(bytes int) error { return c.raw.(*net.TCPConn).SetReadBuffer(bytes) }

// handshake upgrades the connection. Bytes behind the answer stay in in.
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

// fill reads once, behind the bytes that are held.
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

// Next returns the next text frame. It must be called before Start.
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

// Start starts reading in the background.
func (c *Conn) Start() {
	c.raw.SetDeadline(time.Time{})
	go c.loop()
}

// Feed makes s handle the frames that are read from now on; nil drops them.
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

// handle handles all whole frames that were read.
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

// Ended returns the server's close code, 0 without one, and why reading ended: nil
// after a close frame or an end of file. It must be called after Done is closed.
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

// Flush writes all queued frames with one call.
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

// Goodbye closes the connection with code 1000, so that servers keep no session of the
// peer.
func (c *Conn) Goodbye() {
	if c.Write(AppendFrame(nil, OpClose, []byte{1000 >> 8, 1000 & 0xff})) != nil {
		c.raw.Close()
	}
	c.raw.SetReadDeadline(time.Now().Add(closeTimeout))
}
