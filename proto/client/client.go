package client

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/coder/websocket"

	"p2pconnector/proto"
)

// Client is a peer. All methods may be called by any goroutine at any time.
// Frames sent by one goroutine keep their order. The caller must receive from
// Frames: when its buffer is full the client stops reading, answers to requests
// included, and the server will close the connection as too slow.
type Client struct {
	// Static after Dial.
	opts   Options
	log    *slog.Logger
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	frames chan Frame
	done   chan struct{} // closed when run has ended

	// Owned by run.
	url      int // of opts.URLs, tried next
	backoff  backoff
	comeback time.Time // when a draining server expects the client back; zero: it does not drain
	received uint64    // text frames on the newest connection that had the session

	mu      sync.Mutex
	conn    *websocket.Conn          // nil while disconnected
	changed chan struct{}            // closed and replaced whenever conn changes
	details proto.Details            // the newest, with the newest session token
	pending map[string]request       // by key
	waiting map[proto.RoomID]request // joins whose peer waits to be admitted
	last    uint64                   // correlation id drawn last
	closing bool
	err     error // why the client has ended
}

// Dial connects to the first of the URLs that answers. ctx bounds the
// connecting only.
func Dial(ctx context.Context, opts Options) (*Client, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	c := &Client{
		opts: opts, log: opts.Logger,
		frames: make(chan Frame, opts.Buffer), done: make(chan struct{}),
		changed: make(chan struct{}), pending: make(map[string]request), waiting: make(map[proto.RoomID]request),
		backoff: backoff{base: opts.Backoff, max: opts.MaxWait},
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	var conn *websocket.Conn
	for range opts.URLs {
		if conn, err = c.connect(ctx); err == nil {
			break
		}
		c.url++
	}
	if err != nil {
		c.cancel()
		return nil, fmt.Errorf("client: connecting: %w", err)
	}
	go c.run(conn)
	return c, nil
}

// ID returns the client's current id.
func (c *Client) ID() proto.PeerID { return c.Details().ID }

// Details returns the data of the newest Client_Details, with the newest session
// token.
func (c *Client) Details() proto.Details {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.details
}

// Frames returns the channel of the server's frames, in order, except answers to
// requests, Session, and the first Client_Details. It is closed when the client
// has ended.
func (c *Client) Frames() <-chan Frame { return c.frames }

// Next returns the next frame, or ctx's error, or, after the end, the reason why
// the client has ended.
func (c *Client) Next(ctx context.Context) (Frame, error) {
	select {
	case f, ok := <-c.frames:
		if !ok {
			return Frame{}, c.Err()
		}
		return f, nil
	case <-ctx.Done():
		return Frame{}, ctx.Err()
	}
}

// Done is closed when the client has ended: by Close, by a close code that
// forbids reconnecting, or because it was disconnected for too long.
func (c *Client) Done() <-chan struct{} { return c.done }

// Err returns the reason why the client has ended, or nil while it runs. After
// Close it is ErrClosed.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Close closes the connection with code 1000, which ends the session at once,
// and returns when the client has ended. A client that is disconnected just
// ends; its session expires after the grace.
func (c *Client) Close() error {
	c.mu.Lock()
	c.closing = true
	conn := c.conn
	c.mu.Unlock()
	var err error
	if conn != nil {
		err = conn.Close(websocket.StatusNormalClosure, "")
	}
	c.cancel()
	<-c.done
	return err
}

// run owns the connection: it reads, and reconnects after a break.
func (c *Client) run(conn *websocket.Conn) {
	defer close(c.done)
	defer close(c.frames)
	for {
		since := time.Now()
		err := c.serve(conn)
		conn.CloseNow()
		c.lose()
		if c.ended(err) {
			return
		}
		if time.Since(since) > c.opts.MaxWait {
			c.backoff.reset() // this connection did not break at once
		}
		c.log.Info("connection lost", "peer", c.ID(), "err", err)
		if conn, err = c.comeBack(); err != nil {
			c.ended(err)
			return
		}
	}
}

// ended reports whether the client ends, because of err or of a Close, and
// records the reason.
func (c *Client) ended(err error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closing || c.ctx.Err() != nil:
		c.err = ErrClosed
	case c.opts.NoResume || final(err) || isGaveUp(err):
		c.err = fmt.Errorf("client: ended: %w", err)
	default:
		return false
	}
	c.cancel()
	c.endWaitsLocked()
	close(c.changed) // wakes senders that wait; nothing replaces it now
	return true
}

// lose marks the client as disconnected: senders wait, and requests without an
// answer fail.
func (c *Client) lose() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.setConnLocked(nil)
	for key, r := range c.pending {
		close(r.answer)
		delete(c.pending, key)
	}
}

func (c *Client) setConnLocked(conn *websocket.Conn) {
	if c.conn == conn {
		return
	}
	c.conn = conn
	close(c.changed)
	c.changed = make(chan struct{})
}
