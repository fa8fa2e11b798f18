package proto

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// TestUnescape_EachEscape_IsDecoded checks that names and strings resolve to what encoding/json
// reads in them, half surrogates included.
func TestUnescape_EachEscape_IsDecoded(t *testing.T) {
	parts := []string{
		``, `a`, `é`, `日本`, `😀`, `\"`, `\\`, `\/`, `\b`, `\f`, `\n`, `\r`, `\t`, `\u0000`, `\u0041`, `\u00e9`, `\u00E9`, `\u20aC`, `\ufffd`, `\uffff`,
		`\ud83d\ude00`, `\uD83D\uDE00`, `\ud83d`, `\ude00`, `\ude00\ud83d`, `\ud83d\ud83d\ude00`, `\ud83d\u0041`, `\ud83dx`, `\ud83d\n`, `\udfff`, `\udbff\udfff`,
	}
	for _, a := range parts {
		for _, b := range parts {
			for _, c := range []string{"", "x", `\ude00`, `\\u0041`} {
				in := a + b + c
				var want string
				if err := json.Unmarshal([]byte(`"`+in+`"`), &want); err != nil {
					t.Fatalf("%s: %v", in, err)
				}
				if got := string(unescape([]byte(in))); got != want {
					t.Errorf("%s: got %q, want %q", in, got, want)
				}
			}
		}
	}
}

// TestSkipPlain_EachByteAtEachPlace_IsFound: the first byte that does not stand for itself is
// found wherever it is, whatever its neighbors are.
func TestSkipPlain_EachByteAtEachPlace_IsFound(t *testing.T) {
	plain := func(c byte) bool { return c >= 0x20 && c < 0x80 && c != '"' && c != '\\' }
	for length := range 20 {
		for at := range length {
			for c := range 256 {
				for _, fill := range []byte{' ', '!', '#', '[', ']', 'a', 0x7f} {
					for _, after := range []byte{fill, 0, '"', 0xff} {
						b := bytes.Repeat([]byte{fill}, length)
						b[at] = byte(c)
						if at+1 < length {
							b[at+1] = after
						}
						want := slices.IndexFunc(b, func(c byte) bool { return !plain(c) })
						if want < 0 {
							want = length
						}
						if got := skipPlain(b, 0); got != want {
							t.Fatalf("%q: got %d, want %d", b, got, want)
						}
					}
				}
			}
		}
	}
}

// TestDecode_HostileFrame_IsCheap checks that no frame costs much more memory than its own
// length, whatever its objects and names look like, because any client may send
// hundreds a second.
func TestDecode_HostileFrame_IsCheap(t *testing.T) {
	object := func(names int, name func(i int) string) string {
		var all []string
		for i := range names {
			all = append(all, `"`+name(i)+`":0`)
		}
		return "{" + strings.Join(all, ",") + "},"
	}
	letter := func(i int) string { return string(rune('a' + i)) }
	escaped := func(i int) string {
		return `\u00` + string("0123456789abcdef"[4+i/16]) + string("0123456789abcdef"[i%16])
	}
	for name, o := range map[string]string{
		"objects of few names":     object(fewNames, letter),
		"objects of more names":    object(fewNames+1, letter),
		"objects of escaped names": object(fewNames, escaped),
		"one escaped name each":    object(1, escaped),
		"empty objects":            "{},",
	} {
		in := []byte(`{"event":"Ping","data":[` + strings.Repeat(o, (DefaultMaxMessageBytes-40)/len(o)) + `0]}`)
		var f Frame
		allocs := testing.AllocsPerRun(10, func() {
			if err := f.Decode(in); err != nil {
				t.Fatal(err)
			}
		})
		if most := float64(len(in)) / 8; allocs > most { // a name and its value are 11 bytes when escaped
			t.Errorf("%s: got %.0f allocations for %d bytes, want at most one for 8 bytes", name, allocs, len(in))
		}
	}
}
