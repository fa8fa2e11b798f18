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
	c.mu.Lock()
	c.last++
	id := "r" + strconv.FormatUint(c.last, 36)
	c.mu.Unlock()
	out.ID = id
	b, err := json.Marshal(out)
	if err != nil {
		return Frame{}, fmt.Errorf("client: encoding %s: %w", out.Event, err)
	}
	key := strconv.Quote(id)
	answer, err := c.sendPending(ctx, b, key)
	if err != nil {
		return Frame{}, err
	}
	select {
	case f, ok := <-answer:
		if !ok {
			return Frame{}, ErrInterrupted
		}
		if e := f.Err(); e != nil {
			return f, e
		}
		return f, nil
	case <-ctx.Done():
		c.forget(key)
		return Frame{}, fmt.Errorf("client: waiting for the answer to %s: %w", out.Event, ctx.Err())
	}
}

// sendPending is SendRaw for a request. It registers the request with the connection
// that carries it, so that the loss of an earlier connection does not interrupt it. The
// channel receives the answer, or is closed when that connection breaks.
func (c *Client) sendPending(ctx context.Context, frame []byte, key string) (<-chan Frame, error) {
	for {
		conn, changed, err := c.current()
		if err != nil {
			return nil, err
		}
		if conn != nil {
			answer := make(chan Frame, 1)
			if c.register(conn, key, answer) {
				if c.write(conn, frame) == nil {
					return answer, nil
				}
				c.forget(key) // the server has not received it whole
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("client: not connected: %w", ctx.Err())
		}
	}
}

// register returns false when conn is not the connection any more.
func (c *Client) register(conn *websocket.Conn, key string, answer chan Frame) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != conn {
		return false
	}
	c.pending[key] = answer
	return true
}

func (c *Client) forget(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.pending, key)
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
