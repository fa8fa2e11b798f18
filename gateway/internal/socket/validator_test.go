package socket

import (
	"errors"
	"io"
	"net"
	"testing"
	"testing/iotest"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/socket/sockettest"
	"p2pconnector/proto"
)

// reads is a net.Conn that only reads.
type reads struct {
	net.Conn
	io.Reader
}

func (r reads) Read(b []byte) (int, error) { return r.Reader.Read(b) }

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// The validator returns every valid byte unchanged, in pieces of any size, and stops
// before the first invalid header.
func TestValidator_BadHeader_StopsBeforeIt(t *testing.T) {
	good := append(sockettest.ClientFrame(0x81, []byte("hello")), sockettest.ClientFrame(0x89, nil)...)
	bad := sockettest.ClientHeader(0x81, 1<<63)
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"whole": func(r io.Reader) io.Reader { return r }, "half": iotest.HalfReader, "single bytes": iotest.OneByteReader, "with EOF": iotest.DataErrReader,
	} {
		t.Run(name, func(t *testing.T) {
			in := append(append([]byte(nil), good...), bad...)
			at := 0
			src := readerFunc(func(p []byte) (int, error) {
				if at == len(in) {
					return 0, io.EOF
				}
				n := copy(p, in[at:])
				at += n
				return n, nil
			})
			v := testValidator(reads{Reader: wrap(src)})
			got, err := io.ReadAll(v)
			ce, ok := errors.AsType[*closeError](err)
			if !ok || ce.code != proto.CloseProtocolError {
				t.Fatalf("got error %v, want close code %v", err, proto.CloseProtocolError)
			}
			if len(got) < len(good) || len(got) >= len(in) || string(got) != string(in[:len(got)]) {
				t.Errorf("got %d bytes, want the first %d or more, without the last", len(got), len(good))
			}
			if n, err := v.Read(make([]byte, 10)); n != 0 || !errors.Is(err, ce) {
				t.Errorf("next read: got %d, %v, want 0, %v", n, err, ce)
			}
		})
	}
}

// The validator first returns the bytes that the HTTP server had read.
func TestValidator_BytesReadAhead_ComeFirst(t *testing.T) {
	frame := sockettest.ClientFrame(0x81, []byte("hello, this is a message"))
	v := testValidator(reads{Reader: readerFunc(func(p []byte) (int, error) {
		if len(frame) < 10 {
			return 0, io.EOF
		}
		n := copy(p, frame[10:])
		frame = frame[:9]
		return n, nil
	})})
	want := string(frame)
	v.ahead = append([]byte(nil), frame[:10]...)
	got, err := io.ReadAll(v)
	if err != nil || string(got) != want {
		t.Errorf("ReadAll: got %q, error %v, want %q", got, err, want)
	}
	if v.ahead != nil {
		t.Error("got the buffer kept, want it released")
	}
}

// TestValidator_MessageAtTheLimit_OneByteMoreIsTooBig: in one frame or in two. The library
// would refuse it too, but only after it has read it.
func TestValidator_MessageAtTheLimit_OneByteMoreIsTooBig(t *testing.T) {
	for more, want := range []*closeError{nil, closeWith(proto.CloseTooBig, proto.CloseTooBig.Reason())} {
		one, two := testValidator(nil), testValidator(nil)
		one.inspect(sockettest.ClientFrame(0x81, make([]byte, 1000+more)))
		two.inspect(sockettest.ClientFrame(0x01, make([]byte, 600)))
		two.inspect(sockettest.ClientFrame(0x80, make([]byte, 400+more)))
		for frames, v := range []*validator{one, two} {
			if (v.err == nil) != (want == nil) || want != nil && *v.err != *want {
				t.Errorf("%d bytes in %d frames: got %v, want %v", 1000+more, frames+1, v.err, want)
			}
		}
	}
}

