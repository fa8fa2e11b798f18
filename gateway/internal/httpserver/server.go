// Package httpserver serves clients over HTTP/1.1, with or without TLS, from one listener.
// Its timeouts bound the resources that a slow or silent client may hold before its
// handshake is done; after the handshake package socket bounds them.
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

// Config says what a Server serves and where.
type Config struct {
	Listener  net.Listener // used in place of Listen when set
	Listen    string       // host:port
	TLS       *tls.Config  // from TLSConfig; nil: no TLS
	Handler   http.Handler
	ConnState func(net.Conn, http.ConnState)
	// ClosePending closes the connections that the handler has not taken over. The close of
	// http.Server would wait for TLS clients that do not read.
	ClosePending func()
	Logger       *slog.Logger
}

// Server serves one listener. Its methods may be called concurrently.
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

// Addr returns the address of the listener.
func (s *Server) Addr() net.Addr { return s.addr }

// Done returns a channel that is closed when the server has stopped, because Close was
// called or because the listener failed.
func (s *Server) Done() <-chan struct{} { return s.done }

// Close stops the server, closes the connections that the handler has not taken over, and
// returns the listener's error if it had failed before.
func (s *Server) Close() error {
	s.closePending()
	_ = s.srv.Close() // its error is only that the listener is closed already
	<-s.done
	if errors.Is(s.err, http.ErrServerClosed) {
		return nil
	}
	return s.err
}
