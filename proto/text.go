package proto

import (
	"strings"
	"unicode/utf8"
)

// PlainText reports whether s may stand in the id or name of a room: valid UTF-8 without
// control characters (C0, DEL, C1), without the marks that change the direction of text, by
// which a name can be made to look like another, and without Unicode's non-characters. It
// does not allocate.
func PlainText(s string) bool { return utf8.ValidString(s) && strings.IndexFunc(s, Forbidden) < 0 }

// Forbidden reports whether r may not stand in a room's id or name.
func Forbidden(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r <= 0x9f: // Unicode's category Cc
		return true
	case r < 0x061c:
		return false
	case r == 0x061c, r == 0x200e, r == 0x200f: // marks of one direction
		return true
	case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069: // embeddings, overrides, isolates
		return true
	case r >= 0xfdd0 && r <= 0xfdef, r&0xfffe == 0xfffe: // non-characters
		return true
	}
	return false
}
