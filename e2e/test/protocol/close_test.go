package protocol_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

// closes holds a test for each close code.
var closes = map[proto.CloseCode]func(*testing.T, *kit.Stack){
	proto.CloseNormal:        closeNormal,
	proto.CloseProtocolError: closeProtocolError,
	proto.CloseUnsupported:   closeBinary,
	proto.CloseInvalidUTF8:   closeInvalidUTF8,
	proto.ClosePolicy:        closeFragments,
	proto.CloseTooBig:        closeTooBig,
	proto.CloseTryAgain:      closeSlow,
}

// closesTestedByOthers are close codes tested in other packages, or not testable from outside.
var closesTestedByOthers = map[proto.CloseCode]string{
	proto.CloseGoingAway: "e2e/test/resume",
	proto.CloseTakenOver: "e2e/test/resume",
	proto.CloseInternal:  "a fault that no input should cause",
	proto.CloseToken:     "part of access tokens",
	proto.CloseOrigin:    "e2e/test/edge",
}

// TestCloseCodes_EachCause_HasItsCode runs all of them, and fails when the contract has another code. A peer
// beside each must not be affected.
func TestCloseCodes_EachCause_HasItsCode(t *testing.T) {
	s := kit.Start(t, kit.Options{MaxMessageBytes: 4096})
	for _, doc := range proto.CloseCodes {
		test, ok := closes[doc.Code]
		if _, other := closesTestedByOthers[doc.Code]; ok == other {
			t.Errorf("%s: got a test in this package: %v, and in another: %v; want it in exactly one", doc.Code, ok, other)
		}
		if ok {
			t.Run(doc.Code.String(), func(t *testing.T) {
				beside := s.Dial(t, 0)
				test(t, s)
				beside.Quiet()
			})
		}
	}
}

func wantClose(t *testing.T, c *kit.Conn, want proto.CloseCode) {
	t.Helper()
	if code, reason := c.Closed(); code != want {
		t.Errorf("got close %v %q, want %v", code, reason, want)
	}
}

func write(t *testing.T, c *kit.Conn, typ websocket.MessageType, b []byte) {
	t.Helper()
	if err := c.Write(typ, b); err != nil {
		t.Error(err)
	}
}

func closeNormal(t *testing.T, s *kit.Stack) {
	c := s.Dial(t, 0)
	// Close returns nil only for an answer with the same code. Which of the library's
	// readers reads that frame depends on the scheduler, so the test requires no more.
	if err := c.Close(websocket.StatusNormalClosure); err != nil {
		t.Errorf("got no answer to the close (%v), want a close frame with its code", err)
	}
}

func closeBinary(t *testing.T, s *kit.Stack) {
	for _, b := range [][]byte{[]byte(`{"event":"Ping"}`), {}, {0xff}} {
		c := s.Dial(t, 0)
		c.Send(`{"event":"Ping"}`)
		write(t, c, websocket.MessageBinary, b)
		c.Expect(proto.Pong) // the frame before it is answered
		wantClose(t, c, proto.CloseUnsupported)
	}
}

func closeInvalidUTF8(t *testing.T, s *kit.Stack) {
	for _, bad := range []string{"\xff", "\xc0\x80", "\xed\xa0\x80", "{\"event\":\"Ping\",\"x\":\"\xe2\x82\"}"} {
		c := s.Dial(t, 0)
		c.Send(`{"event":"Ping"}`)
		write(t, c, websocket.MessageText, []byte(bad))
		c.Expect(proto.Pong)
		wantClose(t, c, proto.CloseInvalidUTF8)
	}
}

func closeTooBig(t *testing.T, s *kit.Stack) {
	c := s.Dial(t, 0)
	most := int(c.Details.Limits.MaxMessageBytes)
	frame := `{"event":"Ping","x":"` + strings.Repeat("x", most-len(`{"event":"Ping","x":""}`)) + `"}`
	c.Text(frame) // exactly the limit
	c.Expect(proto.Pong)
	c.Text(frame + " ")
	wantClose(t, c, proto.CloseTooBig)
}

// closeSlow repeats takeLate until the peer has read everything within the gateway's
// deadline. A busy machine may need longer.
func closeSlow(t *testing.T, s *kit.Stack) {
	p := newPair(t, s)
	for end := time.Now().Add(kit.Patience); ; {
		code := takeLate(t, p)
		if code == proto.CloseTryAgain {
			return
		}
		if code != 0 || time.Now().After(end) {
			t.Fatalf("got close %v, want %v", code, proto.CloseTryAgain)
		}
	}
}

// takeLate fills the queue of a peer that does not read what is said in its room, until the
// sender receives Not_Delivered. Then the peer reads, and takeLate returns its close code: 0 when it took
// too long.
func takeLate(t *testing.T, p *pair) proto.CloseCode {
	slow, room := p.DialNonReader(t, 1), newRoom()
	slow.Send(fmt.Sprintf(`{"event":"Join_Room","data":{"room":%q,"create":true}}`, room))
	p.a.Send(`{"event":"Join_Room","data":{"room":%q,"create":true}}`, room)
	p.a.Until("both in the room", func(f *client.Frame) bool {
		d, err := f.RoomData()
		return err == nil && string(d.Room) == room && len(d.Clients) == 2
	})
	// Frames here are at most 4 KiB, so the queue's bound on their number applies. Many
	// are sent at once: the longer a peer does not read, the longer its kernel waits
	// before it accepts more.
	const atOnce = 50
	pad := strings.Repeat("x", 3500)
	for range 400 {
		for range atOnce {
			p.a.Send(`{"event":"Message","room":%q,"data":%q}`, room, pad)
		}
		p.a.Send(`{"event":"Ping"}`)
		failed := false
		for f := p.a.Next(); !f.Is(proto.Pong); f = p.a.Next() {
			if f.Type == proto.TypeUpdate {
				continue // an earlier peer has left
			}
			e := f.Err()
			if e == nil || e.Code != proto.NotDelivered {
				t.Fatalf("got %.300s, want %s", f.Raw, proto.NotDelivered)
			}
			failed = failed || e.Room == room // the other errors are about an earlier peer
		}
		if failed {
			_, code := slow.Listen()
			return code
		}
	}
	t.Fatalf("got no error for a frame to a peer that does not read, want %s", proto.NotDelivered)
	return 0
}

