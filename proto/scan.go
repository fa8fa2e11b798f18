package proto

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner validates JSON as RFC 8259 has it, and more strictly than
// encoding/json: no duplicate member names at any depth, no invalid UTF-8,
// nesting up to MaxDepth. It does not allocate unless an object has more than
// fewNames members or a name holds an escape.
type scanner struct {
	b     []byte
	i     int
	names []name // of the objects that are open, innermost last
}

// name is a member name in scanner.b, without its quotes.
type name struct {
	start, end int
	escaped    bool
	resolved   []byte // with its escapes resolved, when escaped; nil until then
}

// fewNames is how many names of one object are compared one by one; more go into
// a map, so that a hostile object costs no more than its length. A map costs more
// than these few comparisons, and a frame may hold very many small objects.
const fewNames = 16

func (s *scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return
		}
	}
}

// value scans any value that stands at s.i; depth counts the arrays and objects
// around it.
func (s *scanner) value(depth int) bool {
	if s.i >= len(s.b) {
		return false
	}
	switch c := s.b[s.i]; {
	case c == '"':
		_, ok := s.str()
		return ok
	case c == '{':
		return s.object(depth, nil)
	case c == '[':
		return s.array(depth)
	case c == '-' || '0' <= c && c <= '9':
		return s.number()
	case c == 't':
		return s.word("true")
	case c == 'f':
		return s.word("false")
	case c == 'n':
		return s.word("null")
	}
	return false
}

func (s *scanner) word(w string) bool {
	if len(s.b)-s.i < len(w) || string(s.b[s.i:s.i+len(w)]) != w {
		return false
	}
	s.i += len(w)
	return true
}

func (s *scanner) array(depth int) bool {
	if depth >= MaxDepth {
		return false
	}
	s.i++
	s.space()
	if s.i < len(s.b) && s.b[s.i] == ']' {
		s.i++
		return true
	}
	for {
		s.space()
		if !s.value(depth + 1) {
			return false
		}
		s.space()
		if s.i >= len(s.b) {
			return false
		}
		s.i++
		switch s.b[s.i-1] {
		case ',':
		case ']':
			return true
		default:
			return false
		}
	}
}

// member is a member of the outermost object: its name and the bytes from the
// name's opening quote to the end of the value.
type member struct {
	name            name
	start, val, end int
}

// object scans an object. When top is not nil, it appends the object's members there.
func (s *scanner) object(depth int, top *[]member) bool {
	if depth >= MaxDepth {
		return false
	}
	base := len(s.names)
	defer func() { s.names = s.names[:base] }()
	var many map[string]struct{}
	s.i++
	s.space()
	if s.i < len(s.b) && s.b[s.i] == '}' {
		s.i++
		return true
	}
	for {
		s.space()
		m := member{start: s.i}
		if s.i >= len(s.b) || s.b[s.i] != '"' {
			return false
		}
		var ok bool
		if m.name, ok = s.str(); !ok {
			return false
		}
		if m.name.escaped { // once, not for every comparison
			m.name.resolved = s.text(m.name)
		}
		if !s.fresh(m.name, base, &many) {
			return false
		}
		s.space()
		if s.i >= len(s.b) || s.b[s.i] != ':' {
			return false
		}
		s.i++
		s.space()
		m.val = s.i
		if !s.value(depth + 1) {
			return false
		}
		if m.end = s.i; top != nil {
			*top = append(*top, m)
		}
		s.space()
		if s.i >= len(s.b) {
			return false
		}
		s.i++
		switch s.b[s.i-1] {
		case ',':
		case '}':
			return true
		default:
			return false
		}
	}
}

// fresh records n among the names of the object that starts at base. It returns
// false when n is there already.
func (s *scanner) fresh(n name, base int, many *map[string]struct{}) bool {
	if *many != nil {
		key := string(s.text(n))
		if _, dup := (*many)[key]; dup {
			return false
		}
		(*many)[key] = struct{}{}
		return true
	}
	text := s.text(n)
	for _, other := range s.names[base:] {
		if !other.escaped && other.end-other.start != len(text) {
			continue
		}
		if string(s.text(other)) == string(text) {
			return false
		}
	}
	s.names = append(s.names, n)
	if len(s.names)-base > fewNames {
		*many = make(map[string]struct{}, 2*fewNames)
		for _, other := range s.names[base:] {
			(*many)[string(s.text(other))] = struct{}{}
		}
	}
	return true
}

