// Package sockettest helps tests to act as the network and the client of a WebSocket. It
// has a network that can be blocked, handshakes without HTTP, and a client's frames.
package sockettest

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"
)

// Opcodes of frames.
const (
	Text  = 0x1
	Close = 0x8
	Ping  = 0x9
)

// First bytes of the frames that a client sends, all of them whole messages.
const (
	ClientText  = 0x80 | Text
	ClientClose = 0x80 | Close
	ClientPing  = 0x80 | Ping
	ClientPong  = 0x8a
)

// NoClose is the close code of a connection to which no close frame was written.
const NoClose = -1

// Net is the network side of a connection. It keeps what is written, and writes wait while
// it is blocked. Its methods may be called concurrently.
type Net struct {
	net.Conn // nil: methods that Net does not define are not used

	mu     sync.Mutex
	writes [][]byte
	gate   chan struct{} // writes wait until it is closed; nil: they do not wait
	done   chan struct{}
	end    sync.Once

	in      chan []byte // from the client
	pending []byte      // owned by Read
}

// NewNet returns a network. If it is blocked, writes wait until Unblock.
func NewNet(blocked bool) *Net {
	n := &Net{done: make(chan struct{}), in: make(chan []byte, 16)}
	if blocked {
		n.Block()
	}
	return n
}

// Block makes the writes that begin from now on wait for Unblock.
func (n *Net) Block() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.gate = make(chan struct{})
}

// Unblock lets the waiting writes continue.
func (n *Net) Unblock() {
	n.mu.Lock()
	defer n.mu.Unlock()
	close(n.gate)
	n.gate = nil
}

// Write implements net.Conn. It does not keep the answer to a handshake.
func (n *Net) Write(b []byte) (int, error) {
	if isAnswer(b) {
		return len(b), nil
	}
	n.mu.Lock()
	gate := n.gate
	n.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-n.done:
			return 0, net.ErrClosed
		}
	}
	if n.Closed() {
		return 0, net.ErrClosed
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.writes = append(n.writes, bytes.Clone(b))
	return len(b), nil
}

// Read implements net.Conn. It returns what the client sends, and io.EOF when the network
// is closed.
func (n *Net) Read(p []byte) (int, error) {
	if len(n.pending) == 0 {
		select {
		case n.pending = <-n.in:
		case <-n.done:
			return 0, io.EOF
		}
	}
	k := copy(p, n.pending)
	n.pending = n.pending[k:]
	return k, nil
}

// Receive makes the connection read b as if the client had sent it.
func (n *Net) Receive(b []byte) { n.in <- b }

// Close implements net.Conn.
func (n *Net) Close() error { n.end.Do(func() { close(n.done) }); return nil }

// SetDeadline and SetReadDeadline implement net.Conn; there are none.
func (n *Net) SetDeadline(time.Time) error { return nil }

// SetReadDeadline is like SetDeadline.
func (n *Net) SetReadDeadline(time.Time) error { return nil }

// Done returns a channel that is closed when the network is closed.
func (n *Net) Done() <-chan struct{} { return n.done }

// Closed reports whether the network is closed.
func (n *Net) Closed() bool {
	select {
	case <-n.done:
		return true
	default:
		return false
	}
}

// Writes returns the number of writes.
func (n *Net) Writes() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.writes)
}

// Frames splits all that was written into frames.
func (n *Net) Frames() (ops []byte, payloads []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, b := range n.writes {
		for len(b) > 0 {
			op, payload, rest := CutFrame(b)
			ops, payloads = append(ops, op), append(payloads, string(payload))
			b = rest
		}
	}
	return ops, payloads
}

// CloseCode returns the code of the close frame that was written. It returns 0 when the
// frame has no code, and NoClose when no close frame was written.
func (n *Net) CloseCode() int {
	ops, payloads := n.Frames()
	for i, op := range ops {
		if op == Close {
			return CodeOf([]byte(payloads[i]))
		}
	}
	return NoClose
}

// CodeOf returns the code in the payload of a close frame, or 0 when it has none.
func CodeOf(payload []byte) int {
	if len(payload) < 2 {
		return 0
	}
	return int(binary.BigEndian.Uint16(payload))
}

// CutFrame removes the first frame from b, which holds only whole frames from a server.
func CutFrame(b []byte) (op byte, payload, rest []byte) {
	head, size := 2, int(b[1])
	switch size {
	case 126:
		head, size = 4, int(binary.BigEndian.Uint16(b[2:]))
	case 127:
		head, size = 10, int(binary.BigEndian.Uint64(b[2:]))
	}
	return b[0] & 0x0f, b[head : head+size], b[head+size:]
}

// ClientFrame returns a masked frame as a client sends it.
func ClientFrame(first byte, payload []byte) []byte {
	b := ClientHeader(first, uint64(len(payload)))
	for i, v := range payload {
		b = append(b, v^byte(0x11*(i%4+1)))
	}
	return b
}

// ClientHeader returns the header of a client's frame with a payload of n bytes.
func ClientHeader(first byte, n uint64) []byte {
	b := []byte{first}
	switch {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), n)
	}
	return append(b, 0x11, 0x22, 0x33, 0x44)
}

// Handshake returns the arguments with which an HTTP server would call a handler that takes
// over raw.
func Handshake(raw net.Conn) (http.ResponseWriter, *http.Request) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
	return &hijacker{httptest.NewRecorder(), raw}, r
}

// hijacker is a ResponseWriter whose connection may be taken over.
type hijacker struct {
	*httptest.ResponseRecorder
	raw net.Conn
}

// Hijack implements http.Hijacker.
func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.raw, bufio.NewReadWriter(bufio.NewReader(h.raw), bufio.NewWriter(h.raw)), nil
}

// WithoutAnswer returns raw, except that it drops the answer to a handshake: for clients
// that only read frames.
func WithoutAnswer(raw net.Conn) net.Conn { return withoutAnswer{raw} }

type withoutAnswer struct{ net.Conn }

// Write implements net.Conn.
func (w withoutAnswer) Write(b []byte) (int, error) {
	if isAnswer(b) {
		return len(b), nil
	}
	return w.Conn.Write(b)
}

func isAnswer(b []byte) bool { return bytes.HasPrefix(b, []byte("HTTP/1.1 101 ")) }
