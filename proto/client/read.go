package client

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"p2pconnector/proto"
)

// errNoPong ends a connection whose server does not answer pings.
var errNoPong = errors.New("the server did not answer a ping")

// serve reads conn until it breaks and returns why.
func (c *Client) serve(conn *websocket.Conn) error {
	var busy atomic.Bool // the application is behind, so pongs are not read
	var beat sync.WaitGroup
	ctx, stop := context.WithCancelCause(c.ctx)
	defer beat.Wait()
	defer stop(nil)
	beat.Go(func() { c.heartbeat(ctx, conn, stop, &busy) })
	for {
		f, err := c.read(ctx, conn)
		if err != nil {
			if websocket.CloseStatus(err) == -1 && context.Cause(ctx) == errNoPong {
				return errNoPong
			}
			return err
		}
		busy.Store(true)
		ok := c.handle(f)
		busy.Store(false)
		if !ok {
			return ErrClosed
		}
	}
}

// handle keeps what the client needs of f and passes the rest on. It returns
// false after Close.
func (c *Client) handle(f Frame) bool {
	if f.Is(proto.IceServers) {
		c.useIceServers(f.Data)
	}
	switch {
	case f.Is(proto.Session):
		var s proto.SessionData
		if json.Unmarshal(f.Data, &s) == nil && s.Session != "" {
			c.mu.Lock()
			c.details.Session = s.Session
			c.mu.Unlock()
		}
		return true
	case f.Is(proto.ServerDraining):
		var d proto.DrainingData
		if json.Unmarshal(f.Data, &d) == nil {
			c.comeback = time.Now().Add(time.Duration(d.ReconnectAfterMS) * time.Millisecond)
		}
	case f.Type != "" && len(f.ID) > 0 && c.answer(f):
		return true
	case f.Type != "" && len(f.ID) == 0 && c.admission(f):
		return true
	}
	return c.deliver(f)
}

// useIceServers replaces the servers in the details by those in data.
func (c *Client) useIceServers(data json.RawMessage) {
	var d proto.IceServersData
	if json.Unmarshal(data, &d) != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.details.IceServers = d.IceServers
}

// answer passes f to the request that waits for it.
func (c *Client) answer(f Frame) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.pending[string(f.ID)]
	if !ok {
		return false
	}
	delete(c.pending, string(f.ID))
	if r.asks && f.Is(proto.JoinWaiting) {
		c.waitLocked(f, r)
		return false // the application sees that it waits
	}
	r.answer <- f // has room for one
	return true
}

func (c *Client) deliver(f Frame) bool {
	select {
	case c.frames <- f:
		return true
	case <-c.ctx.Done():
		return false
	}
}

// heartbeat pings the server, and calls stop to break the connection when there
// is no answer.
func (c *Client) heartbeat(ctx context.Context, conn *websocket.Conn, stop context.CancelCauseFunc, busy *atomic.Bool) {
	every := c.opts.Heartbeat
	if every == 0 {
		every = time.Duration(c.Details().Heartbeat) * time.Second
	}
	if every <= 0 {
		every = defaultHeartbeat
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		pctx, cancel := context.WithTimeout(ctx, every)
		err := conn.Ping(pctx)
		cancel()
		// The reader reports any other error, with the close code.
		if errors.Is(err, context.DeadlineExceeded) && !busy.Load() {
			stop(errNoPong)
			return
		}
	}
}
