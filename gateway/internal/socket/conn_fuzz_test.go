package socket

import (
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"p2pconnector/gateway/internal/socket/sockettest"
)

// wantClose returns how a connection that reads b, from its first frame on, must end:
// the code of the close frame (0: a frame without a code), or NoClose. It is written
// from RFC 6455 and the limits, and uses none of the gateway's code.
func wantClose(b []byte, max uint64) int {
	var message []byte
	fragments, control, open := 0, 0, false
	for {
		if len(b) < 2 {
			return sockettest.NoClose
		}
		size, head := uint64(b[1]&0x7f), 2
		switch size {
		case 126:
			head = 4
		case 127:
			head = 10
		}
		masked := b[1]&0x80 != 0
		if masked {
			head += 4
		}
		if len(b) < head {
			return sockettest.NoClose
		}
		minimal := true
		switch size {
		case 126:
			size = uint64(binary.BigEndian.Uint16(b[2:]))
			minimal = size > 125
		case 127:
			size = binary.BigEndian.Uint64(b[2:])
			minimal = size > 0xffff && size <= 1<<63-1
		}
		op, final := b[0]&0xf, b[0]&0x80 != 0
		switch {
		case b[0]&0x70 != 0, !masked, !minimal, op > 2 && op < 8, op > 10:
			return 1002
		case op == 2:
			return 1003
		case op >= 8 && (!final || size > 125), op == 0 && !open, op == 1 && open:
			return 1002
		case op >= 8:
			if control++; control > controlBurst*DefaultControlFrames {
				return 1008
			}
		default:
			if fragments++; fragments > 32 {
				return 1008
			}
			if size > max || uint64(len(message))+size > max {
				return 1009
			}
			open = !final
		}
		payload := make([]byte, min(size, uint64(len(b)-head)))
		for i := range payload {
			payload[i] = b[head+i] ^ b[head-4+i%4]
		}
		if op < 8 {
			if n, _ := validPrefix(append(message, payload...)); n < len(message)+len(payload) {
				return 1007
			}
		}
		if uint64(len(payload)) < size {
			return sockettest.NoClose
		}
		b = b[head+int(size):]
		switch op {
		case 8:
			return wantCloseOfClose(payload)
		case 0, 1:
			if message = append(message, payload...); final {
				if !utf8.Valid(message) {
					return 1007
				}
				message, fragments = nil, 0
			}
		}
	}
}

func wantCloseOfClose(payload []byte) int {
	if len(payload) == 0 {
		return 0
	}
	if len(payload) == 1 {
		return 1002
	}
	code := int(binary.BigEndian.Uint16(payload))
	switch {
	case !utf8.Valid(payload[2:]):
		return 1007
	case code < 1000, code >= 5000, code >= 1014 && code < 3000, code >= 1004 && code <= 1006:
		return 1002
	case code < 1014:
		return 1000
	}
	return code
}

// FuzzConnection feeds bytes, in pieces, to the validator and the library behind it.
// Nothing may panic, and the close frame must be the one that wantClose returns.
func FuzzConnection(f *testing.F) {
	const max = 1024
	text := func(s string) []byte { return sockettest.ClientFrame(0x81, []byte(s)) }
	for _, b := range [][]byte{
		sockettest.ClientHeader(0x81, 1<<63), {0x81, 127, 0x80, 0, 0, 0, 0, 0, 0, 0}, text(`{"event":"Ping"}`), text("\xff"), {},
		append(sockettest.ClientFrame(0x88, []byte{3, 232}), 0xff, 0xff), append(text("\xc3"), 0xff, 0xff),
		append(sockettest.ClientFrame(0x01, []byte("\xc3")), sockettest.ClientFrame(0x80, []byte("\xa9"))...),
		append(sockettest.ClientFrame(0x01, nil), []byte(strings.Repeat(string(sockettest.ClientFrame(0x00, nil)), 40))...),
		[]byte(strings.Repeat(string(sockettest.ClientFrame(0x89, []byte("p"))), 70)),
		sockettest.ClientHeader(0x81, max+1), text(strings.Repeat("x", max)), sockettest.ClientHeader(0x01, 1<<62), sockettest.ClientFrame(0x82, nil), sockettest.ClientFrame(0x88, []byte{3}),
		sockettest.ClientFrame(0x88, append([]byte{0x0f, 0xa0}, "\xff"...)), sockettest.ClientFrame(0xc1, nil), []byte("GET / HTTP/1.1\r\n\r\n"),
	} {
		f.Add(b, uint16(0))
		f.Add(b, uint16(1))
		f.Add(b, uint16(7))
	}
	s := newTestServer(max)
	f.Fuzz(func(t *testing.T, b []byte, step uint16) {
		want := wantClose(b, max)
		client := &scripted{code: sockettest.NoClose, in: b, step: max1(step), waits: want != sockettest.NoClose, closed: make(chan struct{})}
		c := upgraded(t, s, client)
		h := &testHandler{message: func([]byte) {}}
		c.Serve(h)
		c.Finish()
		c.Remains()
		s.Wait()
		if client.code != want {
			t.Errorf("got close code %d, want %d", client.code, want)
		}
		if h.panics.Load() != 0 {
			t.Error("got a panic, want none")
		}
		if c.validator.err == nil && c.validator.size > max {
			t.Errorf("got a message of %d bytes accepted, want it refused", c.validator.size)
		}
	})
}

// max1 returns the size of a piece; 0 means everything at once.
func max1(step uint16) int {
	if step == 0 {
		return 1 << 20
	}
	return int(step)
}

// scripted is a client that sends its bytes in pieces, and then ends the connection.
// If it waits for a close frame, it ends the connection after that frame.
type scripted struct {
	net.Conn // nil: other methods are not used
	in       []byte
	step     int
	waits    bool
	out      []byte
	code     int
	closed   chan struct{} // a close frame has arrived
	end      sync.Once
}

func (s *scripted) Read(p []byte) (int, error) {
	if len(s.in) > 0 {
		n := copy(p, s.in[:min(len(s.in), s.step)])
		s.in = s.in[n:]
		return n, nil
	}
	if s.waits {
		select {
		case <-s.closed:
		case <-time.After(20 * time.Second):
		}
	}
	return 0, io.EOF
}

// Write is called by the connection's writer, of which there is one at a time.
func (s *scripted) Write(p []byte) (int, error) {
	s.out = append(s.out, p...)
	for len(s.out) > 0 {
		op, payload, rest := cutFrame(s.out)
		if s.out = rest; op == opClose {
			s.code = sockettest.CodeOf(payload)
			s.end.Do(func() { close(s.closed) })
		}
	}
	return len(p), nil
}

func (s *scripted) Close() error                    { return nil }
func (s *scripted) SetDeadline(time.Time) error     { return nil }
func (s *scripted) SetReadDeadline(time.Time) error { return nil }