// rawConn is a connection below the level of WebSocket frames.
type rawConn struct {
	net.Conn
	r *bufio.Reader
}

// dialRaw performs the handshake and reads the Client_Details.
func dialRaw(t *testing.T, s *kit.Stack) *rawConn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), kit.Patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.HTTP(0), nil)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", req.URL.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // it may be closed already
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} {
		req.Header.Set(name, value)
	}
	if err := req.Write(conn); err != nil {
		t.Fatal(err)
	}
	c := &rawConn{conn, bufio.NewReader(conn)}
	resp, err := http.ReadResponse(c.r, req)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("got the response %v, %v; want an upgrade", resp, err)
	}
	if op, _ := c.frame(t); op != 1 {
		t.Fatalf("got a first frame with opcode %d, want text", op)
	}
	return c
}

// frame reads one frame of at most 64 KiB.
func (c *rawConn) frame(t *testing.T) (opcode byte, payload []byte) {
	t.Helper()
	head := make([]byte, 2)
	if _, err := io.ReadFull(c.r, head); err != nil {
		t.Fatal(err)
	}
	n := int(head[1])
	if n == 126 {
		long := make([]byte, 2)
		if _, err := io.ReadFull(c.r, long); err != nil {
			t.Fatal(err)
		}
		n = int(long[0])<<8 | int(long[1])
	}
	payload = make([]byte, n)
	if _, err := io.ReadFull(c.r, payload); err != nil {
		t.Fatal(err)
	}
	return head[0] & 0x0f, payload
}

// wantClose reads until the close frame.
func (c *rawConn) wantClose(t *testing.T, what string, want proto.CloseCode) {
	t.Helper()
	for {
		op, payload := c.frame(t)
		if op != 8 {
			continue
		}
		if len(payload) < 2 || proto.CloseCode(payload[0])<<8|proto.CloseCode(payload[1]) != want {
			t.Errorf("%s: got close frame %q, want %v", what, payload, want)
		}
		return
	}
}

// masked returns a frame as a client sends it; the mask is zero.
func masked(first byte, payload []byte) []byte {
	var head []byte
	if len(payload) < 126 {
		head = []byte{first, 0x80 | byte(len(payload))}
	} else {
		head = []byte{first, 0x80 | 126, byte(len(payload) >> 8), byte(len(payload))}
	}
	return append(append(head, 0, 0, 0, 0), payload...)
}

func closeProtocolError(t *testing.T, s *kit.Stack) {
	ping := []byte(`{"event":"Ping"}`)
	for what, b := range map[string][]byte{
		"no mask":                                append([]byte{0x81, byte(len(ping))}, ping...),
		"reserved bit":                           masked(0xc1, ping),
		"unknown opcode":                         masked(0x83, ping),
		"unknown control opcode":                 masked(0x8b, nil),
		"a continuation of nothing":              masked(0x80, ping),
		"text inside text":                       append(masked(0x01, ping[:5]), masked(0x81, ping)...),
		"a fragmented ping":                      masked(0x09, nil),
		"a long ping":                            masked(0x89, bytes.Repeat([]byte{'x'}, 126)),
		"a close frame of one byte":              masked(0x88, []byte{3}),
		"a close frame with a code that is none": masked(0x88, []byte{3, 0xed}),
	} {
		c := dialRaw(t, s)
		if _, err := c.Write(b); err != nil {
			t.Fatal(err)
		}
		c.wantClose(t, what, proto.CloseProtocolError)
	}
	// A header that announces more than any frame has must not end the server.
	c := dialRaw(t, s)
	if _, err := c.Write([]byte{0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}); err != nil {
		t.Fatal(err)
	}
	for {
		if op, _ := c.frame(t); op == 8 {
			break
		}
	}
}

func closeFragments(t *testing.T, s *kit.Stack) {
	// A message in a few fragments is accepted, a flood of empty ones is not.
	c := dialRaw(t, s)
	ping := []byte(`{"event":"Ping"}`)
	few := append(masked(0x01, ping[:3]), masked(0x00, ping[3:9])...)
	few = append(append(few, masked(0x89, []byte("hi"))...), masked(0x80, ping[9:])...)
	if _, err := c.Write(few); err != nil {
		t.Fatal(err)
	}
	seen := map[byte]bool{}
	for len(seen) < 2 {
		op, payload := c.frame(t)
		if op == 10 && string(payload) == "hi" || op == 1 && bytes.Contains(payload, []byte(`"Pong"`)) {
			seen[op] = true
		}
	}
	overfill := masked(0x01, []byte("{"))
	for range 20_000 {
		overfill = append(overfill, masked(0x00, nil)...)
	}
	if _, err := c.Write(overfill); err != nil {
		t.Logf("the server closed while it was flooded: %v", err)
	}
	c.wantClose(t, "a flood of fragments", proto.ClosePolicy)
}
