package load

import (
	"encoding/binary"
	"errors"
)

// WebSocket opcodes.
const (
	OpText  = 0x1
	OpClose = 0x8
	OpPing  = 0x9
	OpPong  = 0xa
)

// AppendFrame appends a final, masked frame. Its masking key is zero, which
// a server has to unmask like any other and costs a load generator nothing.
func AppendFrame(dst []byte, op byte, payload []byte) []byte {
	dst = append(dst, 0x80|op)
	switch n := len(payload); {
	case n <= 125:
		dst = append(dst, 0x80|byte(n))
	case n <= 0xffff:
		dst = binary.BigEndian.AppendUint16(append(dst, 0x80|126), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, 0x80|127), uint64(n))
	}
	dst = append(dst, 0, 0, 0, 0)
	return append(dst, payload...)
}

// ErrFrame reports a frame that no server may send.
var ErrFrame = errors.New("a frame that is masked, fragmented, compressed or larger than 16 MiB")

const maxFrame = 16 << 20

// ParseFrame parses the first frame of b. size is the frame's length in bytes,
// or 0 when b does not hold all of it.
func ParseFrame(b []byte) (op byte, payload []byte, size int, err error) {
	if len(b) < 2 {
		return 0, nil, 0, nil
	}
	if b[0]&0xf0 != 0x80 || b[0]&0x0f == 0 || b[1]&0x80 != 0 {
		return 0, nil, 0, ErrFrame
	}
	n, head := uint64(b[1]), 2
	switch {
	case n == 126 && len(b) >= 4:
		n, head = uint64(binary.BigEndian.Uint16(b[2:])), 4
	case n == 127 && len(b) >= 10:
		n, head = binary.BigEndian.Uint64(b[2:]), 10
	case n >= 126:
		return 0, nil, 0, nil
	}
	if n > maxFrame {
		return 0, nil, 0, ErrFrame
	}
	if uint64(len(b)-head) < n {
		return 0, nil, 0, nil
	}
	return b[0] & 0x0f, b[head : head+int(n)], head + int(n), nil
}
