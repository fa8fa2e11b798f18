package client

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/coder/websocket"

	"p2pconnector/proto"
)

// Send sends a frame. It waits while the client is disconnected, until ctx ends. The
// server's response, an error for example, comes by Frames.
func (c *Client) Send(ctx context.Context, out Out) error {
	b, err := json.Marshal(out)
	if err != nil {
		return fmt.Errorf("client: encoding %s: %w", out.Event, err)
	}
	return c.SendRaw(ctx, b)
}

// SendRaw is Send for a frame that is encoded already.
func (c *Client) SendRaw(ctx context.Context, frame []byte) error {
	for {
		conn, changed, err := c.current()
		if err != nil {
			return err
		}
		if conn != nil && c.write(conn, frame) == nil {
			return nil
		}
		// A frame whose write failed has not reached the server whole, so it is
		// sent again on the next connection, never twice.
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("client: not connected: %w", ctx.Err())
		}
	}
}

// current returns the connection, or nil while disconnected, and a channel that is
// closed when it changes.
func (c *Client) current() (*websocket.Conn, <-chan struct{}, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return nil, nil, ErrClosed
	}
	if c.err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrClosed, c.err)
	}
	return c.conn, c.changed, nil
}

// write does not observe the caller's context: a write that stops half-way would break
// the connection for all senders.
func (c *Client) write(conn *websocket.Conn, frame []byte) error {
	ctx, cancel := context.WithTimeout(c.ctx, writeTimeout)
	defer cancel()
	return conn.Write(ctx, websocket.MessageText, frame)
}

// Request sends a frame under a correlation id of its own and returns the answer; it
// returns an error frame as *Error. One answer may cover other changes of the same room
// too. When the connection ends before the answer, the error is ErrInterrupted.
func (c *Client) Request(ctx context.Context, out Out) (Frame, error) {
	return c.request(ctx, out, false)
}

// request is one that has no answer yet.
type request struct {
	key    string     // the id of the frame, as JSON
	answer chan Frame // has room for one; closed when the answer may be lost
	asks   bool       // Join_Waiting does not answer it, but what ends the wait
}

// request is Request; see request.asks.
func (c *Client) request(ctx context.Context, out Out, asks bool) (Frame, error) {
	c.mu.Lock()
	c.last++
	id := "r" + strconv.FormatUint(c.last, 36)
	c.mu.Unlock()
	out.ID = id
	b, err := json.Marshal(out)
	if err != nil {
		return Frame{}, fmt.Errorf("client: encoding %s: %w", out.Event, err)
	}
	r := request{key: strconv.Quote(id), asks: asks}
	if err := c.sendPending(ctx, b, &r); err != nil {
		return Frame{}, err
	}
	select {
	case f, ok := <-r.answer:
		return result(f, ok)
	case <-ctx.Done():
	}
	room := c.forget(r.key)
	select {
	case f, ok := <-r.answer: // it came meanwhile
		return result(f, ok)
	default:
	}
	err = fmt.Errorf("client: waiting for the answer to %s: %w", out.Event, ctx.Err())
	if room != "" {
		c.withdraw(ctx, room)
	}
	return Frame{}, err
}

// result returns what a request returns for its answer, or, when ok is false, for its loss.
func result(f Frame, ok bool) (Frame, error) {
	if !ok {
		return Frame{}, ErrInterrupted
	}
	if e := f.Err(); e != nil {
		return f, e
	}
	return f, nil
}

// sendPending is SendRaw for a request. It registers the request with the connection
// that carries it, under a new channel, so that the loss of an earlier connection does not
// interrupt it.
func (c *Client) sendPending(ctx context.Context, frame []byte, r *request) error {
	for {
		conn, changed, err := c.current()
		if err != nil {
			return err
		}
		if conn != nil {
			r.answer = make(chan Frame, 1)
			if c.register(conn, *r) {
				if c.write(conn, frame) == nil {
					return nil
				}
				c.forget(r.key) // the server has not received it whole
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("client: not connected: %w", ctx.Err())
		}
	}
}

// register returns false when conn is not the connection any more.
func (c *Client) register(conn *websocket.Conn, r request) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != conn {
		return false
	}
	c.pending[r.key] = r
	return true
}

// forget makes the request wait no more. It returns the room for which its peer waits to be
// admitted, or "".
func (c *Client) forget(key string) proto.RoomID {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.pending, key)
	for room, r := range c.waiting {
		if r.key == key {
			delete(c.waiting, room)
			return room
		}
	}
	return ""
}

// Ping asks the server for a Pong. Because frames are handled in order, its answer
// proves that the server has handled every frame sent before, except room requests that
// have no answer yet and messages to their rooms.
func (c *Client) Ping(ctx context.Context) error {
	_, err := c.Request(ctx, Out{Event: proto.Ping})
	return err
}

func writeJSON(ctx context.Context, conn *websocket.Conn, out Out) error {
	b, err := json.Marshal(out)
	if err != nil {
		return err
	}
	return conn.Write(ctx, websocket.MessageText, b)
}
