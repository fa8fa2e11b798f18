package kit

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"p2pconnector/proto/client"
)

// Client connects a resuming client to gateway i; the other gateways follow in
// its list. The client is closed at the end of the test. Zero options are fine.
func (s *Stack) Client(t testing.TB, i int, opts client.Options) *client.Client {
	t.Helper()
	if opts.URLs == nil {
		opts.URLs = s.URLs(i)
	}
	if opts.Logger == nil {
		opts.Logger = s.log
	}
	if opts.MaxWait == 0 {
		opts.MaxWait = 500 * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	c, err := client.Dial(ctx, opts)
	s.must(t, err)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			s.log.Info("closing a client", slog.Any("err", err))
		}
	})
	return c
}

// Cable is a dialer for client.Options.Dial that can cut what it has opened.
// The zero value is ready; it may be used by any goroutine.
type Cable struct {
	mu    sync.Mutex
	conns []net.Conn
}

// Dial opens a TCP connection.
func (c *Cable) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conns = append(c.conns, conn)
	return conn, nil
}

// Cut closes every connection opened so far, without a close frame.
func (c *Cable) Cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		_ = conn.Close() // it may be closed already
	}
	c.conns = nil
}
