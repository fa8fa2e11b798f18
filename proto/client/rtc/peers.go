package rtc

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"

	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

const (
	defaultMaxPeers = 64 // each costs memory and ports
	defaultPatience = 15 * time.Second
)

var (
	// ErrTooManyPeers is returned by Connect when Config.MaxPeers connections are there.
	ErrTooManyPeers = errors.New("rtc: too many connections: close one first, or raise Config.MaxPeers")
	// ErrClosed is returned by Connect after Close.
	ErrClosed = errors.New("rtc: closed")
)

// Config says how connections are made. Its zero value answers nobody.
type Config struct {
	// Setup adds channels and tracks to a new connection and sets its handlers. Of the
	// handlers, OnICECandidate, OnNegotiationNeeded and OnConnectionStateChange are the
	// Peer's; use Changed for the last. The side that calls Connect has to add at least one
	// channel or track, because there is nothing to connect otherwise. Setup is called again, with a new connection, when
	// the other side has begun anew. When it returns an error, the peer ends with that.
	// nil adds nothing, which is enough for a side that only answers.
	Setup func(p *Peer, pc *webrtc.PeerConnection) error
	// Accept reports whether to answer an offer of a peer to which there is no connection.
	// Several goroutines may call it at once. nil answers nobody.
	Accept func(from proto.PeerID) bool
	// Changed is called after every change of a peer's state: in order for one peer, and for
	// several at the same time. It may call any method except Peers.Close. nil is fine.
	Changed func(p *Peer, state State)

	// API makes the connections; nil = webrtc.NewPeerConnection, with pion's usual codecs.
	API *webrtc.API
	// Configuration is that of each connection. Without ICEServers in it, those that the
	// server names are used, and renewed for each search for a path.
	Configuration webrtc.Configuration
	// MaxPeers bounds the connections at once; 0 = 64. Further offers are not answered. A
	// connection counts until it is closed, also when it has Failed: close it in Changed
	// unless it may be tried again.
	MaxPeers int
	// Patience is how long an answer or a path may take before the next of 6 tries; 0 = 15 s.
	// A path that broke gets a fifth of it to mend itself.
	Patience time.Duration
	Logger   *slog.Logger // nil = discard
}

// Peers holds a client's connections, one for each other peer. All methods may be called by
// any goroutine at any time.
type Peers struct {
	c   *client.Client
	cfg Config
	wg  sync.WaitGroup

	mu     sync.Mutex
	all    map[proto.PeerID]*Peer
	closed bool
}

// New returns an empty Peers whose signals travel through c. The caller hands it c's frames
// (see [Peers.Handle]) and closes it before c.
func New(c *client.Client, cfg Config) *Peers {
	if cfg.MaxPeers == 0 {
		cfg.MaxPeers = defaultMaxPeers
	}
	if cfg.Patience == 0 {
		cfg.Patience = defaultPatience
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Peers{c: c, cfg: cfg, all: make(map[proto.PeerID]*Peer)}
}

// Connect returns the connection to a peer, and offers one when there is none; it ends with
// an error when Config.Setup has added nothing to it. Connect does not wait for the other
// side: Config.Changed reports how that goes.
func (s *Peers) Connect(id proto.PeerID) (*Peer, error) {
	return s.add(id, input{run: (*Peer).begin})
}

// Handle takes what concerns the connections out of a frame, and reports whether the frame
// was a signal, or an error about one, which the caller can then ignore. Call it with every
// frame of Client.Frames, in order, by one goroutine; it does not wait.
func (s *Peers) Handle(f client.Frame) (signal bool) {
	if r, ok := f.Resumed(); ok {
		for _, p := range s.List() {
			if r.Same {
				notify(p.returned)
			} else {
				p.stop(ErrLost)
			}
		}
		return false
	}
	if e := f.Err(); e != nil {
		if !isSignal(e.Event) {
			return false
		}
		if p := s.get(proto.PeerID(e.To)); p != nil {
			p.post(input{run: func(p *Peer) { p.refused(e) }})
		}
		return true
	}
	if f.From == "" {
		return false
	}
	if !isSignal(f.Event) {
		if p := s.get(f.From); p != nil {
			notify(p.frames)
		}
		return false
	}
	s.dispatch(f)
	return true
}

// dispatch hands a signal to the sender's connection. It makes one for an offer that is
// accepted.
func (s *Peers) dispatch(f client.Frame) {
	in := input{run: func(p *Peer) { p.receive(f) }, signal: &f}
	if p := s.get(f.From); p != nil && p.post(in) {
		return
	}
	if f.Event != string(proto.Offer) || s.cfg.Accept == nil || !s.cfg.Accept(f.From) {
		return
	}
	if _, err := s.add(f.From, in); err != nil {
		s.cfg.Logger.Warn("offer not answered", "peer", f.From, "err", err)
	}
}

// add hands first to the connection to a peer, which it returns. When there is none it makes
// one.
func (s *Peers) add(id proto.PeerID, first input) (*Peer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	if p := s.all[id]; p != nil {
		if first.signal != nil { // Connect was faster than the offer
			p.post(first)
		}
		return p, nil
	}
	if len(s.all) >= s.cfg.MaxPeers {
		return nil, ErrTooManyPeers
	}
	p := newPeer(s, id)
	p.post(first)
	s.all[id] = p
	s.wg.Go(p.run)
	return p, nil
}

func (s *Peers) get(id proto.PeerID) *Peer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[id]
}

// List returns the connections that there are, in no order.
func (s *Peers) List() []*Peer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.all))
}

func (s *Peers) forget(p *Peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all[p.id] == p {
		delete(s.all, p.id)
	}
}

// Close ends every connection, which the other sides learn, and returns when what Peers
// started has ended. Handlers of connections and Changed must not call it.
func (s *Peers) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	for _, p := range s.List() {
		p.Close()
	}
	s.wg.Wait()
}

// iceServers returns the ICE servers that new connections use.
func (s *Peers) iceServers() ([]webrtc.ICEServer, error) {
	named := s.c.Details().IceServers
	if len(s.cfg.Configuration.ICEServers) > 0 || len(named) == 0 {
		return s.cfg.Configuration.ICEServers, nil
	}
	var servers []webrtc.ICEServer
	if err := json.Unmarshal(named, &servers); err != nil {
		return nil, fmt.Errorf("rtc: the server names ICE servers that cannot be read: %w", err)
	}
	return servers, nil
}

func (s *Peers) connection() (*webrtc.PeerConnection, error) {
	cfg := s.cfg.Configuration
	var err error
	if cfg.ICEServers, err = s.iceServers(); err != nil {
		return nil, err
	}
	if s.cfg.API != nil {
		return s.cfg.API.NewPeerConnection(cfg)
	}
	return webrtc.NewPeerConnection(cfg)
}
