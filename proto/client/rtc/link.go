package rtc

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/pion/webrtc/v4"

	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

// maxEarly bounds the candidates stored for a description that has not arrived.
const maxEarly = 64

// Link is a WebRTC connection whose signals to one peer travel through the
// connector. Offer and Signal must be called by one goroutine.
type Link struct {
	// Static after NewLink.
	ctx           context.Context
	c             *client.Client
	pc            *webrtc.PeerConnection
	to            proto.PeerID
	fail          func(error)
	described     chan struct{} // closed when our description has been sent: candidates follow it
	onceDescribed func()        // closes described, once

	// Owned by the caller of Offer and Signal; attempt is set before described closes.
	attempt string                    // names the offer, so that a signal of an older one is not taken for this one's
	early   []webrtc.ICECandidateInit // came before the description they belong to

	got atomic.Int64 // candidates that came
}

// description and candidate are the data of the frames: what a browser sends,
// and which offer it belongs to. A peer that names no offer has made only one.
type description struct {
	webrtc.SessionDescription
	Attempt string `json:"attempt,omitempty"`
}

type candidate struct {
	webrtc.ICECandidateInit
	Attempt string `json:"attempt,omitempty"`
}

// NewLink connects pc to the named peer by signals through c. It sends candidates until
// ctx ends, and calls fail when a signal cannot be sent. The caller ends ctx and then
// closes pc.
func NewLink(ctx context.Context, c *client.Client, pc *webrtc.PeerConnection, to proto.PeerID, fail func(error)) *Link {
	l := &Link{ctx: ctx, c: c, pc: pc, to: to, fail: fail, described: make(chan struct{})}
	l.onceDescribed = sync.OnceFunc(func() { close(l.described) })
	pc.OnICECandidate(l.sendCandidate)
	return l
}

// Candidates returns how many candidates came from the other side.
func (l *Link) Candidates() int { return int(l.got.Load()) }

func (l *Link) sendCandidate(found *webrtc.ICECandidate) {
	if found == nil {
		return // that was the last
	}
	select {
	case <-l.described:
	case <-l.ctx.Done():
		return
	}
	if err := l.c.Candidate(l.ctx, l.to, candidate{found.ToJSON(), l.attempt}); err != nil && l.ctx.Err() == nil {
		l.fail(fmt.Errorf("sending a candidate: %w", err))
	}
}

// Offer offers the connection. Its channels and tracks must have been added before.
func (l *Link) Offer() error {
	l.attempt = rand.Text()
	offer, err := l.pc.CreateOffer(nil)
	if err != nil {
		return err
	}
	if err := l.pc.SetLocalDescription(offer); err != nil {
		return err
	}
	if err := l.c.Offer(l.ctx, l.to, description{offer, l.attempt}); err != nil {
		return err
	}
	l.onceDescribed()
	return nil
}

// Signal handles an Offer, Answer or Candidate of the other side. It drops signals of an
// older offer than the current one.
func (l *Link) Signal(f client.Frame) error {
	if f.Event == string(proto.Candidate) {
		var c candidate
		if err := json.Unmarshal(f.Data, &c); err != nil {
			return err
		}
		if c.Attempt != l.attempt {
			return nil
		}
		return l.candidate(c.ICECandidateInit)
	}
	var d description
	if err := json.Unmarshal(f.Data, &d); err != nil {
		return err
	}
	switch f.Event {
	case string(proto.Offer):
		l.attempt = d.Attempt
		if err := l.describe(d.SessionDescription); err != nil {
			return err
		}
		return l.answer()
	case string(proto.Answer):
		if d.Attempt == l.attempt {
			return l.describe(d.SessionDescription)
		}
	}
	return nil
}

// describe sets the other side's description and adds the candidates that arrived before
// it.
func (l *Link) describe(d webrtc.SessionDescription) error {
	if err := l.pc.SetRemoteDescription(d); err != nil {
		return err
	}
	for _, c := range l.early {
		if err := l.pc.AddICECandidate(c); err != nil {
			return err
		}
	}
	l.early = nil
	return nil
}

func (l *Link) answer() error {
	answer, err := l.pc.CreateAnswer(nil)
	if err != nil {
		return err
	}
	if err := l.pc.SetLocalDescription(answer); err != nil {
		return err
	}
	if err := l.c.Answer(l.ctx, l.to, description{answer, l.attempt}); err != nil {
		return err
	}
	l.onceDescribed()
	return nil
}

func (l *Link) candidate(c webrtc.ICECandidateInit) error {
	l.got.Add(1)
	if l.pc.RemoteDescription() != nil {
		return l.pc.AddICECandidate(c)
	}
	if len(l.early) == maxEarly {
		return fmt.Errorf("more than %d candidates came before a description", maxEarly)
	}
	l.early = append(l.early, c)
	return nil
}
