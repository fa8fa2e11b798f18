package socket

import (
	"math"
	"sync"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/membudget"
	"p2pconnector/proto"
)

// Config holds what all connections of a server have in common. The functions count events;
// they run under a connection's lock, must not block, and may be nil.
type Config struct {
	MaxMessageBytes int                  // of one text message
	QueueBytes      int                  // that wait for one client to read; 0: DefaultQueueBytes
	ControlFrames   int                  // of one client a second, and controlBurst times as many at once; 0: DefaultControlFrames
	Clock           *clock.AtomicInstant // the present moment; the owner keeps it fresh
	Budget          *membudget.Budget    // of the buffers of all connections; nil: no bound

	Closed       func(proto.CloseCode) // a close frame was queued; code 0: a frame without a code
	SlowClient   func()                // a client did not read, and its queue is full
	IdleClient   func()                // nothing, not even a pong, was received from a client
	WriterTurned func()                // a goroutine took a connection from the write queue
}

// Server holds the state that connections share. Its methods may be called concurrently.
type Server struct {
	cfg      Config
	bounds   queueBounds
	upgrader *upgrader
	queue    writeQueue
	writes   sync.WaitGroup // goroutines that write, and connections that have something to write
}

// NewServer returns a server without connections.
func NewServer(cfg Config) *Server {
	if cfg.Closed == nil {
		cfg.Closed = func(proto.CloseCode) {}
	}
	for _, f := range []*func(){&cfg.SlowClient, &cfg.IdleClient, &cfg.WriterTurned} {
		if *f == nil {
			*f = func() {}
		}
	}
	if cfg.Budget == nil {
		cfg.Budget = membudget.New(math.MaxInt64)
	}
	if cfg.QueueBytes == 0 {
		cfg.QueueBytes = DefaultQueueBytes
	}
	if cfg.ControlFrames == 0 {
		cfg.ControlFrames = DefaultControlFrames
	}
	s := &Server{cfg: cfg, bounds: newQueueBounds(cfg.QueueBytes), upgrader: newUpgrader(cfg.MaxMessageBytes)}
	s.queue.init(s)
	return s
}

// Waiting returns the number of connections in the write queue. It takes no lock.
func (s *Server) Waiting() int { return int(s.queue.length.Load()) }

// Wait returns when no connection is being written or waits to be written. After all
// connections were aborted, nothing is written again.
func (s *Server) Wait() { s.writes.Wait() }
