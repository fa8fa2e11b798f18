// Package raw speaks WebSocket below the level of any library: its client decides
// about every byte, so it can break every rule. Tests use it, and the attacks on a
// gateway.
package raw

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"p2pconnector/proto"
)

// Opcodes of RFC 6455.
const (
	Continuation = 0x0
	Text         = 0x1
	Binary       = 0x2
	Close        = 0x8
	Ping         = 0x9
	Pong         = 0xa
)

// Fin is the bit of a frame's first byte that says that its message ends here.
const Fin = 0x80

// maxServerFrame bounds what a server may send in one frame, in bytes.
const maxServerFrame = 4 << 20

// ErrRefused is the error of Dial when the server answers and does not upgrade.
var ErrRefused = errors.New("raw: the handshake was refused")

// Conn is an upgraded connection. One goroutine may read while another one writes.
type Conn struct {
	net.Conn
	Response *http.Response // of the handshake, without its body
	Within   bool           // what was written ends within a frame: a pong would be more of its payload, and none is sent
	r        *bufio.Reader
}

// Frame is a frame that the server sent.
type Frame struct {
	Fin      bool
	Reserved byte // the three bits
	Op       byte
	Payload  []byte
}

// Handshake returns the bytes of a handshake for path. The headers h replace the
// required ones or add to them; a header with no value is left out.
func Handshake(path string, h http.Header) []byte {
	all := http.Header{
		"Host": {"localhost"}, "Connection": {"Upgrade"}, "Upgrade": {"websocket"},
		"Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
	}
	for name, values := range h {
		all[http.CanonicalHeaderKey(name)] = values
	}
	b := fmt.Appendf(nil, "GET %s HTTP/1.1\r\n", path)
	for name, values := range all {
		for _, v := range values {
			b = fmt.Appendf(b, "%s: %s\r\n", name, v)
		}
	}
	return append(b, "\r\n"...)
}

// Dial connects to host:port and performs the handshake. With ErrRefused it also
// returns the response, whose body is still to be read; the connection closes with
// the body.
func Dial(ctx context.Context, addr, path string, h http.Header) (*Conn, *http.Response, error) {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, nil, err
	}
	return Upgrade(ctx, c, path, h)
}

// Upgrade performs the handshake over an open connection.
func Upgrade(ctx context.Context, c net.Conn, path string, h http.Header) (*Conn, *http.Response, error) {
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	if _, err := c.Write(Handshake(path, h)); err != nil {
		c.Close()
		return nil, nil, err
	}
	r := bufio.NewReaderSize(c, 4<<10)
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		c.Close()
		return nil, nil, fmt.Errorf("raw: reading the answer to the handshake: %w", err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		resp.Body = body{resp.Body, c}
		return nil, resp, fmt.Errorf("%w: %s", ErrRefused, resp.Status)
	}
	return &Conn{Conn: c, Response: resp, r: r}, resp, nil
}

type body struct {
	io.ReadCloser
	c net.Conn
}

func (b body) Close() error { return errors.Join(b.ReadCloser.Close(), b.c.Close()) }

// ReadFrame reads one frame of any kind.
func (c *Conn) ReadFrame() (Frame, error) {
	var head [10]byte
	if _, err := io.ReadFull(c.r, head[:2]); err != nil {
		return Frame{}, err
	}
	if head[1]&0x80 != 0 {
		return Frame{}, errors.New("raw: the server masked a frame")
	}
	n := uint64(head[1])
	switch n {
	case 126:
		if _, err := io.ReadFull(c.r, head[2:4]); err != nil {
			return Frame{}, err
		}
		n = uint64(binary.BigEndian.Uint16(head[2:]))
	case 127:
		if _, err := io.ReadFull(c.r, head[2:10]); err != nil {
			return Frame{}, err
		}
		n = binary.BigEndian.Uint64(head[2:])
	}
	if n > maxServerFrame {
		return Frame{}, fmt.Errorf("raw: the server sent a frame of %d bytes", n)
	}
	f := Frame{Fin: head[0]&Fin != 0, Reserved: head[0] >> 4 & 7, Op: head[0] & 0xf, Payload: make([]byte, n)}
	_, err := io.ReadFull(c.r, f.Payload)
	return f, err
}

// Next returns the next text frame, and answers the server's pings, unless Within. On a close frame
// it returns a *Closed.
func (c *Conn) Next() ([]byte, error) {
	for {
		f, err := c.ReadFrame()
		switch {
		case err != nil:
			return nil, err
		case f.Op == Text:
			return f.Payload, nil
		case f.Op == Close:
			return nil, ClosedBy(f)
		case f.Op == Ping && !c.Within:
			if _, err := c.Write(Encode(Fin|Pong, f.Payload)); err != nil {
				return nil, err
			}
		}
	}
}

// Closed is a close frame that the server sent.
type Closed struct {
	Code   proto.CloseCode // 0: the frame had none
	Reason string
}

func (e *Closed) Error() string { return "raw: closed with " + e.Code.String() + " " + e.Reason }

// ClosedBy reads a close frame.
func ClosedBy(f Frame) *Closed {
	if len(f.Payload) < 2 {
		return &Closed{}
	}
	return &Closed{proto.CloseCode(binary.BigEndian.Uint16(f.Payload)), string(f.Payload[2:])}
}

// Until reads until the server has closed the connection and returns its close frame
// or, without one, the error that ended the connection.
func (c *Conn) Until() (*Closed, error) {
	for {
		if _, err := c.Next(); err != nil {
			if closed, ok := errors.AsType[*Closed](err); ok {
				return closed, nil
			}
			return nil, err
		}
	}
}

// mask is not zero, so that a test notices a server that does not unmask.
var mask = [4]byte{0x37, 0xfa, 0x21, 0x3d}

// Encode returns a frame as a client sends it. first is Fin, the reserved bits
// and the opcode.
func Encode(first byte, payload []byte) []byte {
	b := Header(first, uint64(len(payload)))
	for i, v := range payload {
		b = append(b, v^mask[i%4])
	}
	return b
}

// Header returns the header, mask included, of a frame that announces n bytes.
func Header(first byte, n uint64) []byte {
	b := []byte{first}
	switch {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), n)
	}
	return append(b, mask[:]...)
}

// Killer is the frame that ends the process of servers on gws v1.8.9: its length
// has the top bit set.
func Killer() []byte { return Header(Fin|Text, 1<<63) }

// CloseFrame is a close frame with a code and a reason.
func CloseFrame(code uint16, reason string) []byte {
	return Encode(Fin|Close, append(binary.BigEndian.AppendUint16(nil, code), reason...))
}

// Join concatenates frames.
func Join(frames ...[]byte) (b []byte) {
	for _, f := range frames {
		b = append(b, f...)
	}
	return b
}
