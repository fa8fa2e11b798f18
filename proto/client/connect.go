package client

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/coder/websocket"

	"p2pconnector/proto"
)

// connect opens a connection to the next URL as a new peer.
func (c *Client) connect(ctx context.Context) (*websocket.Conn, error) {
	conn, first, err := c.handshake(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.become(conn, &first); err != nil {
		conn.CloseNow()
		return nil, err
	}
	return conn, nil
}

// handshake opens a connection and reads the server's first frame.
func (c *Client) handshake(ctx context.Context) (*websocket.Conn, Frame, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	opts := &websocket.DialOptions{HTTPClient: c.opts.HTTPClient, HTTPHeader: c.opts.Header}
	if c.opts.Delta {
		opts.Subprotocols = []string{proto.SubprotocolDelta}
	}
	addr, err := c.address()
	if err != nil {
		return nil, Frame{}, err
	}
	conn, resp, err := websocket.Dial(ctx, addr, opts)
	if err != nil {
		if resp != nil {
			err = &refused{status: resp.StatusCode, err: err}
		}
		return nil, Frame{}, err
	}
	conn.SetReadLimit(c.opts.ReadLimit)
	c.received = 0
	f, err := c.read(ctx, conn)
	if err == nil && !f.Is(proto.ClientDetails) {
		err = fmt.Errorf("the server began with %q in place of Client_Details", f.Event)
	}
	if err != nil {
		conn.CloseNow()
		return nil, Frame{}, err
	}
	return conn, f, nil
}

// address returns the address of the gateway whose turn it is.
func (c *Client) address() (string, error) {
	addr := c.opts.URLs[c.url%len(c.opts.URLs)]
	if c.opts.AcceptFrom == nil && c.opts.Room == "" {
		return addr, nil
	}
	u, err := url.Parse(addr)
	if err != nil {
		return "", err
	}
	q := u.Query()
	if c.opts.AcceptFrom != nil {
		q.Set(proto.QueryAcceptFrom, c.opts.AcceptFrom.String())
	}
	if c.opts.Room != "" {
		q.Set(proto.QueryRoom, string(c.opts.Room))
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// read returns the next frame and counts it.
func (c *Client) read(ctx context.Context, conn *websocket.Conn) (Frame, error) {
	typ, b, err := conn.Read(ctx)
	if err != nil {
		return Frame{}, err
	}
	if typ != websocket.MessageText {
		return Frame{}, errors.New("the server sent a binary frame")
	}
	c.received++
	return Parse(b)
}

// become stores the data of a Client_Details and lets senders use conn.
func (c *Client) become(conn *websocket.Conn, f *Frame) error {
	d, err := f.Details()
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return ErrClosed
	}
	if !d.Resumed || d.Recovered == nil || !*d.Recovered {
		c.endWaitsLocked()
	}
	c.details = d
	c.setConnLocked(conn)
	return nil
}
