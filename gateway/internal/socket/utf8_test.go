package socket

import (
	"encoding/binary"
	"io"
	"testing"
	"unicode/utf8"

	"p2pconnector/gateway/internal/socket/sockettest"
	"p2pconnector/proto"
)

// validPrefix returns the number of bytes of text before the first that no valid text could
// have there. complete is false when text ends within a character.
func validPrefix(text []byte) (n int, complete bool) {
	for n < len(text) {
		if r, size := utf8.DecodeRune(text[n:]); r != utf8.RuneError || size > 1 {
			n += size
			continue
		}
		if !utf8.FullRune(text[n:]) {
			return len(text), false
		}
		for end := n + 1; ; end++ { // the first byte that makes the sequence a full one is wrong
			if utf8.FullRune(text[n:end]) {
				return end - 1, false
			}
		}
	}
	return n, true
}

// FuzzTextChecker: whatever pieces text arrives in, the checker stops at the byte at which
// package utf8 does, and accepts all of the text exactly when it is valid.
func FuzzTextChecker(f *testing.F) {
	for _, text := range []string{
		"", "only ASCII, and longer than a word", "\xff", "κόσμε", "0123456κ89abcdefκ", "\xed\xa0\x80", "\xf4\x90\x80\x80",
		"\xe0\x80\xaf", "\xf0\x8f\xbf\xbf", "\xc2", "\xf0\x9f\x98", "😀😀😀", "01234567\x80", "\xc3ab", "\xc1\xbf",
	} {
		for _, step := range []uint8{0, 1, 3, 8} {
			f.Add([]byte(text), step, uint32(0x04030281))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte, step uint8, key uint32) {
		want, complete := validPrefix(text)
		masked := make([]byte, len(text))
		for i, b := range text {
			masked[i] = b ^ binary.LittleEndian.AppendUint32(nil, key)[i%4]
		}
		var checker textChecker
		got := 0
		for got < len(text) {
			piece := masked[got:]
			if step > 0 {
				piece = piece[:min(len(piece), int(step))]
			}
			n := checker.check(piece, unmaskFrom(key, got))
			got += n
			if n < len(piece) {
				break
			}
		}
		if got != want {
			t.Errorf("valid bytes: got %d, want %d of %q", got, want, text)
		}
		valid := got == len(text) && checker.more == 0
		if valid != utf8.Valid(text) || valid != complete {
			t.Errorf("valid: got %v, want %v for %q", valid, utf8.Valid(text), text)
		}
	})
}

// TestValidator_InvalidText_StopsAtTheByte: the validator reports an invalid byte when it
// arrives, in whatever fragment, and returns the bytes before it. It forgets an incomplete
// character with the message, and does not check control frames.
func TestValidator_InvalidText_StopsAtTheByte(t *testing.T) {
	whole := sockettest.ClientFrame(0x81, []byte("one\xce\xba, \xff and the rest"))
	for name, tc := range map[string]struct {
		bytes []byte
		valid int // -1: all
	}{
		"in a whole message":   {whole, 6 + len("one\xce\xba, ")},
		"the rest is not sent": {whole[:6+len("one\xce\xba, \xff")], 6 + len("one\xce\xba, ")},
		"all but the byte":     {whole[:6+len("one\xce\xba, ")], -1},
		"in a later fragment": {append(append(sockettest.ClientFrame(0x01, []byte("\xce")), sockettest.ClientFrame(0x89, []byte("\xff"))...),
			sockettest.ClientFrame(0x00, []byte("\xba\xba"))...), 7 + 7 + 6 + 1},
		"after an incomplete message": {append(sockettest.ClientFrame(0x81, []byte("\xce")), sockettest.ClientFrame(0x81, []byte("a"))...), -1},
		"in control frames":           {append(sockettest.ClientFrame(0x89, []byte("\xff")), sockettest.ClientFrame(0x8a, []byte("\xff"))...), -1},
	} {
		t.Run(name, func(t *testing.T) {
			want := tc.valid
			if want < 0 {
				want = len(tc.bytes)
			}
			for _, step := range []int{len(tc.bytes), 1, 5} {
				v := testValidator(nil)
				got := 0
				for got < len(tc.bytes) && v.err == nil {
					got += v.inspect(tc.bytes[got:min(got+step, len(tc.bytes))])
				}
				if got != want {
					t.Errorf("valid bytes in steps of %d: got %d, want %d", step, got, want)
				}
				if (v.err != nil) != (tc.valid >= 0) || v.err != nil && v.err.code != proto.CloseInvalidUTF8 {
					t.Errorf("error in steps of %d: got %v, want one with 1007: %v", step, v.err, tc.valid >= 0)
				}
			}
		})
	}
}

// TestConn_InvalidByte_IsClosedBeforeTheMessageEnds: the close frame with 1007 comes
// although the rest of the message never does, and earlier messages are handled.
func TestConn_InvalidByte_IsClosedBeforeTheMessageEnds(t *testing.T) {
	s := newTestServer(1024)
	client := &scripted{code: sockettest.NoClose, step: 1 << 10, waits: true, closed: make(chan struct{})}
	client.in = append(sockettest.ClientFrame(0x81, []byte("first")), sockettest.ClientFrame(0x81, []byte("second\xff and more"))[:6+len("second\xff")]...)
	c := upgraded(t, s, client)
	var got []string
	c.Serve(&testHandler{message: func(text []byte) { got = append(got, string(text)) }})
	c.Finish()
	c.Remains()
	s.Wait()
	if client.code != int(proto.CloseInvalidUTF8) {
		t.Errorf("close code: got %d, want %d", client.code, proto.CloseInvalidUTF8)
	}
	if len(got) != 1 || got[0] != "first" {
		t.Errorf("messages: got %q, want the first", got)
	}
}

func BenchmarkValidator(b *testing.B) {
	for name, text := range map[string][]byte{"ASCII 300": make([]byte, 300), "ASCII 64K": make([]byte, 64<<10), "Greek 64K": greek(64 << 10)} {
		b.Run(name, func(b *testing.B) {
			v := testValidator(nil)
			v.max = 1 << 20
			wire := sockettest.ClientFrame(0x81, text)
			b.SetBytes(int64(len(wire)))
			for b.Loop() {
				if n := v.inspect(wire); n != len(wire) {
					b.Fatal(io.ErrUnexpectedEOF)
				}
			}
		})
	}
}

// greek returns n bytes of characters of two bytes.
func greek(n int) (text []byte) {
	for len(text) < n {
		text = append(text, "κό"...)
	}
	return text[:n&^1]
}
