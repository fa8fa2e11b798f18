// Package natsbox runs NATS servers with JetStream inside this process, with
// the settings that the connector needs of them: alone, for the single binary
// and most tests, or as a cluster of three.
//
// A [Server] is handed to nats.InProcessServer, so nothing has to listen on a
// port, and connections find their way back after [Server.Restart].
package natsbox

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"p2pconnector/proto/bus"
)

// Settings of the servers. A stalled gateway must not stall the others
// (NoFastProducerStall), and a frozen gateway must be noticed in seconds.
const (
	writeDeadline = 2 * time.Second
	pingInterval  = 2 * time.Second
	maxPingsOut   = 2
	readyTimeout  = 20 * time.Second
)

// Config configures a server. The zero value is a server without a port whose
// data is in a temporary folder.
type Config struct {
	Listen   string        // host:port for clients; "" = no port, in-process connections only; port 0 = a free one
	StoreDir string        // JetStream's folder; "" = a temporary one that Close removes
	Sync     time.Duration // how long a write may wait for the disk; 0 = every write is synced before it is acknowledged
	MaxStore int64         // bytes that JetStream may hold; 0 = three quarters of the disk
	Logger   *slog.Logger  // nil = discard
	Name     string        // "" = drawn by the server; needed in a cluster
	Cluster  *Cluster      // nil = not clustered
	File     string        // a configuration file, users and all, in place of natsbox's own settings; the fields above still count
}

// Cluster is a server's part in a cluster.
type Cluster struct {
	Name        string   // the same for all
	Listen      string   // host:port for the other servers
	Routes      []string // host:port of every server, its own included
	NoAdvertise bool     // clients do not learn of the other servers: they have addresses of their own for them
}

// Server is a NATS server in this process. Its methods may be called by any
// goroutine at any time.
type Server struct {
	cfg  Config // Listen and StoreDir are filled in after the first start
	temp bool   // Close removes StoreDir

	mu     sync.Mutex
	srv    *server.Server // nil while stopped
	closed bool
}

// ErrStopped is the error of a connection attempt while the server is stopped.
var ErrStopped = errors.New("natsbox: the server is stopped")

// Start runs a server and returns when it answers.
func Start(cfg Config) (*Server, error) {
	s := &Server{cfg: cfg}
	if s.cfg.Logger == nil {
		s.cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.StoreDir == "" {
		dir, err := os.MkdirTemp("", "p2p-nats-")
		if err != nil {
			return nil, fmt.Errorf("natsbox: making a temporary folder: %w", err)
		}
		s.cfg.StoreDir, s.temp = dir, true
	}
	if err := s.Restart(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Restart stops the server, if it runs, and starts it again on the same folder
// and the same port.
func (s *Server) Restart() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrStopped
	}
	s.stopLocked()
	opts, err := s.cfg.options()
	if err != nil {
		return err
	}
	srv, err := server.NewServer(opts)
	if err != nil {
		return fmt.Errorf("natsbox: %w", err)
	}
	log := &logger{log: s.cfg.Logger}
	srv.SetLogger(log, false, false)
	srv.Start()
	if err := awaitReady(srv, log); err != nil {
		srv.Shutdown()
		srv.WaitForShutdown()
		return err
	}
	s.srv = srv
	if s.cfg.Listen != "" {
		s.cfg.Listen = srv.Addr().String()
	}
	return nil
}

// awaitReady waits in short steps, because the server goes on waiting for itself
// after a fatal error.
func awaitReady(srv *server.Server, log *logger) error {
	for end := time.Now().Add(readyTimeout); time.Now().Before(end); {
		ready := srv.ReadyForConnections(50 * time.Millisecond)
		if fatal := log.fatalText(); fatal != "" {
			return fmt.Errorf("natsbox: the NATS server did not start: %s", fatal)
		}
		if ready {
			return nil
		}
	}
	return fmt.Errorf("natsbox: the NATS server was not ready within %v", readyTimeout)
}

// Stop shuts the server down and waits for its end. Its data stays.
func (s *Server) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopLocked()
}

func (s *Server) stopLocked() {
	if s.srv == nil {
		return
	}
	s.srv.Shutdown()
	s.srv.WaitForShutdown()
	s.srv = nil
}

// Close stops the server for good and removes a temporary folder. Closing twice
// does no harm.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopLocked()
	s.closed = true
	if !s.temp {
		return nil
	}
	if err := os.RemoveAll(s.cfg.StoreDir); err != nil {
		return fmt.Errorf("natsbox: removing the temporary folder: %w", err)
	}
	return nil
}

// InProcessConn opens a connection without a socket: it makes a Server what
// nats.InProcessServer takes. While the server is stopped it fails.
func (s *Server) InProcessConn() (net.Conn, error) {
	s.mu.Lock()
	srv := s.srv
	s.mu.Unlock()
	if srv == nil {
		return nil, ErrStopped
	}
	return srv.InProcessConn()
}

// URL returns where clients connect, or "" for a server without a port. It stays
// the same over a restart.
func (s *Server) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cfg.Listen == "" {
		return ""
	}
	return "nats://" + s.cfg.Listen
}

// StoreDir returns JetStream's folder.
func (s *Server) StoreDir() string { return s.cfg.StoreDir }

// NATS returns the running server, for tests that look inside, or nil while it
// is stopped.
func (s *Server) NATS() *server.Server {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.srv
}

func (c *Config) options() (*server.Options, error) {
	o := &server.Options{
		ServerName:          c.Name,
		DontListen:          c.Listen == "",
		JetStream:           true,
		StoreDir:            c.StoreDir,
		SyncAlways:          c.Sync == 0,
		SyncInterval:        c.Sync,
		NoSigs:              true, // main handles signals
		NoFastProducerStall: true,
		WriteDeadline:       writeDeadline,
		PingInterval:        pingInterval,
		MaxPingsOut:         maxPingsOut,
		MaxPayload:          bus.MaxPayloadBytes,
	}
	var err error
	if c.File != "" {
		if o, err = c.fromFile(); err != nil {
			return nil, err
		}
	}
	if c.MaxStore > 0 {
		o.JetStreamMaxStore = c.MaxStore
	}
	if c.Listen != "" {
		if o.Host, o.Port, err = splitListen(c.Listen); err != nil {
			return nil, err
		}
	}
	if c.Cluster != nil {
		err = c.Cluster.apply(o)
	}
	return o, err
}

// fromFile reads a configuration file. It ignores the addresses and folders that
// the file names: they come from c.
func (c *Config) fromFile() (*server.Options, error) {
	o, err := server.ProcessConfigFile(c.File)
	if err != nil {
		return nil, fmt.Errorf("natsbox: %w", err)
	}
	o.StoreDir, o.NoSigs, o.DontListen, o.Port = c.StoreDir, true, c.Listen == "", 0
	o.HTTPHost, o.HTTPPort = "", 0
	if c.Name != "" {
		o.ServerName = c.Name
	}
	return o, nil
}

// splitListen splits host:port as server.Options expect it: -1 is a free port
// there.
func splitListen(listen string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(listen)
	if err == nil {
		port, err = strconv.Atoi(text)
	}
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("natsbox: %q is no address to listen on: want host:port", listen)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	return host, port, nil
}
