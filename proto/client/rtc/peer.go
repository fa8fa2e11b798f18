package rtc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"

	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

// State is what a connection is doing.
type State string

const (
	Connecting   State = "connecting"   // there has been no path yet
	Connected    State = "connected"    // data can flow
	Reconnecting State = "reconnecting" // the path broke, and a new one is searched
	Failed       State = "failed"       // no path was found; a signal of the other side, a resume or Restart searches again
	Closed       State = "closed"       // the connection has ended; Err says why
)

// Why a connection has ended; see [Peer.Err].
var (
	// ErrLeft: the other side closed the connection, or is not there.
	ErrLeft = errors.New("rtc: the other side has left")
	// ErrLost: the client's session was not resumed, so that it is another peer now.
	ErrLost = errors.New("rtc: the session was lost")
)

const (
	maxInputs  = 320         // that wait for the connection; signals beyond are dropped, and sent again by the other side
	maxEarly   = 256         // candidates before a description
	maxTries   = 6           // in a row that have no effect
	mendPart   = 5           // of Config.Patience: the time in which a broken path may mend itself
	retryAfter = time.Second // to send again what was refused
	byeTimeout = time.Second // to tell the other side of the end
)

// Peer is the connection to one other peer. All methods may be called by any goroutine at
// any time, also in handlers of the connection.
type Peer struct {
	// Static after newPeer.
	peers  *Peers
	id     proto.PeerID
	polite bool // our offer gives way when both sides offer at once
	log    *slog.Logger
	ctx    context.Context // ends with Close or the session; its cause is the reason
	stop   context.CancelCauseFunc
	inputs chan input
	over   chan struct{} // closed when no more inputs are taken

	// One of each may wait, so that none is dropped because of the inputs.
	returned, restarts, frames chan struct{}

	pc    atomic.Pointer[webrtc.PeerConnection]
	state atomic.Pointer[State]

	mu    sync.Mutex
	ended bool
	err   error

	negotiation // owned by run
}

// input is something for run to do.
type input struct {
	run    func(*Peer)
	signal *client.Frame // that run handles; nil for other inputs
}

func newPeer(s *Peers, id proto.PeerID) *Peer {
	p := &Peer{
		peers: s, id: id, polite: s.c.ID() < id, log: s.cfg.Logger.With("peer", id),
		inputs: make(chan input, maxInputs), over: make(chan struct{}),
		returned: make(chan struct{}, 1), restarts: make(chan struct{}, 1), frames: make(chan struct{}, 1),
	}
	p.ctx, p.stop = context.WithCancelCause(context.Background())
	p.state.Store(new(Connecting))
	return p
}

// ID returns the id of the other peer.
func (p *Peer) ID() proto.PeerID { return p.id }

// State returns the state of the connection.
func (p *Peer) State() State { return *p.state.Load() }

// Connection returns pion's connection, or nil before Setup. After the other side has begun
// anew it is another one.
func (p *Peer) Connection() *webrtc.PeerConnection { return p.pc.Load() }

// Done is closed when the connection has ended.
func (p *Peer) Done() <-chan struct{} { return p.over }

// Err returns why the connection has ended: ErrClosed after Close, ErrLeft, ErrLost, or what
// made it unusable. It is nil while the connection is there.
func (p *Peer) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// Restart searches for a new path, with fresh ICE servers (an ICE restart), in any state but
// closed.
func (p *Peer) Restart() { notify(p.restarts) }

// notify makes run act on c once for all that came since it did so last.
func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Close ends the connection and tells the other side. It does not wait for that.
func (p *Peer) Close() { p.stop(ErrClosed) }

// post hands an input to run, and returns false when the connection has ended. It drops what
// is too much: the timer repeats what a dropped signal or refusal was about.
func (p *Peer) post(in input) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return false
	}
	select {
	case p.inputs <- in:
	default:
		p.log.Warn("input dropped: too many wait")
	}
	return true
}

