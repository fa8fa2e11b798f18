package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
	"github.com/pion/webrtc/v4"

	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

const (
	label    = "p2p call"      // the name of the data channel of a call
	maxRetry = 2 * time.Second // between retries of a packet, however many were lost
)

// connection is an attempt to reach one peer and, once opened, the data channel to
// it.
type connection struct {
	*signaler
	pc     *webrtc.PeerConnection
	to     proto.PeerID
	cancel context.CancelFunc

	opened chan channel  // receives the data channel, once
	failed chan error    // receives the error of a signal, once
	lost   chan struct{} // closed when the other side cannot be reached, or not any more
}

// channel is an open data channel. Messages are read from raw, so that a slow
// reader slows the sender down.
type channel struct {
	dc  *webrtc.DataChannel
	raw rawChannel
}

// rawChannel is the type that pion returns for a detached channel.
type rawChannel interface {
	ReadDataChannel([]byte) (n int, text bool, err error)
}

// newAPI returns an API whose connections notice within giveUp that the other side
// is gone.
func newAPI(giveUp time.Duration) (*webrtc.API, error) {
	var s webrtc.SettingEngine
	sockets, err := newRoomyNet()
	if err != nil {
		return nil, fmt.Errorf("looking at the network: %w", err)
	}
	s.SetNet(sockets)
	s.LoggerFactory = &logging.DefaultLoggerFactory{DefaultLogLevel: logging.LogLevelDisabled}
	s.DetachDataChannels()
	s.SetIncludeLoopbackCandidate(true) // so that it works on a machine without a network
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetSCTPMaxReceiveBufferSize(bufferBytes)
	s.SetSCTPRTOMax(maxRetry)
	s.SetICETimeouts(giveUp/3, giveUp-giveUp/3, giveUp/8)
	return webrtc.NewAPI(webrtc.WithSettingEngine(s)), nil
}

// iceServers reads the ICE servers that the server names.
func iceServers(d proto.Details) ([]webrtc.ICEServer, error) {
	if len(d.IceServers) == 0 {
		return nil, nil
	}
	var servers []webrtc.ICEServer
	if err := json.Unmarshal(d.IceServers, &servers); err != nil {
		return nil, fmt.Errorf("the server names ICE servers that cannot be read: %w", err)
	}
	return servers, nil
}

// connect prepares a connection to the named peer. When that peer offers, it makes
// the channel; otherwise offer makes it. It signals until ctx ends.
func connect(ctx context.Context, api *webrtc.API, c *client.Client, to proto.PeerID) (*connection, error) {
	servers, err := iceServers(c.Details())
	if err != nil {
		return nil, err
	}
	pc, err := api.NewPeerConnection(webrtc.Configuration{ICEServers: servers})
	if err != nil {
		return nil, fmt.Errorf("preparing a connection: %w", err)
	}
	k := &connection{pc: pc, to: to, opened: make(chan channel, 1), failed: make(chan error, 1), lost: make(chan struct{})}
	setLost := sync.OnceFunc(func() { close(k.lost) })
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateFailed || s == webrtc.PeerConnectionStateClosed {
			setLost()
		}
	})
	pc.OnDataChannel(k.use)
	ctx, k.cancel = context.WithCancel(ctx)
	k.signaler = newSignaler(ctx, c, pc, to, k.fail)
	return k, nil
}

// offer offers a data channel.
func (k *connection) offer() error {
	dc, err := k.pc.CreateDataChannel(label, nil)
	if err != nil {
		return err
	}
	k.use(dc)
	return k.sendOffer()
}

// use takes dc when it opens. It ignores every further channel, which is the other
// side's mistake.
func (k *connection) use(dc *webrtc.DataChannel) {
	dc.OnOpen(func() {
		raw, err := dc.Detach()
		if err != nil {
			k.fail(err)
			return
		}
		select {
		case k.opened <- channel{dc, raw}:
		default:
		}
	})
}

func (k *connection) fail(err error) {
	select {
	case k.failed <- err:
	default: // one channel is enough
	}
}

// end closes the connection and waits for its goroutines.
func (k *connection) end() {
	k.cancel()
	_ = k.pc.GracefulClose() // nothing is left to send
}
