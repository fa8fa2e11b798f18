package gateway

import (
	"encoding/binary"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"p2pconnector/proto"
)

// Bounds on what one message may be made of.
const (
	maxFragments   = 32
	maxMessageTime = 10 * time.Second
	controlBurst   = 64 // pings, pongs and closes at once
	controlRate    = 10 // and a second after that
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

// errSwallowed is what the WebSocket library gets when it writes: every byte
// that leaves a connection goes through its own bounded queue.
var errSwallowed = errors.New("gateway: only the connection's writer writes")

// guard stands between the network and the WebSocket library. It checks every
// frame header before the library sees it, so that what the library does about
// a malformed one (it may end the process, allocate what a header claims, or
// answer with another code) is out of reach, and it keeps the library from
// writing or closing. Read belongs to the reader.
type guard struct {
	net.Conn
	intake intake // reads Conn, if it can
	unread []byte // good bytes of what the intake holds
	ahead  []byte // what the HTTP server had read already
	max    uint64 // bytes of one message

	head  [14]byte // the frame header being read
	have  int      // bytes of it that are there
	left  uint64   // payload bytes of the frame still to come
	size  uint64   // of the message so far
	frags int      // frames of the message so far
	open  bool     // a fragmented message is under way
	final bool     // the frame being read ends its message
	data  bool     // the frame being read belongs to a message

	control  float64 // tokens left for control frames
	refilled int64   // when, in Unix nanoseconds

	err   *closeError
	clock func() int64 // coarse, Unix nanoseconds

	upgraded bool
	extra    string // header line for the answer to the handshake

	said     atomic.Uint32 // close code that the library wanted to send
	lastRead atomic.Int64  // Unix nanoseconds, coarse
	beganAt  atomic.Int64  // when the message under way began; 0: none
}

// Read hands on bytes up to the first header that breaks the rules, then the
// error that says which.
func (c *guard) Read(p []byte) (int, error) {
	if len(c.unread) > 0 {
		return c.serve(p), nil
	}
	if c.err != nil {
		return 0, c.err
	}
	var n int
	switch {
	case len(c.ahead) > 0:
		n = copy(p, c.ahead)
		if c.ahead = c.ahead[n:]; len(c.ahead) == 0 {
			c.ahead = nil
		}
	case c.intake.rc != nil:
		return c.take(p)
	default:
		var err error
		if n, err = c.Conn.Read(p); n == 0 || err != nil && n <= 0 {
			return n, err
		}
	}
	c.lastRead.Store(c.clock())
	ok := c.inspect(p[:n])
	if ok == 0 && c.err != nil {
		return 0, c.err
	}
	return ok, nil
}

// take reads all that has come, and hands on the first of it.
func (c *guard) take(p []byte) (int, error) {
	b, err := c.intake.read()
	if err != nil {
		return 0, err
	}
	c.lastRead.Store(c.clock())
	if c.unread = b[:c.inspect(b)]; len(c.unread) == 0 {
		c.intake.release()
		return 0, c.err
	}
	return c.serve(p), nil
}

// serve hands on what is unread.
func (c *guard) serve(p []byte) int {
	n := copy(p, c.unread)
	if c.unread = c.unread[n:]; len(c.unread) == 0 {
		c.release()
	}
	return n
}

// release gives back what the intake holds.
func (c *guard) release() {
	c.unread = nil
	c.intake.release()
}

// inspect follows the frames in b and returns how many of its bytes are good.
func (c *guard) inspect(b []byte) int {
	for i := 0; i < len(b); {
		if c.left > 0 {
			n := min(c.left, uint64(len(b)-i))
			c.left -= n
			i += int(n)
			c.endFrame()
			continue
		}
		start := i
		need := c.headerLen()
		for i < len(b) && c.have < need {
			c.head[c.have] = b[i]
			c.have++
			i++
			need = c.headerLen()
		}
		if c.beganAt.Load() == 0 {
			c.beganAt.Store(c.clock())
		}
		if c.have < need {
			return len(b)
		}
		if c.err = c.header(); c.err != nil {
			return start
		}
		c.endFrame()
	}
	return len(b)
}

// restart begins the times of the client's silence and of the message under way
// afresh. It belongs to the reader.
func (c *guard) restart() {
	now := c.clock()
	c.lastRead.Store(now)
	if c.beganAt.Load() != 0 {
		c.beganAt.Store(now)
	}
}

// headerLen is how long the header is, as far as its first bytes tell.
func (c *guard) headerLen() int {
	if c.have < 2 {
		return 2
	}
	n := 2
	switch c.head[1] & 0x7f {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	if c.head[1]&0x80 != 0 {
		n += 4
	}
	return n
}

// endFrame notes the end of a frame, and of its message when it is the last one.
func (c *guard) endFrame() {
	if c.left > 0 || c.have == 0 {
		return
	}
	c.have = 0
	if c.data && c.final {
		c.size, c.frags, c.open = 0, 0, false
	}
	if !c.open {
		c.beganAt.Store(0)
	}
}

// header judges a complete frame header.
func (c *guard) header() *closeError {
	const masked = 0x80
	op := c.head[0] & 0x0f
	c.final = c.head[0]&0x80 != 0
	c.data = op < 8
	if c.head[0]&0x70 != 0 {
		return closeWith(proto.CloseProtocolError, "reserved bit set, and no extension is agreed")
	}
	if c.head[1]&masked == 0 {
		return closeWith(proto.CloseProtocolError, "frames from a client must be masked")
	}
	size, ok := c.payloadLen()
	if !ok {
		return closeWith(proto.CloseProtocolError, "malformed payload length")
	}
	c.left = size
	switch op {
	case 0x0, 0x1:
		return c.dataFrame(op, size)
	case 0x2:
		return closeWith(proto.CloseUnsupported, proto.CloseUnsupported.Reason())
	case 0x8, 0x9, 0xa:
		if !c.final || size > 125 {
			return closeWith(proto.CloseProtocolError, "control frames must be whole and of at most 125 bytes")
		}
		return c.controlFrame()
	}
	return closeWith(proto.CloseProtocolError, "reserved opcode")
}

func (c *guard) payloadLen() (uint64, bool) {
	switch n := uint64(c.head[1] & 0x7f); n {
	case 126:
		n = uint64(binary.BigEndian.Uint16(c.head[2:]))
		return n, n > 125
	case 127:
		n = binary.BigEndian.Uint64(c.head[2:])
		return n, n > 0xffff && n>>63 == 0
	default:
		return n, true
	}
}

func (c *guard) dataFrame(op byte, size uint64) *closeError {
	if (op == 0) != c.open {
		return closeWith(proto.CloseProtocolError, "continuation out of place")
	}
	c.frags++
	if c.frags > maxFragments {
		return closeWith(proto.ClosePolicy, "a message of more than 32 fragments")
	}
	c.size += size
	if size > c.max || c.size > c.max {
		return closeWith(proto.CloseTooBig, proto.CloseTooBig.Reason())
	}
	c.open = !c.final
	return nil
}

func (c *guard) controlFrame() *closeError {
	now := c.clock()
	c.control = min(controlBurst, c.control+float64(now-c.refilled)/1e9*controlRate)
	c.refilled = now
	if c.control < 1 {
		return closeWith(proto.ClosePolicy, "too many control frames")
	}
	c.control--
	return nil
}

// Write sends the answer to the handshake, with the header line that the
// library cannot add; after that it swallows what the library writes and notes
// the close code it had in mind.
func (c *guard) Write(p []byte) (int, error) {
	if !c.upgraded {
		if c.extra != "" && len(p) > 2 {
			p = append(append(p[:len(p)-2:len(p)-2], c.extra...), "\r\n\r\n"...)
			if _, err := c.Conn.Write(p); err != nil {
				return 0, err
			}
			return len(p) - len(c.extra) - 2, nil
		}
		return c.Conn.Write(p)
	}
	if len(p) >= 4 && p[0] == 0x88 && p[1] >= 2 {
		c.said.Store(uint32(binary.BigEndian.Uint16(p[2:])))
	}
	return 0, errSwallowed
}

// Close does nothing: the connection's life cycle closes the network.
func (c *guard) Close() error { return nil }