// run owns the connection until it ends.
func (p *Peer) run() {
	p.timer = time.NewTimer(p.peers.cfg.Patience)
	defer p.timer.Stop()
	p.renew(0)
	for p.reason == nil {
		select {
		case in := <-p.inputs:
			in.run(p)
		case <-p.timer.C:
			p.tick()
		case <-p.returned:
			p.resumed()
		case <-p.restarts:
			p.revive()
			p.timer.Reset(p.peers.cfg.Patience)
			p.restart()
		case <-p.frames:
			p.seen()
		case <-p.ctx.Done():
			reason := context.Cause(p.ctx)
			if reason == ErrClosed { // after ErrLost we are another peer
				p.bye()
			}
			p.end(reason)
		}
		if p.reason == nil && p.needed && p.offer == nil {
			p.makeOffer(false)
		}
	}
	p.finish()
}

// bye tells the other side of the end. When that fails, it notices by itself.
func (p *Peer) bye() {
	ctx, cancel := context.WithTimeout(context.Background(), byeTimeout)
	defer cancel()
	_ = p.sendOn(ctx, proto.Candidate, signal{Bye: true})
}

// finish closes the connection. Signals that came too late are for the next one.
func (p *Peer) finish() {
	p.stop(p.reason)
	p.peers.forget(p)
	p.mu.Lock()
	p.ended, p.err = true, p.reason
	p.mu.Unlock()
	p.become(Closed)
	close(p.over)
	if pc := p.pc.Load(); pc != nil {
		p.release(pc)
	}
	for {
		select {
		case in := <-p.inputs:
			if in.signal != nil {
				p.peers.dispatch(*in.signal)
			}
		default:
			return
		}
	}
}

// release closes a connection of pion's in the background, because it waits for the
// connection's handlers.
func (p *Peer) release(pc *webrtc.PeerConnection) {
	p.peers.wg.Go(func() {
		if err := pc.GracefulClose(); err != nil {
			p.log.Warn("closing a connection failed", "err", err)
		}
	})
}

// renew makes a new connection, with a generation of at least least, in place of the
// present one.
func (p *Peer) renew(least int64) {
	if pc := p.pc.Load(); pc != nil {
		p.release(pc)
	}
	timer, tries := p.timer, p.tries
	p.negotiation = negotiation{timer: timer, tries: tries, own: max(draw(), least)}
	p.become(Connecting)
	pc, err := p.peers.connection()
	if err != nil {
		p.end(fmt.Errorf("rtc: making a connection: %w", err))
		return
	}
	p.pc.Store(pc)
	p.wire(pc)
	if p.peers.cfg.Setup == nil {
		return
	}
	if err := p.peers.cfg.Setup(p, pc); err != nil {
		p.end(err)
	}
}

// wire makes inputs of what happens to pc. Handlers wait for room among the inputs, because
// what they report is not sent again.
func (p *Peer) wire(pc *webrtc.PeerConnection) {
	report := func(run func(*Peer)) {
		current := func(p *Peer) {
			if p.pc.Load() == pc {
				run(p)
			}
		}
		select {
		case p.inputs <- input{run: current}:
		case <-p.over:
		}
	}
	pc.OnNegotiationNeeded(func() { report(func(p *Peer) { p.needed = true }) })
	pc.OnICECandidate(func(c *webrtc.ICECandidate) {
		if c != nil {
			init := c.ToJSON()
			report(func(p *Peer) { p.found(init) })
		}
	})
	pc.OnConnectionStateChange(func(webrtc.PeerConnectionState) {
		// pion calls handlers in goroutines, so that an older state may come after a newer.
		report(func(p *Peer) { p.path(pc.ConnectionState()) })
	})
}

// end makes run end, for that reason.
func (p *Peer) end(reason error) { p.reason = reason }

func (p *Peer) become(s State) {
	if p.State() == s {
		return
	}
	p.state.Store(&s)
	if p.peers.cfg.Changed != nil {
		p.peers.cfg.Changed(p, s)
	}
}
