package edge_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"p2pconnector/e2e/kit/raw"
	"p2pconnector/proto"
)

// ping is a message that the gateway answers, and pong a part of the answer.
const ping = `{"event":"Ping","id":7}`

// framing covers the sections 1 to 7 and 10 of the Autobahn suite, with JSON
// where the suite echoes. A case sends its bytes; then the connection must work,
// or close with a code.
type framing struct {
	name  string
	bytes []byte
	pongs int             // answers to Ping that must arrive first
	echo  []string        // payloads of WebSocket pongs that must arrive first, in order
	code  proto.CloseCode // 0: the connection stays open; with peer: a close frame without a code
	peer  bool            // the client closed: code is the answer to its close
}

func text(s string) []byte              { return raw.Encode(raw.Fin|raw.Text, []byte(s)) }
func wsPing(s string) []byte            { return raw.Encode(raw.Fin|raw.Ping, []byte(s)) }
func start1(s string) []byte            { return raw.Encode(raw.Text, []byte(s)) }
func more(s string) []byte              { return raw.Encode(raw.Continuation, []byte(s)) }
func last(s string) []byte              { return raw.Encode(raw.Fin|raw.Continuation, []byte(s)) }
func with(n int, f []byte) []byte       { return bytes.Repeat(f, n) }
func pad(n int) string                  { return padded(n, ping) }
func padded(n int, s string) string     { return s + strings.Repeat(" ", n-len(s)) }
func firstByte(b byte, s string) []byte { return raw.Encode(b, []byte(s)) }

// framingCases returns all cases; max is the limit of a message in bytes.
func framingCases(max int) []framing {
	return append(append(append(sizes(max), controls()...), opcodes()...), append(fragments(), closings()...)...)
}

// Sections 1, 9 and 10: messages of all lengths that are encoded differently.
func sizes(max int) (cases []framing) {
	for _, n := range []int{len(ping), 124, 125, 126, 127, 128, 65535, 65536} {
		if n <= max {
			cases = append(cases, framing{name: fmt.Sprintf("1 text of %d bytes", n), bytes: text(pad(n)), pongs: 1})
		}
	}
	for _, n := range []int{0, 125, 126, 65536} {
		cases = append(cases, framing{name: fmt.Sprintf("1.2 binary of %d bytes", n), bytes: firstByte(raw.Fin|raw.Binary, strings.Repeat("x", n)), code: proto.CloseUnsupported})
	}
	half := max / 2
	whole := pad(max)
	var many []byte
	step := max / 31
	for i := 0; i < 31; i++ {
		from, to, first := i*step, (i+1)*step, byte(raw.Continuation)
		if i == 0 {
			first = raw.Text
		}
		many = append(many, raw.Encode(first, []byte(whole[from:to]))...)
	}
	many = append(many, last(whole[31*step:])...)
	return append(cases,
		framing{name: "9 text of the limit", bytes: text(whole), pongs: 1},
		framing{name: "9 text above the limit", bytes: text(pad(max + 1)), code: proto.CloseTooBig},
		framing{name: "9 header that says one byte too many", bytes: raw.Header(raw.Fin|raw.Text, uint64(max+1)), code: proto.CloseTooBig},
		framing{name: "9 header that says 2^62", bytes: raw.Header(raw.Fin|raw.Text, 1<<62), code: proto.CloseTooBig},
		framing{name: "9 the limit in 32 fragments", bytes: many, pongs: 1},
		framing{name: "9 a message in 33 fragments", bytes: raw.Join(start1("{"), bytes.Repeat(raw.Encode(raw.Continuation, nil), 31), last("}")), code: proto.ClosePolicy},
		framing{name: "9 two fragments above the limit", bytes: raw.Join(start1(whole[:half]), last(whole[half:]+" ")), code: proto.CloseTooBig},
		framing{name: "9 sizes that overflow when added", bytes: raw.Join(start1("{"), raw.Header(raw.Continuation, 1<<63-1)), code: proto.CloseTooBig},
		framing{name: "10.1 many messages in one write", bytes: with(200, text(ping)), pongs: 200},
	)
}

