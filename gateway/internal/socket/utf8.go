package socket

import (
	"encoding/binary"
	"math/bits"
)

// textChecker checks the bytes of a text message as they arrive, in pieces of any size. It
// finds the first byte that cannot continue valid UTF-8. The zero textChecker is at the
// beginning of a message; at its end the message is valid if more is 0.
type textChecker struct {
	more   uint8 // continuation bytes that the character lacks
	lo, hi uint8 // range of the next continuation byte
}

// check returns the number of bytes of b before the first that is invalid. b is masked;
// the lowest byte of key belongs to the first byte of b.
func (t *textChecker) check(b []byte, key uint32) (valid int) {
	const ascii = 0x8080808080808080 // no byte of a word of ASCII has one of these bits
	wide := uint64(key)<<32 | uint64(key)
	for valid < len(b) {
		if t.more == 0 && len(b)-valid >= 8 {
			rest := b[valid:]
			for len(rest) >= 8 && (binary.LittleEndian.Uint64(rest)^wide)&ascii == 0 {
				rest = rest[8:]
			}
			if valid = len(b) - len(rest); len(rest) == 0 {
				return valid
			}
		}
		if !t.next(b[valid] ^ byte(wide)) {
			return valid
		}
		wide = bits.RotateLeft64(wide, -8)
		valid++
	}
	return valid
}

// next checks one byte, by the table of well-formed sequences in the Unicode Standard
// (section 3.9): only the byte after the first has a range that differs.
func (t *textChecker) next(c byte) bool {
	if t.more > 0 {
		if c < t.lo || c > t.hi {
			return false
		}
		t.more, t.lo, t.hi = t.more-1, 0x80, 0xbf
		return true
	}
	t.lo, t.hi = 0x80, 0xbf
	switch {
	case c < 0x80:
		return true
	case c < 0xc2:
		return false // a continuation byte, or a code point that needs no second byte
	case c < 0xe0:
		t.more = 1
	case c < 0xf0:
		t.more = 2
	case c < 0xf5:
		t.more = 3
	default:
		return false
	}
	switch c {
	case 0xe0:
		t.lo = 0xa0 // a code point that needs no third byte is below
	case 0xed:
		t.hi = 0x9f // surrogates are above
	case 0xf0:
		t.lo = 0x90 // a code point that needs no fourth byte is below
	case 0xf4:
		t.hi = 0x8f // the last code point is U+10FFFF
	}
	return true
}

// unmaskFrom returns key for the payload from index i on.
func unmaskFrom(key uint32, i int) uint32 { return bits.RotateLeft32(key, -8*(i&3)) }
