package proto

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
)

// GatewayID names one running gateway: eight lower-case hex digits, drawn at start.
type GatewayID string

// PeerID names a peer: a UUID of version 8 in lower case whose first group is
// the id of the gateway that issued it. Clients treat it as opaque text.
type PeerID string

const peerIDBytes = 36

// RoomID names a room: any PlainText of 1 to MaxRoomIDBytes bytes.
type RoomID string

// Errors of malformed identifiers. They stay on the server's side of the wire:
// a client receives Not_Found or Invalid_Message.
var (
	ErrGatewayID = errors.New("proto: not a gateway id: want 8 lower-case hex digits")
	ErrPeerID    = errors.New("proto: not a peer id: want a lower-case version 8 UUID")
	ErrRoomID    = errors.New("proto: not a room id: want 1 to 128 bytes of text without control characters, direction marks and non-characters")
)

// NewGatewayID draws a gateway id.
func NewGatewayID() GatewayID {
	var b [4]byte
	rand.Read(b[:])
	return GatewayID(hex.EncodeToString(b[:]))
}

// NewPeerID draws a peer id that g issues. g must be valid.
func NewPeerID(g GatewayID) PeerID {
	var r [12]byte
	rand.Read(r[:])
	r[2] = r[2]&0x0f | 0x80 // version 8
	r[4] = r[4]&0x3f | 0x80 // variant of RFC 9562
	var b [peerIDBytes]byte
	copy(b[:8], g)
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	hex.Encode(b[9:13], r[0:2])
	hex.Encode(b[14:18], r[2:4])
	hex.Encode(b[19:23], r[4:6])
	hex.Encode(b[24:], r[6:12])
	return PeerID(b[:])
}

// Valid reports whether g has the form of a gateway id.
func (g GatewayID) Valid() bool { return len(g) == 8 && allHex(word(g, 0)) }

// Valid reports whether p has the form of a peer id. It does not allocate.
func (p PeerID) Valid() bool {
	if len(p) != peerIDBytes || p[14] != '8' {
		return false
	}
	switch p[19] {
	case '8', '9', 'a', 'b':
	default:
		return false
	}
	if p[8] != '-' || p[13] != '-' || p[18] != '-' || p[23] != '-' {
		return false
	}
	// Where a dash was seen, it is turned into a digit.
	const dash = '-' ^ '0'
	return allHex(word(p, 0)) && allHex(word(p, 8)^(dash|dash<<40)) && allHex(word(p, 16)^(dash<<16|dash<<56)) &&
		allHex(word(p, 24)) && allHex(word(p, 28))
}

// word returns the eight bytes of s from i on, the first in the lowest bits.
func word[T ~string](s T, i int) uint64 {
	s = s[i : i+8]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// allHex reports whether the eight bytes of w are lower-case hexadecimal digits. Ids are
// checked several times on the way of each relay, so it looks at all bytes at once. An addition
// sets the highest bit of each byte that is large enough. Only a byte that is no ASCII can
// carry into the next one, and that byte is refused itself.
func allHex(w uint64) bool {
	const each, high = 0x0101010101010101, 0x8080808080808080
	digit := (w + each*(0x80-'0')) &^ (w + each*(0x7f-'9'))
	letter := (w + each*(0x80-'a')) &^ (w + each*(0x7f-'f'))
	return (digit|letter)&^w&high == high
}

// hexDigit says which bytes are lower-case hexadecimal digits.
var hexDigit = func() (t [256]bool) {
	for _, c := range []byte("0123456789abcdef") {
		t[c] = true
	}
	return t
}()

// Home returns the gateway that issued p, or "" when p is not valid.
func (p PeerID) Home() GatewayID {
	if !p.Valid() {
		return ""
	}
	return GatewayID(p[:8])
}

// Valid reports whether r may name a room.
func (r RoomID) Valid() bool {
	return len(r) > 0 && len(r) <= MaxRoomIDBytes && PlainText(string(r))
}