// Section 2: pings and pongs.
func controls() []framing {
	big := strings.Repeat("p", 125)
	return []framing{
		{name: "2.1 empty ping", bytes: wsPing(""), echo: []string{""}},
		{name: "2.2 ping with text", bytes: wsPing("Hello, world!"), echo: []string{"Hello, world!"}},
		{name: "2.3 ping with binary", bytes: wsPing("\x00\xff\xfe\xfd"), echo: []string{"\x00\xff\xfe\xfd"}},
		{name: "2.4 ping of 125 bytes", bytes: wsPing(big), echo: []string{big}},
		{name: "2.5 ping of 126 bytes", bytes: wsPing(big + "p"), code: proto.CloseProtocolError},
		{name: "2.7 pong that nobody asked for", bytes: raw.Encode(raw.Fin|raw.Pong, nil)},
		{name: "2.8 pong with payload", bytes: raw.Encode(raw.Fin|raw.Pong, []byte("unsolicited"))},
		{name: "2.9 pong, then ping", bytes: raw.Join(raw.Encode(raw.Fin|raw.Pong, []byte("a")), wsPing("b")), echo: []string{"b"}},
		{name: "2.10 ten pings", bytes: raw.Join(wsPing("0"), wsPing("1"), wsPing("2"), wsPing("3"), wsPing("4"), wsPing("5"), wsPing("6"), wsPing("7"), wsPing("8"), wsPing("9")),
			echo: strings.Split("0123456789", "")},
		{name: "2 pong of 126 bytes", bytes: raw.Encode(raw.Fin|raw.Pong, []byte(big+"p")), code: proto.CloseProtocolError},
		{name: "2 long form of a short ping", bytes: raw.Join([]byte{raw.Fin | raw.Ping, 0x80 | 126, 0, 5, 0, 0, 0, 0}, []byte("hello")), code: proto.CloseProtocolError},
	}
}

// Sections 3 and 4: reserved bits and opcodes, masks and lengths.
func opcodes() (cases []framing) {
	for rsv := byte(1); rsv <= 7; rsv++ {
		cases = append(cases,
			framing{name: fmt.Sprintf("3 reserved bits %d in text", rsv), bytes: raw.Join(text(ping), firstByte(raw.Fin|raw.Text|rsv<<4, ping)), pongs: 1, code: proto.CloseProtocolError},
			framing{name: fmt.Sprintf("3 reserved bits %d in a ping", rsv), bytes: firstByte(raw.Fin|raw.Ping|rsv<<4, ""), code: proto.CloseProtocolError})
	}
	for _, op := range []byte{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		cases = append(cases,
			framing{name: fmt.Sprintf("4 opcode %d", op), bytes: firstByte(raw.Fin|op, ""), code: proto.CloseProtocolError},
			framing{name: fmt.Sprintf("4 opcode %d after text", op), bytes: raw.Join(text(ping), firstByte(raw.Fin|op, "x"), wsPing("")), pongs: 1, code: proto.CloseProtocolError})
	}
	unmasked := func(first byte, s string) []byte { return append([]byte{first, byte(len(s))}, s...) }
	return append(cases,
		framing{name: "unmasked text", bytes: unmasked(raw.Fin|raw.Text, ping), code: proto.CloseProtocolError},
		framing{name: "unmasked ping", bytes: unmasked(raw.Fin|raw.Ping, ""), code: proto.CloseProtocolError},
		framing{name: "unmasked close", bytes: unmasked(raw.Fin|raw.Close, "\x03\xe8"), code: proto.CloseProtocolError},
		framing{name: "length 125 in two bytes", bytes: []byte{raw.Fin | raw.Text, 0x80 | 126, 0, 125, 0, 0, 0, 0}, code: proto.CloseProtocolError},
		framing{name: "length 65535 in eight bytes", bytes: append([]byte{raw.Fin | raw.Text, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 0, 0, 0, 0), code: proto.CloseProtocolError},
		framing{name: "the frame that ends a process on gws", bytes: raw.Killer(), code: proto.CloseProtocolError},
		framing{name: "the same without a mask", bytes: []byte{raw.Fin | raw.Text, 127, 0x80, 0, 0, 0, 0, 0, 0, 0}, code: proto.CloseProtocolError},
		framing{name: "HTTP in place of frames", bytes: []byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), code: proto.CloseProtocolError},
	)
}

