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
func (g GatewayID) Valid() bool { return len(g) == 8 && allHex(g) }

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
	return allHex(p[:8]) && allHex(p[9:13]) && allHex(p[14:18]) && allHex(p[19:23]) && allHex(p[24:])
}

func allHex[T ~string](s T) bool {
	ok := true
	for i := range len(s) {
		ok = ok && hexDigit[s[i]]
	}
	return ok
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
