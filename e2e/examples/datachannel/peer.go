package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"

	"p2pconnector/proto"
	"p2pconnector/proto/client"
	"p2pconnector/proto/client/rtc"
)

var errEnded = errors.New("the connection to the gateway has ended")

// peer is one side of a meeting.
type peer struct {
	c    *client.Client
	pc   *webrtc.PeerConnection
	fail func(error) // ends the meeting
	wg   sync.WaitGroup
}

func newPeer(ctx context.Context, url string, fail context.CancelCauseFunc) (*peer, error) {
	c, err := client.Dial(ctx, client.Options{URLs: []string{url}})
	if err != nil {
		return nil, err
	}
	pc, err := newConnection()
	if err != nil {
		_ = c.Close() // the first error matters
		return nil, err
	}
	return &peer{c: c, pc: pc, fail: fail}, nil
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
	_ = p.pc.Close() // nothing is left to be sent
	_ = p.c.Close()
	p.wg.Wait()
}

// signals handles the frames that come through the connector until it ends.
// Without a link it waits for an offer.
func (p *peer) signals(ctx context.Context, link *rtc.Link) {
	for f := range p.c.Frames() {
		var err error
		switch {
		case f.Type == proto.TypeError:
			err = f.Err()
		case f.Type != "": // news of the room
		default:
			if link == nil {
				link = rtc.NewLink(ctx, p.c, p.pc, f.From, p.fail)
			}
			err = link.Signal(f)
		}
		if err != nil {
			p.fail(fmt.Errorf("handling %s: %w", f.Event, err))
			return
		}
	}
	p.fail(errEnded)
}
