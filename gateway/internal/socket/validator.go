package socket

import (
	"encoding/binary"
	"errors"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/proto"
)

// Bounds of the frames of one message.
const (
	maxFragments   = 32
	maxMessageTime = 10 * time.Second
)

// DefaultControlFrames is the bound on pings and other control frames of one client a second
// unless Config says otherwise. controlBurst seconds' worth may come at once.
const (
	DefaultControlFrames = 10
	controlBurst         = 6
)

// closeError ends a connection with a close code.
type closeError struct {
	code   proto.CloseCode
	reason string
}

func (e *closeError) Error() string { return "close " + e.code.String() + ": " + e.reason }

func closeWith(code proto.CloseCode, reason string) *closeError {
	return &closeError{code, reason}
}

// errSwallowed is the error that the WebSocket library gets when it writes: every byte
// that leaves a connection goes through its own bounded queue.
var errSwallowed = errors.New("socket: only the connection's writer writes")

// validator stands between the network and the WebSocket library. It checks every
// frame header before the library sees it, because the library may end the process,
// allocate what a header claims, or answer with another code when a header is
// malformed. It checks the bytes of text as they arrive, because the library waits for
// the end of a message, which may never come. It also keeps the library from writing or
// closing. Read belongs to the reader.
type validator struct {
	net.Conn
	reader rawReader // reads Conn, if it can
	unread []byte    // valid bytes in the reader's buffer
	ahead  []byte    // bytes that the HTTP server had read already
	max    uint64    // bytes of one message

	head  [14]byte // the frame header being read
	have  int      // bytes of the header that were read
	left  uint64   // payload bytes of the frame that were not read yet
	size  uint64   // of the message so far
	frags int      // frames of the message so far
	open  bool     // a fragmented message has begun
	final bool     // the frame being read ends its message
	data  bool     // the frame being read belongs to a message
	key   uint32   // masks the next byte of the payload, in its lowest byte
	text  textChecker

	rate     float64       // of control frames, per second
	control  float64       // tokens left for control frames
	refilled clock.Instant // when tokens were last added

	err   *closeError
	clock *clock.AtomicInstant // coarse

	upgraded bool
	extra    string // header line for the answer to the handshake

	libraryCode atomic.Uint32       // close code that the library wanted to send
	lastRead    clock.AtomicInstant // coarse
	beganAt     clock.AtomicInstant // when the message that is being read began; 0: no message
}

// init makes v the validator of the input from raw. If rc is not nil, it reads raw without
// waiting.
func (v *validator) init(raw net.Conn, rc syscall.RawConn, cfg *Config) {
	now := cfg.Clock
	v.Conn, v.max, v.clock = raw, uint64(cfg.MaxMessageBytes), now
	v.rate, v.control, v.refilled = float64(cfg.ControlFrames), float64(controlBurst*cfg.ControlFrames), now.Load()
	v.lastRead.Store(now.Load())
	if rc != nil {
		v.reader.init(rc)
	}
}

// Read returns input up to the first header or byte of text that breaks a rule, then the
// error for that rule.
func (v *validator) Read(p []byte) (int, error) {
	if len(v.unread) > 0 {
		return v.serve(p), nil
	}
	if v.err != nil {
		return 0, v.err
	}
	var n int
	switch {
	case len(v.ahead) > 0:
		n = copy(p, v.ahead)
		if v.ahead = v.ahead[n:]; len(v.ahead) == 0 {
			v.ahead = nil
		}
	case v.reader.rc != nil:
		return v.take(p)
	default:
		var err error
		if n, err = v.Conn.Read(p); n == 0 || err != nil && n <= 0 {
			return n, err
		}
	}
	v.lastRead.Store(v.clock.Load())
	ok := v.inspect(p[:n])
	if ok == 0 && v.err != nil {
		return 0, v.err
	}
	return ok, nil
}

// take reads all input that is there, and returns the first of it.
func (v *validator) take(p []byte) (int, error) {
	b, err := v.reader.read()
	if err != nil {
		return 0, err
	}
	v.lastRead.Store(v.clock.Load())
	if v.unread = b[:v.inspect(b)]; len(v.unread) == 0 {
		v.reader.release()
		return 0, v.err
	}
	return v.serve(p), nil
}

// serve returns unread bytes.
func (v *validator) serve(p []byte) int {
	n := copy(p, v.unread)
	if v.unread = v.unread[n:]; len(v.unread) == 0 {
		v.release()
	}
	return n
}

// release gives the reader's buffer back.
func (v *validator) release() {
	v.unread = nil
	v.reader.release()
}

// inspect parses the frames in b and returns how many of its bytes are valid.
func (v *validator) inspect(b []byte) int {
	for i := 0; i < len(b); {
		if v.left > 0 {
			n := int(min(v.left, uint64(len(b)-i)))
			if valid := v.payload(b[i : i+n]); valid < n {
				return i + valid
			}
			v.left -= uint64(n)
			i += n
			v.endFrame()
			continue
		}
		start := i
		need := v.headerLen()
		for i < len(b) && v.have < need {
			v.head[v.have] = b[i]
			v.have++
			i++
			need = v.headerLen()
		}
		if v.beganAt.Load() == 0 {
			v.beganAt.Store(v.clock.Load())
		}
		if v.have < need {
			return len(b)
		}
		if v.err = v.header(); v.err != nil {
			return start
		}
		v.endFrame()
	}
	return len(b)
}

