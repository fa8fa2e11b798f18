package socket

import (
	"encoding/binary"
	"iter"
)

// WebSocket opcodes that the server sends.
const (
	opText  = 0x1
	opClose = 0x8
	opPing  = 0x9
	opPong  = 0xa
)

// maxHeader is the longest header of a frame that the server sends, in bytes.
const maxHeader = 10

// AppendText appends a text frame from the server to b, which may hold other frames.
func AppendText(b, text []byte) []byte { return appendFrame(b, opText, text) }

// Texts yields the payloads of the text frames in buffers, each of which holds whole frames
// from the server. The payloads are slices of the buffers.
func Texts(buffers ...[]byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for _, b := range buffers {
			for len(b) > 0 {
				op, payload, rest := cutFrame(b)
				if b = rest; op == opText && !yield(payload) {
					return
				}
			}
		}
	}
}

// LastTexts returns the payloads of the last n text frames in b, or of all of them when
// there are fewer.
func LastTexts(b []byte, n uint64) (texts [][]byte) {
	for text := range Texts(b) {
		texts = append(texts, text)
	}
	if uint64(len(texts)) > n {
		texts = texts[uint64(len(texts))-n:]
	}
	return texts
}

func countTexts(buffers ...[]byte) (n int) {
	for range Texts(buffers...) {
		n++
	}
	return n
}

// appendFrame appends an unmasked, final WebSocket frame.
func appendFrame(dst []byte, op byte, payload []byte) []byte {
	dst = append(dst, 0x80|op)
	switch n := len(payload); {
	case n <= 125:
		dst = append(dst, byte(n))
	case n <= 0xffff:
		dst = binary.BigEndian.AppendUint16(append(dst, 126), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, 127), uint64(n))
	}
	return append(dst, payload...)
}

// cutFrame removes the first frame from b, which holds only whole frames.
func cutFrame(b []byte) (op byte, payload, rest []byte) {
	op, size := frameSize(b)
	return op, b[headerSize(b):size], b[size:]
}

// frameSize returns the opcode and the whole size of a frame that appendFrame made.
func frameSize(b []byte) (op byte, size int) {
	n := int(b[1])
	switch n {
	case 126:
		n = int(binary.BigEndian.Uint16(b[2:]))
	case 127:
		n = int(binary.BigEndian.Uint64(b[2:]))
	}
	return b[0] & 0x0f, headerSize(b) + n
}

func headerSize(b []byte) int {
	switch b[1] {
	case 126:
		return 4
	case 127:
		return 10
	}
	return 2
}
