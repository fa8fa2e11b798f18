package datachannel

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"sync"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"

	"p2pconnector/e2e/client"
	"p2pconnector/proto"
)

// peer is a WebRTC peer whose signals go through the connector.
type peer struct {
	c    *client.Client
	pc   *webrtc.PeerConnection
	fail func(error) // ends the meeting
	wg   sync.WaitGroup

	described chan struct{} // closed when our description is on its way: candidates follow it
	says      func()        // closes described, once

	mu     sync.Mutex
	remote proto.PeerID              // whom we talk to; "" before the first signal
	early  []webrtc.ICECandidateInit // came before the description they belong to
	got    int                       // candidates that came
}

func newPeer(ctx context.Context, url string, fail context.CancelCauseFunc) (*peer, error) {
	c, err := client.Dial(ctx, client.Options{URLs: []string{url}})
	if err != nil {
		return nil, err
	}
	pc, err := newConnection()
	if err != nil {
		_ = c.Close() // the first error is the one that tells
		return nil, err
	}
	p := &peer{c: c, pc: pc, fail: fail, described: make(chan struct{})}
	p.says = sync.OnceFunc(func() { close(p.described) })
	pc.OnICECandidate(func(ice *webrtc.ICECandidate) {
		if ice == nil {
			return // that was the last
		}
		select {
		case <-p.described:
		case <-ctx.Done():
			return
		}
		if err := c.Candidate(ctx, p.remoteID(), ice.ToJSON()); err != nil && ctx.Err() == nil {
			fail(fmt.Errorf("sending a candidate: %w", err))
		}
	})
	p.wg.Go(func() { p.signals(ctx) })
	return p, nil
}

// newConnection uses loopback addresses alone: no STUN, no mDNS, nothing leaves
// the machine. A real application leaves all this out and names its ICE servers.
func newConnection() (*webrtc.PeerConnection, error) {
	var se webrtc.SettingEngine
	se.SetIncludeLoopbackCandidate(true)
	se.SetIPFilter(net.IP.IsLoopback)
	se.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	se.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	return webrtc.NewAPI(webrtc.WithSettingEngine(se)).NewPeerConnection(webrtc.Configuration{})
}

// close ends both connections and what the peer started.
func (p *peer) close() {
	_ = p.pc.Close() // nothing is left to be said
	_ = p.c.Close()
	p.wg.Wait()
}

func (p *peer) remoteID() proto.PeerID {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.remote
}

func (p *peer) setRemote(id proto.PeerID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.remote = id
}

func (p *peer) candidates() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.got
}

// signals handles what comes through the connector until that ends.
func (p *peer) signals(ctx context.Context) {
	for f := range p.c.Frames() {
		var err error
		switch {
		case f.Type == proto.TypeError:
			err = f.Err()
		case f.Type != "": // news of the room
		case f.Event == string(proto.Offer):
			err = p.answer(ctx, f)
		case f.Event == string(proto.Answer):
			err = p.describe(f)
		case f.Event == string(proto.Candidate):
			err = p.candidate(f)
		}
		if err != nil {
			p.fail(fmt.Errorf("handling %s: %w", f.Event, err))
			return
		}
	}
	p.fail(errEnded)
}

// describe takes over the other side's description and the candidates that were
// early for it.
func (p *peer) describe(f client.Frame) error {
	var d webrtc.SessionDescription
	if err := json.Unmarshal(f.Data, &d); err != nil {
		return err
	}
	if err := p.pc.SetRemoteDescription(d); err != nil {
		return err
	}
	p.mu.Lock()
	early := p.early
	p.early = nil
	p.mu.Unlock()
	for _, c := range early {
		if err := p.pc.AddICECandidate(c); err != nil {
			return err
		}
	}
	return nil
}

func (p *peer) answer(ctx context.Context, f client.Frame) error {
	p.setRemote(f.From)
	if err := p.describe(f); err != nil {
		return err
	}
	answer, err := p.pc.CreateAnswer(nil)
	if err != nil {
		return err
	}
	if err := p.pc.SetLocalDescription(answer); err != nil {
		return err
	}
	if err := p.c.Answer(ctx, f.From, answer); err != nil {
		return err
	}
	p.says()
	return nil
}

func (p *peer) candidate(f client.Frame) error {
	var c webrtc.ICECandidateInit
	if err := json.Unmarshal(f.Data, &c); err != nil {
		return err
	}
	p.mu.Lock()
	p.got++
	early := p.pc.RemoteDescription() == nil
	if early {
		p.early = append(p.early, c)
	}
	p.mu.Unlock()
	if early {
		return nil
	}
	return p.pc.AddICECandidate(c)
}