// TestValidator_ControlFrames_HaveABucket of six seconds' worth, whatever the rate is.
func TestValidator_ControlFrames_HaveABucket(t *testing.T) {
	for _, rate := range []int{1, 7, DefaultControlFrames} {
		now := new(clock.AtomicInstant)
		now.Store(clock.Now())
		v := new(validator)
		v.init(nil, nil, &Config{MaxMessageBytes: 1000, ControlFrames: rate, Clock: now})
		for _, step := range []struct {
			name string
			wait time.Duration
			want int
		}{{"at once", 0, 6 * rate}, {"after a second", time.Second, rate}, {"after an hour", time.Hour, 6 * rate}} {
			pass(now, step.wait)
			got := 0
			for range 1000 {
				if v.controlFrame() == nil {
					got++
				}
			}
			if got != step.want {
				t.Errorf("%d a second, %s: got %d control frames, want %d", rate, step.name, got, step.want)
			}
		}
	}
}

// A message is timed from its first byte to its last, whatever control frames come in
// between.
func TestValidator_Messages_AreTimedToTheirLastByte(t *testing.T) {
	v := testValidator(nil)
	feed := func(b []byte, timed bool) {
		t.Helper()
		began := v.beganAt.Load()
		if n := v.inspect(b); n != len(b) {
			t.Fatalf("inspect of %d bytes: got %d good (%v), want all", len(b), n, v.err)
		}
		pass(v.clock, time.Second)
		if got := v.beganAt.Load(); (got != 0) != timed || began != 0 && timed && got != began {
			t.Errorf("began: got %d, %d before; want it timed: %v", got, began, timed)
		}
	}
	whole := sockettest.ClientFrame(0x81, []byte("hello"))
	feed(whole[:1], true)
	feed(whole[1:7], true)
	feed(whole[7:], false)
	feed(sockettest.ClientFrame(0x01, []byte("a")), true)
	feed(sockettest.ClientFrame(0x89, []byte("ping")), true)
	feed(sockettest.ClientFrame(0x00, nil), true)
	feed(sockettest.ClientFrame(0x80, []byte("b")), false)
	feed(sockettest.ClientFrame(0x89, []byte("ping"))[:8], true) // a ping can be slow too
	feed([]byte{0x33 ^ 'n', 0x44 ^ 'g'}, false)
	feed(append(append([]byte(nil), whole...), whole[:3]...), true) // the next message begins in the same packet
}

// The validator discards what the library writes after the handshake, and keeps the close
// code that the library wanted to send.
func TestValidator_LibraryWrites_GoNowhere(t *testing.T) {
	var out []byte
	v := testValidator(writes{write: func(b []byte) (int, error) {
		out = append(out, b...)
		return len(b), nil
	}})
	v.extra = "Sec-WebSocket-Protocol: chat"
	answer := "HTTP/1.1 101 Switching Protocols\r\nA: b\r\n\r\n"
	if n, err := v.Write([]byte(answer)); n != len(answer) || err != nil {
		t.Errorf("got %d, %v, want %d, nil", n, err, len(answer))
	}
	if want := "HTTP/1.1 101 Switching Protocols\r\nA: b\r\nSec-WebSocket-Protocol: chat\r\n\r\n"; string(out) != want {
		t.Errorf("got %q, want %q", out, want)
	}
	v.upgraded, out = true, nil
	if _, err := v.Write([]byte{0x88, 2, 0x03, 0xef}); !errors.Is(err, errSwallowed) || out != nil {
		t.Errorf("got %q, %v, want nothing written and %v", out, err, errSwallowed)
	}
	if code := proto.CloseCode(v.libraryCode.Load()); code != proto.CloseInvalidUTF8 {
		t.Errorf("got close code %v, want %v", code, proto.CloseInvalidUTF8)
	}
	if err := v.Close(); err != nil {
		t.Error(err)
	}
}

// writes is a net.Conn that only writes.
type writes struct {
	net.Conn
	write func([]byte) (int, error)
}

func (w writes) Write(b []byte) (int, error) { return w.write(b) }

// inspect allocates nothing.
func TestValidator_Inspect_AllocatesNothing(t *testing.T) {
	v := testValidator(nil)
	b := append(sockettest.ClientFrame(0x81, make([]byte, 500)), sockettest.ClientFrame(0x81, nil)...)
	if n := testing.AllocsPerRun(100, func() { v.inspect(b) }); n > 0 {
		t.Errorf("got %v allocations, want 0", n)
	}
}
