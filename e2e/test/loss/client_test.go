package loss

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"p2pconnector/e2e/kit"
	"p2pconnector/e2e/kit/load"
	"p2pconnector/proto"
)

// readBuffer is the number of bytes that one read of a client may take.
const readBuffer = 16 << 10

// peer is a client of the workload. It is connected by one goroutine at a time.
type peer struct {
	out    *outcomes
	number int    // in marks
	answer uint16 // to a close frame of the server
	room   string // the room that it joins when it connects; "" for none
	id     proto.PeerID

	mu       sync.Mutex
	conn     *load.Conn
	at       int // its gateway
	closed   bool
	session  string // newest token
	received int    // text frames on the connection
}

// dial connects to the gateway at addr and reads the first frame.
func (c *peer) dial(ctx context.Context, addr string) (*load.Conn, proto.Details, error) {
	conn, err := load.Dial(ctx, addr, "/ws", nil, readBuffer)
	if err != nil {
		return nil, proto.Details{}, err
	}
	conn.Answer = c.answer
	d, _, err := details(conn)
	if err != nil {
		conn.Close()
	}
	return conn, d, err
}

// details reads one frame: a Client_Details, or an error's code.
func details(conn *load.Conn) (d proto.Details, code proto.ErrorCode, err error) {
	b, err := conn.Next()
	if err != nil {
		return d, "", err
	}
	var f struct {
		Type  proto.FrameType `json:"type"`
		Event string          `json:"event"`
		Data  json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(b, &f); err != nil {
		return d, "", err
	}
	if f.Type == proto.TypeError {
		return d, proto.ErrorCode(f.Event), nil
	}
	if f.Event != string(proto.ClientDetails) {
		return d, "", fmt.Errorf("got %.200s, want %s", b, proto.ClientDetails)
	}
	return d, "", json.Unmarshal(f.Data, &d)
}

// connect makes the client a fresh peer of gateway at.
func (c *peer) connect(ctx context.Context, addrs []string, at int) error {
	conn, d, err := c.dial(ctx, addrs[at])
	if err != nil {
		return err
	}
	c.id = d.ID
	c.began(d.Session, 1)
	if c.room != "" {
		if err := c.join(conn); err != nil {
			conn.Close()
			return err
		}
	}
	c.start(conn, at)
	return nil
}

// began records the state at the start of a connection.
func (c *peer) began(session string, received int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session, c.received = session, received
}

// token returns the values for a Resume.
func (c *peer) token() (session string, received int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session, c.received
}

// join makes the client a member of its room, which need not exist yet.
func (c *peer) join(conn *load.Conn) error {
	const id = `"id":"join"`
	text := fmt.Sprintf(`{"event":"Join_Room","data":{"room":%q,"create":true},%s}`, c.room, id)
	if err := conn.Write(load.AppendFrame(nil, load.OpText, []byte(text))); err != nil {
		return err
	}
	for {
		b, err := conn.Next()
		switch {
		case err != nil:
			return err
		case bytes.HasPrefix(b, errorHead):
			return fmt.Errorf("joining %s: %.300s", c.room, b)
		}
		c.Frame(conn, 0, b)
		if bytes.Contains(b, []byte(id)) {
			return nil
		}
	}
}

// start starts reading the frames of a connection.
func (c *peer) start(conn *load.Conn, at int) {
	c.mu.Lock()
	c.conn, c.at = conn, at
	closed := c.closed
	c.mu.Unlock()
	conn.Feed(c)
	conn.Start()
	if closed {
		conn.Goodbye()
	}
}

// errResume is an error in answer to a Resume that no retry can mend.
type errResume proto.ErrorCode

func (e errResume) Error() string { return "Resume was answered " + string(e) }

// resume makes the client the same peer on gateway at. Its previous connection must
// have ended.
func (c *peer) resume(ctx context.Context, addrs []string, at int) (recovered bool, err error) {
	conn, _, err := c.dial(ctx, addrs[at])
	if err != nil {
		return false, err
	}
	text := kit.ResumeFrame(c.token())
	if err := conn.Write(load.AppendFrame(nil, load.OpText, []byte(text))); err != nil {
		conn.Close()
		return false, err
	}
	d, code, err := details(conn)
	switch {
	case err == nil && code == proto.Unavailable:
		err = errors.New("Resume was answered Unavailable")
	case err == nil && code != "":
		err = errResume(code)
	case err == nil && (d.ID != c.id || d.Recovered == nil):
		err = fmt.Errorf("resumed as %s, was %s", d.ID, c.id)
	}
	if err != nil {
		conn.Close()
		return false, err
	}
	c.began(d.Session, 2) // the fresh peer's details, and these
	c.start(conn, at)
	return *d.Recovered, nil
}

// resumeAnywhere resumes on the first gateway that accepts the session, beginning with
// the one after the current one.
func (c *peer) resumeAnywhere(ctx context.Context, addrs []string) (recovered bool, err error) {
	for at := c.gateway() + 1; ; at++ {
		if recovered, err = c.resume(ctx, addrs, at%len(addrs)); err == nil {
			return recovered, nil
		}
		if _, final := errors.AsType[errResume](err); final || ctx.Err() != nil {
			return false, err
		}
		pause(ctx, 50*time.Millisecond)
	}
}

func (c *peer) gateway() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *peer) current() *load.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.conn
}

// drop ends the connection without a close frame and waits for its reader.
func (c *peer) drop() {
	if conn := c.current(); conn != nil {
		conn.Close()
		<-conn.Done()
	}
}

// leave ends the session, if there is a connection, and waits for the reader.
func (c *peer) leave() {
	c.mu.Lock()
	c.closed = true
	conn := c.conn
	c.mu.Unlock()
	if conn == nil {
		return
	}
	conn.Goodbye()
	<-conn.Done()
	conn.Close()
}

func (c *peer) left() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

var (
	errorHead   = []byte(`{"type":"error","event":"`)
	sessionHead = []byte(`{"type":"info","event":"Session"`)
	removedHead = []byte(`{"type":"update","event":"Client_Removed"`)
)

// Frame implements load.Sink.
func (c *peer) Frame(_ *load.Conn, _ int64, payload []byte) {
	c.mu.Lock()
	c.received++
	c.mu.Unlock()
	if bytes.HasPrefix(payload, sessionHead) {
		c.renewed(payload)
		return
	}
	from, to, n, ok := findMark(payload)
	if !ok {
		if bytes.HasPrefix(payload, removedHead) {
			c.out.departures.Add(1)
		}
		return // an event of the server
	}
	if rest, isError := bytes.CutPrefix(payload, errorHead); isError {
		code, _, _ := bytes.Cut(rest, []byte(`"`))
		if from != c.number {
			c.out.astray.Add(1)
			return
		}
		c.out.reported(from/2, n, proto.ErrorCode(code))
		return
	}
	if to != c.number {
		c.out.astray.Add(1)
		return
	}
	c.out.arrived(to/2, n)
}

// renewed keeps a new session token.
func (c *peer) renewed(payload []byte) {
	var f struct {
		Data struct {
			Session string `json:"session"`
		} `json:"data"`
	}
	if json.Unmarshal(payload, &f) == nil && f.Data.Session != "" {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.session = f.Data.Session
	}
}

// Batch implements load.Sink.
func (c *peer) Batch(*load.Conn) {}

// pause waits, or returns sooner when ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
