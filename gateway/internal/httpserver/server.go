// Package httpserver serves clients over HTTP/1.1, with or without TLS, from one listener.
// Its timeouts bound what a client that is slow or silent may hold before its handshake is
// done; package socket takes over from there.
package httpserver

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Config says what is served where.
type Config struct {
	Listener  net.Listener // used in place of Listen when set
	Listen    string       // host:port
	TLS       *tls.Config  // as TLSConfig returns it; nil: none
	Handler   http.Handler
	ConnState func(net.Conn, http.ConnState)
	// ClosePending closes the connections that the handler has not taken over. The server's
	// own way to close waits for clients of TLS that do not read.
	ClosePending func()
	Logger       *slog.Logger
}

// Server is a listener that is served. Its methods may be called concurrently.
type Server struct {
	srv          *http.Server
	addr         net.Addr
	closePending func()
	done         chan struct{}
	err          error // why it ended; set before done is closed
}

// Start listens and serves until Close is called.
func Start(cfg Config) (*Server, error) {
	ln := cfg.Listener
	if ln == nil {
		var err error
		if ln, err = net.Listen("tcp", cfg.Listen); err != nil {
			return nil, fmt.Errorf("listen %s: %w", cfg.Listen, err)
		}
	}
	s := &Server{addr: ln.Addr(), closePending: cfg.ClosePending, done: make(chan struct{}), srv: &http.Server{
		Handler: cfg.Handler, ConnState: cfg.ConnState, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 10 * time.Second, IdleTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelDebug),
	}}
	if cfg.TLS != nil {
		ln = tls.NewListener(ln, cfg.TLS)
	}
	go func() {
		defer close(s.done)
		s.err = s.srv.Serve(ln)
	}()
	return s, nil
}

// Addr returns the address that is served.
func (s *Server) Addr() net.Addr { return s.addr }

// Done is closed when nothing is served any more, because Close was called or because the
// listener failed.
func (s *Server) Done() <-chan struct{} { return s.done }

// Close stops to serve, closes the connections that the handler has not taken over, and
// returns the error of the listener, if it had failed before.
func (s *Server) Close() error {
	s.closePending()
	_ = s.srv.Close() // it reports what a listener says that is closed already
	<-s.done
	if errors.Is(s.err, http.ErrServerClosed) {
		return nil
	}
	return s.err
}
