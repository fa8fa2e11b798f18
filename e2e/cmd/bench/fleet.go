package main

import (
	"context"
	"fmt"
	"net"
	"sync"

	"p2pconnector/e2e/kit/load"
)

// dialers bounds the concurrent handshakes.
const dialers = 64

// addressesPerHost bounds the connections from one address, so that the ports of
// the load generator suffice.
const addressesPerHost = 5000

// fleet is many connections to one system. Connection i goes to server i modulo
// their number, so neighbours are on different servers.
type fleet struct {
	sys   *system
	conns []*load.Conn
}

// connect opens n connections to sys. buffer is the number of bytes that one
// read may take; it grows when a frame needs it.
func connect(ctx context.Context, sys *system, n, buffer int) (*fleet, error) {
	f := &fleet{sys: sys, conns: make([]*load.Conn, n)}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(dialers, n) {
		wg.Go(func() {
			for i := range next {
				c, err := sys.dial(ctx, i, buffer)
				if err != nil {
					cancel(fmt.Errorf("connection %d to %s: %w", i, sys.name, err))
					continue
				}
				f.conns[i] = c
			}
		})
	}
feeding:
	for i := range n {
		select {
		case next <- i:
		case <-ctx.Done():
			break feeding
		}
	}
	close(next)
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		f.close()
		return nil, sys.explain(err)
	}
	return f, nil
}

// dial opens the i-th connection to s.
func (s *system) dial(ctx context.Context, i, buffer int) (*load.Conn, error) {
	local := &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(1+i/addressesPerHost))}
	c, err := load.Dial(ctx, s.addrs[i%len(s.addrs)], s.target(i), local, buffer)
	if err != nil {
		return nil, err
	}
	c.At = i
	if s.hello != nil {
		first, err := c.Next()
		if err == nil {
			c.ID, err = s.hello(i, first)
		}
		if err != nil {
			c.Close()
			return nil, fmt.Errorf("its first frame: %w", err)
		}
	}
	c.Start()
	return c, nil
}

// feed gives all connections the same sink.
func (f *fleet) feed(s load.Sink) {
	for _, c := range f.conns {
		c.Feed(s)
	}
}

// bytesRead returns the number of bytes that all connections have received.
func (f *fleet) bytesRead() (n uint64) {
	for _, c := range f.conns {
		n += c.BytesRead()
	}
	return n
}

// broken returns the reason why a connection ended, or nil while all are open.
func (f *fleet) broken() error {
	for _, c := range f.conns {
		select {
		case <-c.Done():
			code, err := c.Ended()
			return fmt.Errorf("%s closed connection %d: code %d, %v", f.sys.name, c.At, code, err)
		default:
		}
	}
	return nil
}

// close closes all connections and waits for their readers.
func (f *fleet) close() {
	if f == nil {
		return
	}
	for _, c := range f.conns {
		if c != nil {
			c.Goodbye()
		}
	}
	for _, c := range f.conns {
		if c != nil {
			<-c.Done()
			c.Close()
		}
	}
}
