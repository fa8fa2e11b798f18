package rtc

import (
	"time"

	"github.com/pion/webrtc/v4"

	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

// path follows the state of pion's connection.
func (p *Peer) path(s webrtc.PeerConnectionState) {
	if s == p.reported {
		return
	}
	p.reported = s
	switch s {
	case webrtc.PeerConnectionStateConnected:
		p.up, p.wasUp, p.tries = true, true, 0
		p.become(Connected)
	case webrtc.PeerConnectionStateDisconnected:
		p.broke()
		p.timer.Reset(p.peers.cfg.Patience / mendPart)
	case webrtc.PeerConnectionStateFailed:
		p.broke()
		p.timer.Reset(0)
	}
}

// broke follows the loss of the path. pion may report it after we gave up: then it begins no
// new search.
func (p *Peer) broke() {
	p.up = false
	if p.State() != Failed {
		p.become(Reconnecting)
	}
}

// tick tries again what has had no effect.
func (p *Peer) tick() {
	if p.up && !p.lost && p.offer == nil {
		return
	}
	if p.tries >= maxTries {
		p.giveUp()
		return
	}
	p.tries++
	if p.State() == Failed {
		p.become(Reconnecting)
	}
	p.timer.Reset(p.peers.cfg.Patience)
	if p.lost || p.offer != nil {
		p.repeat()
		return
	}
	p.restart()
}

func (p *Peer) giveUp() {
	switch {
	case p.up:
	case p.away:
		p.end(ErrLeft)
	default:
		p.become(Failed)
	}
}

// restart searches for a new path, once the other side has described itself: before that
// there is none to replace.
func (p *Peer) restart() {
	if p.offer != nil || !p.described {
		p.repeat()
		return
	}
	p.makeOffer(true)
}

// resumed follows the return of our client: what we sent, and what was sent to us, may be
// lost, and the path may have changed with the network. What we send shows the other side
// that we are back.
func (p *Peer) resumed() {
	p.revive()
	p.repeat()
	if !p.up && p.described && p.offer == nil {
		p.makeOffer(true)
	}
	if !p.up || p.offer != nil {
		p.timer.Reset(p.peers.cfg.Patience)
	}
}

// refused follows an error about a signal of ours: it is sent again after a while.
func (p *Peer) refused(e *client.Error) {
	if e.Code == proto.NotFound && !p.wasUp {
		p.end(ErrLeft)
		return
	}
	p.lost, p.away = true, e.Code == proto.NotFound
	wait := retryAfter << min(p.tries, 3)
	if e.RetryAfterMS > 0 {
		wait = time.Duration(e.RetryAfterMS) * time.Millisecond
	}
	p.timer.Reset(wait)
}

// seen follows a frame that is no signal: it shows that the other side is there.
func (p *Peer) seen() {
	if p.lost {
		p.tries = 0
		p.repeat()
		p.timer.Reset(p.peers.cfg.Patience)
	}
}

// back follows a signal, which also ends that we gave up.
func (p *Peer) back() {
	if p.reason != nil || !p.lost && p.State() != Failed {
		return
	}
	p.revive()
	p.repeat()
	p.timer.Reset(p.peers.cfg.Patience)
}

func (p *Peer) revive() {
	p.tries = 0
	if p.State() == Failed {
		p.become(Reconnecting)
	}
}

// repeat sends what the other side needs to be where we are.
func (p *Peer) repeat() {
	if p.answering {
		p.sendAnswer()
	}
	switch {
	case p.offer != nil:
		p.sendOffer()
	case !p.answering && p.theirs != nil:
		p.send(proto.Candidate, signal{})
	}
}
