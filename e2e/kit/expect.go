package kit

import (
	"errors"
	"testing"
	"time"

	"github.com/coder/websocket"

	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

// Next returns the next frame of any kind except Session.
func (c *Conn) Next() client.Frame {
	c.t.Helper()
	for {
		if f := c.Any(); !f.Is(proto.Session) {
			return f
		}
	}
}

// Any returns the next frame, Session included.
func (c *Conn) Any() client.Frame {
	c.t.Helper()
	f, ok := c.receive()
	if !ok {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.t.Fatalf("the connection ended where a frame was expected: %v", c.err)
	}
	return f
}

// receive returns the next frame, or false when the connection has ended.
func (c *Conn) receive() (client.Frame, bool) {
	c.t.Helper()
	select {
	case f, ok := <-c.frames: // no timer when a frame is ready
		return f, ok
	default:
	}
	after := time.NewTimer(Patience)
	defer after.Stop()
	select {
	case f, ok := <-c.frames:
		return f, ok
	case <-after.C:
		c.t.Fatalf("no frame within %v", Patience)
		return client.Frame{}, false
	}
}

// Expect returns the next frame, which must carry that event, relayed or the server's
// own, and must not be an error.
func (c *Conn) Expect(e proto.Event) client.Frame {
	c.t.Helper()
	f := c.Next()
	if f.Event != string(e) || f.Type == proto.TypeError {
		c.t.Fatalf("got %s, want %s", f.Raw, e)
	}
	return f
}

// ExpectError returns the next frame's error, which must have that code.
func (c *Conn) ExpectError(code proto.ErrorCode) *client.Error {
	c.t.Helper()
	f := c.Next()
	err := f.Err()
	if err == nil || err.Code != code {
		c.t.Fatalf("got %s, want the error %s", f.Raw, code)
	}
	return err
}

// Until drops frames until ok accepts one, and returns it.
func (c *Conn) Until(what string, ok func(*client.Frame) bool) client.Frame {
	c.t.Helper()
	for {
		f, open := c.receive()
		if !open {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.t.Fatalf("the connection ended before %s: %v", what, c.err)
		}
		if ok(&f) {
			return f
		}
	}
}

// Quiet checks that no unexpected frame has reached the connection: the answer to a
// Ping must be the next frame. It does not cover what other peers or services cause
// later, nor the effects of room requests that have no answer yet.
func (c *Conn) Quiet() {
	c.t.Helper()
	c.Send(`{"event":"Ping","id":"quiet"}`)
	if f := c.Next(); !f.Is(proto.Pong) || string(f.ID) != `"quiet"` {
		c.t.Fatalf("got %s, want nothing but the Pong", f.Raw)
	}
}

// Answers reports whether the server has handled everything that the test sent, except
// room requests: it sends a Ping and waits for the answer. It returns false when the
// connection has ended, and fails the test when neither happens in time. It drops the
// frames that arrive before.
func (c *Conn) Answers() bool {
	c.t.Helper()
	_ = c.Write(websocket.MessageText, []byte(`{"event":"Ping","id":"answers"}`)) // this fails only when the connection has ended
	for {
		f, open := c.receive()
		if !open || f.Is(proto.Pong) && string(f.ID) == `"answers"` {
			return open
		}
	}
}

// Room reads the data of a frame about a room.
func Room(t testing.TB, f client.Frame) proto.RoomData {
	t.Helper()
	d, err := f.RoomData()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Create makes a room and returns the server's answer.
func (c *Conn) Create(room string) proto.RoomData {
	c.t.Helper()
	c.Send(`{"event":"Create_Room","data":{"room":%q}}`, room)
	return Room(c.t, c.Expect(proto.RoomCreated))
}

// Join joins a room and returns the server's answer.
func (c *Conn) Join(room string) proto.RoomData {
	c.t.Helper()
	c.Send(`{"event":"Join_Room","data":{"room":%q},"id":"kit-join"}`, room)
	f := c.Until("the answer to Join_Room", func(f *client.Frame) bool { return string(f.ID) == `"kit-join"` })
	if !f.Is(proto.ClientAdded) {
		c.t.Fatalf("joining %s: %s", room, f.Raw)
	}
	return Room(c.t, f)
}

// Members drops frames until one lists exactly these members of the room, in that
// order, and returns it.
func (c *Conn) Members(room string, want ...proto.PeerID) proto.RoomData {
	c.t.Helper()
	f := c.Until("the room has the expected members", func(f *client.Frame) bool {
		if f.Type == "" || f.Type == proto.TypeError {
			return false
		}
		d, err := f.RoomData()
		return err == nil && string(d.Room) == room && equal(d.Clients, want)
	})
	return Room(c.t, f)
}

func equal(a, b []proto.PeerID) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func asClose(err error) (websocket.CloseError, bool) {
	return errors.AsType[websocket.CloseError](err)
}