// Section 5: fragmentation.
func fragments() []framing {
	a, b, c := ping[:5], ping[5:12], ping[12:]
	protocol := proto.CloseProtocolError
	return []framing{
		{name: "5.1 fragmented ping", bytes: raw.Join(firstByte(raw.Ping, "x"), last("y")), code: protocol},
		{name: "5.2 fragmented pong", bytes: raw.Join(firstByte(raw.Pong, "x"), last("y")), code: protocol},
		{name: "5.3 text in two fragments", bytes: raw.Join(start1(a+b), last(c)), pongs: 1},
		{name: "5.6 a ping between two fragments", bytes: raw.Join(start1(a+b), wsPing("between"), last(c)), echo: []string{"between"}, pongs: 1},
		{name: "5.9 a continuation of nothing, final", bytes: last("x"), code: protocol},
		{name: "5.10 a continuation of nothing after a message", bytes: raw.Join(text(ping), last("x")), pongs: 1, code: protocol},
		{name: "5.12 a continuation of nothing, not final", bytes: more("x"), code: protocol},
		{name: "5.15 a continuation after the final one", bytes: raw.Join(start1(a+b), last(c), last("x")), pongs: 1, code: protocol},
		{name: "5.18 text inside text, final", bytes: raw.Join(start1(a), text(ping)), code: protocol},
		{name: "5.18 text inside text, not final", bytes: raw.Join(start1(a), start1(b)), code: protocol},
		{name: "5.19 pings between five fragments", bytes: raw.Join(start1(a), wsPing("1"), more(""), wsPing("2"), more(b), wsPing("3"), more(""), last(c)),
			echo: []string{"1", "2", "3"}, pongs: 1},
		{name: "5 a close between fragments", bytes: raw.Join(start1(a), raw.CloseFrame(1000, "")), code: proto.CloseNormal, peer: true},
		{name: "5 empty first and last fragment", bytes: raw.Join(start1(""), more(ping), last("")), pongs: 1},
		{name: "5 binary in fragments", bytes: firstByte(raw.Binary, "x"), code: proto.CloseUnsupported},
		{name: "5 32 fragments", bytes: raw.Join(start1(ping), with(30, more(" ")), last("")), pongs: 1},
		{name: "5 33 fragments", bytes: raw.Join(start1(ping), with(31, more(" ")), last("")), code: proto.ClosePolicy},
		{name: "5 endless empty fragments", bytes: raw.Join(start1(""), with(1000, more(""))), code: proto.ClosePolicy},
	}
}

// Section 7: closing.
func closings() (cases []framing) {
	closing := func(name string, b []byte, code proto.CloseCode) {
		cases = append(cases, framing{name: name, bytes: b, code: code, peer: true})
	}
	closing("7.1 close", raw.CloseFrame(1000, ""), 1000)
	closing("7.1 close twice", raw.Join(raw.CloseFrame(1000, ""), raw.CloseFrame(1000, "")), 1000)
	closing("7.1 ping after close", raw.Join(raw.CloseFrame(1000, ""), wsPing("late")), 1000)
	closing("7.1 text after close", raw.Join(raw.CloseFrame(1000, ""), text(ping)), 1000)
	closing("7.1 256 KiB of text after close", raw.Join(raw.CloseFrame(1000, ""), with(4, text(strings.Repeat("x", 65536)))), 1000)
	closing("7.3 close without code", raw.Encode(raw.Fin|raw.Close, nil), 0)
	closing("7.3 close of one byte", raw.Encode(raw.Fin|raw.Close, []byte{3}), 1002)
	closing("7.3 close with reason", raw.CloseFrame(1000, "Hello"), 1000)
	closing("7.3 close with 123 bytes of reason", raw.CloseFrame(1000, strings.Repeat("r", 123)), 1000)
	closing("7.3 close with 124 bytes of reason", raw.CloseFrame(1000, strings.Repeat("r", 124)), 1002)
	closing("7.5 close with a reason that is no UTF-8", raw.CloseFrame(1000, "\xce\xba\xe1\xbd\xb9\xed\xa0\x80"), 1007)
	for _, code := range []uint16{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013} {
		closing(fmt.Sprintf("7.7 close %d", code), raw.CloseFrame(code, "bye"), 1000)
	}
	for _, code := range []uint16{3000, 3999, 4000, 4999} {
		closing(fmt.Sprintf("7.7 close %d", code), raw.CloseFrame(code, ""), proto.CloseCode(code))
	}
	for _, code := range []uint16{0, 999, 1004, 1005, 1006, 1014, 1015, 1016, 1100, 2000, 2999, 5000, 65535} {
		closing(fmt.Sprintf("7.9 close %d", code), raw.CloseFrame(code, ""), 1002)
	}
	return cases
}

