package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/pion/webrtc/v4"

	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

// maxEarly bounds the candidates stored for a description that has not arrived.
const maxEarly = 64

// signaler carries the signals of one attempt to connect to one peer. One goroutine calls sendOffer
// and handle.
type signaler struct {
	// Static after newSignaler.
	ctx           context.Context
	c             *client.Client
	pc            *webrtc.PeerConnection
	to            proto.PeerID
	fail          func(error)
	described     chan struct{} // closed when our description has been sent: candidates follow it
	onceDescribed func()        // closes described, once

	// Owned by the caller of sendOffer and handle; attempt is set before described closes.
	attempt string                    // names the offer, so that a signal of an older one is not taken for this one's
	early   []webrtc.ICECandidateInit // came before the description they belong to

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

// newSignaler connects pc to the named peer by signals through c. It sends candidates until
// ctx ends, and calls fail when a signal cannot be sent. The caller ends ctx and then
// closes pc.
func newSignaler(ctx context.Context, c *client.Client, pc *webrtc.PeerConnection, to proto.PeerID, fail func(error)) *signaler {
	s := &signaler{ctx: ctx, c: c, pc: pc, to: to, fail: fail, described: make(chan struct{})}
	s.onceDescribed = sync.OnceFunc(func() { close(s.described) })
	pc.OnICECandidate(s.sendCandidate)
	return s
}

func (s *signaler) sendCandidate(found *webrtc.ICECandidate) {
	if found == nil {
		return // that was the last
	}
	select {
	case <-s.described:
	case <-s.ctx.Done():
		return
	}
	if err := s.c.Candidate(s.ctx, s.to, candidate{found.ToJSON(), s.attempt}); err != nil && s.ctx.Err() == nil {
		s.fail(fmt.Errorf("sending a candidate: %w", err))
	}
}

// sendOffer offers the connection. Its channels and tracks must have been added before.
func (s *signaler) sendOffer() error {
	s.attempt = rand.Text()
	offer, err := s.pc.CreateOffer(nil)
	if err != nil {
		return err
	}
	if err := s.pc.SetLocalDescription(offer); err != nil {
		return err
	}
	if err := s.c.Offer(s.ctx, s.to, description{offer, s.attempt}); err != nil {
		return err
	}
	s.onceDescribed()
	return nil
}

// handle handles an Offer, Answer or Candidate of the other side. It drops signals of an
// older offer than the current one.
func (s *signaler) handle(f client.Frame) error {
	if f.Event == string(proto.Candidate) {
		var c candidate
		if err := json.Unmarshal(f.Data, &c); err != nil {
			return err
		}
		if c.Attempt != s.attempt {
			return nil
		}
		return s.candidate(c.ICECandidateInit)
	}
	var d description
	if err := json.Unmarshal(f.Data, &d); err != nil {
		return err
	}
	switch f.Event {
	case string(proto.Offer):
		s.attempt = d.Attempt
		if err := s.describe(d.SessionDescription); err != nil {
			return err
		}
		return s.answer()
	case string(proto.Answer):
		if d.Attempt == s.attempt {
			return s.describe(d.SessionDescription)
		}
	}
	return nil
}

// describe sets the other side's description and adds the candidates that arrived before
// it.
func (s *signaler) describe(d webrtc.SessionDescription) error {
	if err := s.pc.SetRemoteDescription(d); err != nil {
		return err
	}
	for _, c := range s.early {
		if err := s.pc.AddICECandidate(c); err != nil {
			return err
		}
	}
	s.early = nil
	return nil
}

func (s *signaler) answer() error {
	answer, err := s.pc.CreateAnswer(nil)
	if err != nil {
		return err
	}
	if err := s.pc.SetLocalDescription(answer); err != nil {
		return err
	}
	if err := s.c.Answer(s.ctx, s.to, description{answer, s.attempt}); err != nil {
		return err
	}
	s.onceDescribed()
	return nil
}

func (s *signaler) candidate(c webrtc.ICECandidateInit) error {
	if s.pc.RemoteDescription() != nil {
		return s.pc.AddICECandidate(c)
	}
	if len(s.early) == maxEarly {
		return fmt.Errorf("more than %d candidates came before a description", maxEarly)
	}
	s.early = append(s.early, c)
	return nil
}
