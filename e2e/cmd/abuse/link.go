package main

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// stallingLink passes bytes between clients and a server. It is a client's network, which
// can stall: nothing arrives then, and what the server sends waits at the server.
type stallingLink struct {
	listener net.Listener
	server   string
	stalled  sync.Mutex // held while the link stalls, and while bytes pass

	wg    sync.WaitGroup
	mu    sync.Mutex
	conns []net.Conn
}

// linkBuffer is what the link takes ahead of its client, in bytes.
const linkBuffer = 16 << 10

func newStallingLink(server string) (*stallingLink, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &stallingLink{listener: l, server: server}
	s.wg.Go(s.accept)
	return s, nil
}

func (s *stallingLink) addr() string { return s.listener.Addr().String() }

func (s *stallingLink) accept() {
	for {
		client, err := s.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", s.server)
		if err == nil {
			err = server.(*net.TCPConn).SetReadBuffer(linkBuffer)
		}
		if err != nil {
			_ = client.Close()
			continue
		}
		s.mu.Lock()
		s.conns = append(s.conns, client, server)
		s.mu.Unlock()
		s.wg.Go(func() {
			_, _ = io.Copy(server, client) // its end is the end of the link
			_ = server.Close()
		})
		s.wg.Go(func() {
			s.pass(client, server)
			_ = client.Close()
		})
	}
}

// pass copies what comes for a client, except while the link stalls.
func (s *stallingLink) pass(client, server net.Conn) {
	b := make([]byte, linkBuffer)
	for {
		n, err := server.Read(b)
		if err != nil {
			return
		}
		s.stalled.Lock()
		_, err = client.Write(b[:n])
		s.stalled.Unlock()
		if err != nil {
			return
		}
	}
}

// stall lets nothing pass to clients for a time, or until ctx ends.
func (s *stallingLink) stall(ctx context.Context, d time.Duration) {
	s.stalled.Lock()
	_ = wait(ctx, d)
	s.stalled.Unlock()
}

func (s *stallingLink) close() error {
	err := s.listener.Close()
	s.mu.Lock()
	for _, c := range s.conns {
		if e := c.Close(); e != nil && !errors.Is(e, net.ErrClosed) {
			err = errors.Join(err, e)
		}
	}
	s.mu.Unlock()
	s.wg.Wait()
	return err
}