// text returns the text of a name or string, with its escapes resolved.
func (s *scanner) text(n name) []byte {
	if !n.escaped {
		return s.b[n.start:n.end]
	}
	if n.resolved != nil {
		return n.resolved
	}
	return unescape(s.b[n.start:n.end])
}

// unescape resolves the escapes of a string that was scanned. A surrogate without
// its other half becomes U+FFFD, as encoding/json has it.
func unescape(b []byte) []byte {
	out := make([]byte, 0, len(b)) // no escape is shorter than what it stands for
	for i := 0; i < len(b); {
		if b[i] != '\\' {
			out = append(out, b[i])
			i++
			continue
		}
		switch c := b[i+1]; c {
		case 'u':
			r := unit(b[i:])
			i += 6
			if utf16.IsSurrogate(r) {
				if r = utf16.DecodeRune(r, unit(b[i:])); r != utf8.RuneError {
					i += 6
				}
			}
			out = utf8.AppendRune(out, r)
			continue
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		default: // quote, backslash, slash
			out = append(out, c)
		}
		i += 2
	}
	return out
}

// unit reads a \u escape at the beginning of b; -1 when none stands there.
func unit(b []byte) rune {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return -1
	}
	var r rune
	for _, c := range b[2:6] {
		r <<= 4
		switch {
		case c <= '9':
			r |= rune(c - '0')
		default:
			r |= rune(c|0x20-'a') + 10
		}
	}
	return r
}

// skipPlain returns the index of the first byte of b from i on that does not stand for itself
// in a string: a control character, quote or backslash, or no ASCII. Strings are most of a
// frame, so skipPlain looks at eight bytes at a time. A subtraction sets the highest bit of each
// byte that is too small. It may also set that of bytes above, so only the lowest one counts.
func skipPlain(b []byte, i int) int {
	const each, high = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		quote, backslash := w^each*'"', w^each*'\\'
		special := (w | (w - each*0x20) | (quote - each) | (backslash - each)) & high
		if special != 0 {
			return i + bits.TrailingZeros64(special)/8
		}
	}
	for i < len(b) && b[i] >= 0x20 && b[i] < utf8.RuneSelf && b[i] != '"' && b[i] != '\\' {
		i++
	}
	return i
}

// str scans the string whose opening quote stands at s.i.
func (s *scanner) str() (name, bool) {
	b, i := s.b, s.i+1
	n := name{start: i}
	for {
		if i = skipPlain(b, i); i >= len(b) {
			return n, false
		}
		switch c := b[i]; {
		case c == '"':
			n.end, s.i = i, i+1
			return n, true
		case c == '\\':
			n.escaped, s.i = true, i
			if !s.escape() {
				return n, false
			}
			i = s.i
		case c < 0x20:
			return n, false
		default:
			r, size := utf8.DecodeRune(b[i:])
			if r == utf8.RuneError && size == 1 {
				return n, false
			}
			i += size
		}
	}
}

func (s *scanner) escape() bool {
	if s.i+1 >= len(s.b) {
		return false
	}
	switch s.b[s.i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.i += 2
		return true
	case 'u':
		if s.i+6 > len(s.b) {
			return false
		}
		for _, c := range s.b[s.i+2 : s.i+6] {
			if !hexDigit[c] && (c < 'A' || c > 'F') {
				return false
			}
		}
		s.i += 6
		return true
	}
	return false
}

func (s *scanner) number() bool {
	if s.b[s.i] == '-' {
		s.i++
	}
	if s.i < len(s.b) && s.b[s.i] == '0' {
		s.i++
	} else if !s.digits() {
		return false
	}
	if s.i < len(s.b) && s.b[s.i] == '.' {
		s.i++
		if !s.digits() {
			return false
		}
	}
	if s.i < len(s.b) && (s.b[s.i] == 'e' || s.b[s.i] == 'E') {
		s.i++
		if s.i < len(s.b) && (s.b[s.i] == '+' || s.b[s.i] == '-') {
			s.i++
		}
		return s.digits()
	}
	return true
}

func (s *scanner) digits() bool {
	from := s.i
	for s.i < len(s.b) && '0' <= s.b[s.i] && s.b[s.i] <= '9' {
		s.i++
	}
	return s.i > from
}