// payload checks the next payload bytes, and returns how many of them are valid. A character
// that the message's last byte leaves incomplete is for the library to find.
func (v *validator) payload(b []byte) (valid int) {
	if !v.data {
		return len(b)
	}
	if valid = v.text.check(b, v.key); valid < len(b) {
		v.err = closeWith(proto.CloseInvalidUTF8, proto.CloseInvalidUTF8.Reason())
	}
	v.key = unmaskFrom(v.key, len(b))
	return valid
}

// restart starts the client's idle time, and the time of the message that is being read,
// from now.
func (v *validator) restart() {
	now := v.clock.Load()
	v.lastRead.Store(now)
	if v.beganAt.Load() != 0 {
		v.beganAt.Store(now)
	}
}

// headerLen returns the length of the header, as far as its first bytes tell.
func (v *validator) headerLen() int {
	if v.have < 2 {
		return 2
	}
	n := 2
	switch v.head[1] & 0x7f {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	if v.head[1]&0x80 != 0 {
		n += 4
	}
	return n
}

// endFrame records the end of a frame, and of its message when the frame is the last.
func (v *validator) endFrame() {
	if v.left > 0 || v.have == 0 {
		return
	}
	v.have = 0
	if v.data && v.final {
		v.size, v.frags, v.open, v.text = 0, 0, false, textChecker{}
	}
	if !v.open {
		v.beganAt.Store(0)
	}
}

// header checks a complete frame header.
func (v *validator) header() *closeError {
	const masked = 0x80
	op := v.head[0] & 0x0f
	v.final = v.head[0]&0x80 != 0
	v.data = op < 8
	if v.head[0]&0x70 != 0 {
		return closeWith(proto.CloseProtocolError, "reserved bit set, and no extension is agreed")
	}
	if v.head[1]&masked == 0 {
		return closeWith(proto.CloseProtocolError, "frames from a client must be masked")
	}
	size, ok := v.payloadLen()
	if !ok {
		return closeWith(proto.CloseProtocolError, "malformed payload length")
	}
	v.left, v.key = size, binary.LittleEndian.Uint32(v.head[v.have-4:])
	switch op {
	case 0x0, 0x1:
		return v.dataFrame(op, size)
	case 0x2:
		return closeWith(proto.CloseUnsupported, proto.CloseUnsupported.Reason())
	case 0x8, 0x9, 0xa:
		if !v.final || size > 125 {
			return closeWith(proto.CloseProtocolError, "control frames must be whole and of at most 125 bytes")
		}
		return v.controlFrame()
	}
	return closeWith(proto.CloseProtocolError, "reserved opcode")
}

func (v *validator) payloadLen() (uint64, bool) {
	switch n := uint64(v.head[1] & 0x7f); n {
	case 126:
		n = uint64(binary.BigEndian.Uint16(v.head[2:]))
		return n, n > 125
	case 127:
		n = binary.BigEndian.Uint64(v.head[2:])
		return n, n > 0xffff && n>>63 == 0
	default:
		return n, true
	}
}

func (v *validator) dataFrame(op byte, size uint64) *closeError {
	if (op == 0) != v.open {
		return closeWith(proto.CloseProtocolError, "continuation out of place")
	}
	v.frags++
	if v.frags > maxFragments {
		return closeWith(proto.ClosePolicy, "a message of more than 32 fragments")
	}
	v.size += size
	if size > v.max || v.size > v.max {
		return closeWith(proto.CloseTooBig, proto.CloseTooBig.Reason())
	}
	v.open = !v.final
	return nil
}

func (v *validator) controlFrame() *closeError {
	now := v.clock.Load()
	v.control = min(controlBurst*v.rate, v.control+now.Sub(v.refilled).Seconds()*v.rate)
	v.refilled = now
	if v.control < 1 {
		return closeWith(proto.ClosePolicy, "too many control frames")
	}
	v.control--
	return nil
}

// Write sends the answer to the handshake, with the header line that the library cannot
// add. After that it discards what the library writes, and records the close code that
// the library wanted to send.
func (v *validator) Write(p []byte) (int, error) {
	if !v.upgraded {
		if v.extra != "" && len(p) > 2 {
			p = append(append(p[:len(p)-2:len(p)-2], v.extra...), "\r\n\r\n"...)
			if _, err := v.Conn.Write(p); err != nil {
				return 0, err
			}
			return len(p) - len(v.extra) - 2, nil
		}
		return v.Conn.Write(p)
	}
	if len(p) >= 4 && p[0] == 0x88 && p[1] >= 2 {
		v.libraryCode.Store(uint32(binary.BigEndian.Uint16(p[2:])))
	}
	return 0, errSwallowed
}

// Close does nothing: Finish and Abort close the network.
func (v *validator) Close() error { return nil }
