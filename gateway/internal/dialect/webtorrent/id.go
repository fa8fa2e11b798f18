package webtorrent

import "slices"

// idBytes is the length of info hashes and peer ids.
const idBytes = 20

// id is an info hash or a peer id.
type id [idBytes]byte

// escapes are the characters that JSON escapes with one letter, by that letter.
var escapes = map[byte]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// parseID reads a JSON string of 20 characters up to U+00FF, one for each byte.
func parseID(raw []byte) (x id, ok bool) {
	if len(raw) < idBytes+2 || raw[0] != '"' {
		return x, false
	}
	s := raw[1 : len(raw)-1]
	n := 0
	for ; len(s) > 0; n++ {
		if n == idBytes {
			return x, false
		}
		if x[n], s, ok = nextByte(s); !ok {
			return x, false
		}
	}
	return x, n == idBytes
}

// nextByte cuts the first character off the inside of a valid JSON string.
func nextByte(s []byte) (c byte, rest []byte, ok bool) {
	switch c = s[0]; {
	case c == '\\' && s[1] == 'u':
		if s[2] != '0' || s[3] != '0' {
			return 0, s, false
		}
		return hexDigit(s[4])<<4 | hexDigit(s[5]), s[6:], true
	case c == '\\':
		return escapes[s[1]], s[2:], true
	case c < 0x80:
		return c, s[1:], true
	case c == 0xc2 || c == 0xc3: // the first byte of U+0080 to U+00FF in UTF-8
		return c<<6 | s[1]&0x3f, s[2:], true
	}
	return 0, s, false
}

func hexDigit(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}

const hexDigits = "0123456789abcdef"

// appendTo appends x as a JSON string.
func (x id) appendTo(dst []byte) []byte {
	dst = slices.Grow(dst, 2*idBytes+2)
	dst = append(dst, '"')
	for _, c := range x {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		case c < 0x80:
			dst = append(dst, c)
		default:
			dst = append(dst, 0xc0|c>>6, 0x80|c&0x3f)
		}
	}
	return append(dst, '"')
}
