package edge_test

import (
	"fmt"
	"testing"
	"unicode/utf8"

	"p2pconnector/e2e/kit/raw"
	"p2pconnector/proto"
)

// utf8Cases are the texts of section 6 of the Autobahn suite.
var utf8Cases = map[string][]string{
	"6.2 and 6.6 whole and cut": {
		"Hello-µ@ßöäüàá-UTF-8!!", "κόσμε", "\xce", "\xce\xba", "\xce\xba\xe1", "\xce\xba\xe1\xbd", "\xce\xba\xe1\xbd\xb9",
		"\xce\xba\xe1\xbd\xb9\xcf", "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce", "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5",
	},
	"6.3 surrogates between":           {"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited"},
	"6.4 beyond the last code point":   {"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90\x80\x80edited"},
	"6.7 first of each length":         {"\x01", "\xc2\x80", "\xe0\xa0\x80", "\xf0\x90\x80\x80"},
	"6.8 first of 5 and 6 bytes":       {"\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80"},
	"6.9 last of each length":          {"\x7f", "\xdf\xbf", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf"},
	"6.10 last of 4, 5 and 6 bytes":    {"\xf7\xbf\xbf\xbf", "\xfb\xbf\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf\xbf"},
	"6.11 other boundaries":            {"\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbd", "\xf4\x8f\xbf\xbf", "\xf4\x90\x80\x80"},
	"6.12 continuation bytes":          {"\x80", "\xbf", "\x80\xbf", "\x80\xbf\x80", "\x80\xbf\x80\xbf\x80\xbf"},
	"6.13 lonely first bytes":          {"\xc0 \xc1 \xc2 ", "\xe0 \xe1 ", "\xf0 \xf1 ", "\xf8 \xf9 ", "\xfc \xfd "},
	"6.14 last byte missing":           {"\xc0", "\xe0\x80", "\xf0\x80\x80", "\xf8\x80\x80\x80", "\xdf", "\xef\xbf", "\xf7\xbf\xbf", "\xfb\xbf\xbf\xbf"},
	"6.16 impossible bytes":            {"\xfe", "\xff", "\xfe\xfe\xff\xff"},
	"6.17 overlong slash":              {"\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xf8\x80\x80\x80\xaf", "\xfc\x80\x80\x80\x80\xaf"},
	"6.18 greatest overlong":           {"\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xf8\x87\xbf\xbf\xbf"},
	"6.19 overlong NUL":                {"\xc0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80"},
	"6.20 single surrogates":           {"\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", "\xed\xaf\xbf", "\xed\xb0\x80", "\xed\xbe\x80", "\xed\xbf\xbf"},
	"6.21 paired surrogates":           {"\xed\xa0\x80\xed\xb0\x80", "\xed\xaf\xbf\xed\xbf\xbf"},
	"6.22 code points that are no one": {"\xef\xbf\xbe", "\xef\xbf\xbf", "\xf0\x9f\xbf\xbe", "\xf4\x8f\xbf\xbf"},
	"6.23 replacement characters":      {"\xef\xbf\xb9", "\xef\xbf\xba", "\xef\xbf\xbb", "\xef\xbf\xbc", "\xef\xbf\xbd"},
}

// TestUTF8_InvalidText_IsClosed puts each text, whole and cut into single bytes over fragments, into a
// message: valid text is accepted, also when a character spans fragments, and
// invalid text closes with 1007.
func TestUTF8_InvalidText_IsClosed(t *testing.T) {
	e := start(t, nil)
	for name, texts := range utf8Cases {
		t.Run(name, func(t *testing.T) {
			for _, s := range texts {
				playUTF8(t, e, s, text(utf8Message(s)))
				playUTF8(t, e, s, scattered(s))
			}
		})
	}
}

// utf8Message returns a message with s where any JSON string may be. Control
// characters are not allowed there.
func utf8Message(s string) string {
	if s == "\x01" {
		s = "\\u0001"
	}
	return `{"event":"Ping","x":"` + s + `"}`
}

// scattered sends every byte of s in a fragment of its own, with a ping after
// the first.
func scattered(s string) []byte {
	whole := utf8Message(s)
	before := len(`{"event":"Ping","x":"`)
	b := raw.Join(start1(whole[:before]), wsPing("between"))
	if len(s) > 25 {
		b = raw.Join(b, more(whole[before:before+len(s)-25]))
		before += len(s) - 25
	}
	for i := before; i < len(whole)-2; i++ {
		b = raw.Join(b, more(whole[i:i+1]))
	}
	return raw.Join(b, last(`"}`))
}

func playUTF8(t *testing.T, e *edge, s string, b []byte) {
	t.Helper()
	c := e.open(t, "/", nil)
	c.bytes(b)
	if utf8.ValidString(s) {
		if got := c.next(); got.Event != string(proto.Pong) {
			t.Errorf("%q: got %.200s, want a Pong", s, got.raw)
		}
		return
	}
	end, err := c.Until()
	if err != nil || end.Code != proto.CloseInvalidUTF8 {
		t.Errorf("%q: got %v, %v, want close 1007", s, end, err)
	}
}

// TestUTF8_PayloadOfPing_IsReturnedUnchanged: the payload of a ping is bytes, and comes back unchanged.
func TestUTF8_PayloadOfPing_IsReturnedUnchanged(t *testing.T) {
	c := start(t, nil).open(t, "/", nil)
	for i := range 16 {
		payload := fmt.Sprintf("\xff\xfe%d", i)
		c.bytes(wsPing(payload))
		f, err := c.ReadFrame()
		must(t, err)
		if f.Op != raw.Pong || string(f.Payload) != payload {
			t.Fatalf("got %+v, want a pong with %q", f, payload)
		}
	}
}

// TestUTF8_FirstInvalidByte_ClosesAtOnce: the cases 6.4.1 to 6.4.4. The connection closes
// with 1007 when the byte has arrived that makes the text invalid, although the end of the
// frame or of the message is never sent.
func TestUTF8_FirstInvalidByte_ClosesAtOnce(t *testing.T) {
	const before, all, first = "κόσμε", "\xf4\x90\x80\x80", "\xf4\x90"
	e := start(t, nil)
	for name, pieces := range map[string][]byte{
		"6.4.1 a fragment that is invalid":              raw.Join(start1(before), more(all)),
		"6.4.2 a fragment up to the invalid byte":       raw.Join(start1(before), more(first)),
		"6.4.3 a frame of which a part is sent":         text(before + all + "edited")[:6+len(before+all)],
		"6.4.4 a frame up to the invalid byte":          text(before + all + "edited")[:6+len(before+first)],
		"6.4.4 the same, in a fragment that is the end": raw.Join(start1(before), last(all + "edited")[:6+len(first)]),
	} {
		t.Run(name, func(t *testing.T) {
			c := e.open(t, "/", nil)
			for i := range pieces {
				c.bytes(pieces[i : i+1])
			}
			end, err := c.Until()
			if err != nil || end.Code != proto.CloseInvalidUTF8 {
				t.Errorf("close: got %v, %v, want 1007", end, err)
			}
		})
	}
}