// TestFraming_EachFault_HasItsCloseCode runs every case in one piece and once more byte by byte.
func TestFraming_EachFault_HasItsCloseCode(t *testing.T) {
	e := start(t, nil)
	beside := e.open(t, "/", nil)
	for _, c := range framingCases(proto.DefaultMaxMessageBytes) {
		t.Run(c.name, func(t *testing.T) { playFraming(t, e, c, false) })
		if len(c.bytes) < 2000 {
			t.Run(c.name+" in single bytes", func(t *testing.T) { playFraming(t, e, c, true) })
		}
	}
	beside.alive()
}

func playFraming(t *testing.T, e *edge, f framing, bytewise bool) {
	c := e.open(t, "/", nil)
	step := len(f.bytes)
	if bytewise {
		step = 1
	}
	for at := 0; at < len(f.bytes); at += step {
		if _, err := c.Write(f.bytes[at:min(at+step, len(f.bytes))]); err != nil {
			break // it closed before it had everything: the close frame is checked below
		}
	}
	if f.code == 0 && !f.peer {
		if _, err := c.Write(wsPing("end of case")); err != nil {
			t.Fatal(err)
		}
		f.echo = append(f.echo[:len(f.echo):len(f.echo)], "end of case")
	}
	pongs, end := 0, false
	for !end || pongs < f.pongs {
		got, err := c.ReadFrame()
		if err != nil {
			t.Fatalf("after %d answers: %v", pongs, err)
		}
		if !got.Fin || got.Reserved != 0 {
			t.Fatalf("got frame %+v, want a whole one without reserved bits", got)
		}
		switch got.Op {
		case raw.Text:
			if !bytes.Contains(got.Payload, []byte(`"event":"Pong"`)) {
				t.Fatalf("got %.200s, want the answer to a Ping", got.Payload)
			}
			pongs++
		case raw.Pong:
			if len(f.echo) == 0 || string(got.Payload) != f.echo[0] {
				t.Fatalf("got pong %q, want the first of %q", got.Payload, f.echo)
			}
			f.echo = f.echo[1:]
			end = len(f.echo) == 0 && f.code == 0 && !f.peer
		case raw.Ping:
		case raw.Close:
			if f.code == 0 && !f.peer || f.code != 0 && (len(got.Payload) < 2 || binary.BigEndian.Uint16(got.Payload) != uint16(f.code)) || f.code == 0 && len(got.Payload) > 0 {
				t.Fatalf("got close frame %q, want code %v", got.Payload, f.code)
			}
			if pongs != f.pongs || len(f.echo) > 0 {
				t.Fatalf("got the close frame after %d answers and without the pongs %q, want %d answers and all pongs", pongs, f.echo, f.pongs)
			}
			wantEnd(t, c)
			return
		default:
			t.Fatalf("got a frame with opcode %d, want text, ping, pong or close", got.Op)
		}
	}
	if pongs != f.pongs {
		t.Errorf("got %d answers, want %d", pongs, f.pongs)
	}
}

// wantEnd checks that only the end follows a close frame.
func wantEnd(t *testing.T, c *client) {
	t.Helper()
	if f, err := c.ReadFrame(); err == nil {
		t.Errorf("got opcode %d after the close frame, want nothing", f.Op)
	}
}
