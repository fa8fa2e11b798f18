package kit

import (
	"errors"
	"testing"
	"time"

	"github.com/coder/websocket"

	"p2pconnector/e2e/client"
	"p2pconnector/proto"
)

// Next returns the next frame, of whatever kind, except Session.
func (c *Conn) Next() client.Frame {
	c.t.Helper()
	for {
		if f := c.Any(); !f.Is(proto.Session) {
			return f
		}
	}
}

// Any returns the next frame, Session too.
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

// receive is false when the connection has ended.
func (c *Conn) receive() (client.Frame, bool) {
	c.t.Helper()
	select {
	case f, ok := <-c.frames: // no timer when it is there already
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

// Expect returns the next frame, which must be of that event: relayed, or the
// server's own, but no error.
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

// Until drops frames until one satisfies ok, and returns that.
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

// Quiet checks that nothing has reached the connection that the test does not
// expect: a Ping is answered by the next frame. What other peers or other services
// cause later it cannot know, nor what room requests without an answer do.
func (c *Conn) Quiet() {
	c.t.Helper()
	c.Send(`{"event":"Ping","id":"quiet"}`)
	if f := c.Next(); !f.Is(proto.Pong) || string(f.ID) != `"quiet"` {
		c.t.Fatalf("got %s, want nothing but the Pong", f.Raw)
	}
}

// Answers reports whether all that was sent, except room requests, has been handled: a
// Ping behind it is answered. It is false when the connection has ended, and fails the test when neither
// comes to pass. Frames that come before are dropped.
func (c *Conn) Answers() bool {
	c.t.Helper()
	_ = c.Write(websocket.MessageText, []byte(`{"event":"Ping","id":"answers"}`)) // it has ended, when that fails
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

// Create makes a room and returns what the server said.
func (c *Conn) Create(room string) proto.RoomData {
	c.t.Helper()
	c.Send(`{"event":"Create_Room","data":{"room":%q}}`, room)
	return Room(c.t, c.Expect(proto.RoomCreated))
}

// Join joins a room and returns what the server said.
func (c *Conn) Join(room string) proto.RoomData {
	c.t.Helper()
	c.Send(`{"event":"Join_Room","data":{"room":%q},"id":"kit-join"}`, room)
	f := c.Until("the answer to Join_Room", func(f *client.Frame) bool { return string(f.ID) == `"kit-join"` })
	if !f.Is(proto.ClientAdded) {
		c.t.Fatalf("joining %s: %s", room, f.Raw)
	}
	return Room(c.t, f)
}

// Members drops frames until one says that exactly these are in the room, in
// that order, and returns it.
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
