package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"

	"p2pconnector/proto"
	"p2pconnector/proto/client"
	"p2pconnector/proto/client/rtc"
)

// result describes a finished meeting.
type result struct {
	Sent, Received string        // SHA-256 in hex, as the sender and the receiver computed it
	Bytes          int           // received
	Took           time.Duration // from the first connection to the last byte
}

// meet brings two WebRTC peers together through the connector: they meet in a room, the
// newcomer offers, and offer, answer and candidates travel as frames. Then data flows
// between them directly. It connects a host to hostURL and a newcomer to newURL, which may be
// different gateways, and sends size random bytes from the newcomer to the host.
func meet(ctx context.Context, hostURL, newURL string, size int) (result, error) {
	began := time.Now()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	arrived := make(chan received, 1)
	host, err := newPeer(ctx, hostURL, cancel, func(channel *webrtc.DataChannel) { receive(channel, arrived) })
	if err != nil {
		return result{}, err
	}
	defer host.close()
	data := make([]byte, size)
	rand.Read(data)
	newcomer, err := newPeer(ctx, newURL, cancel, func(channel *webrtc.DataChannel) { send(ctx, channel, data, cancel) })
	if err != nil {
		return result{}, err
	}
	defer newcomer.close()

	room, err := host.c.Create(ctx, client.RoomOptions{Name: "data channel"})
	if err != nil {
		return result{}, fmt.Errorf("creating the room: %w", err)
	}
	if room, err = newcomer.c.Join(ctx, room.Room, client.JoinOptions{}); err != nil {
		return result{}, fmt.Errorf("joining the room: %w", err)
	}
	if _, err := newcomer.calls.Connect(room.Creator); err != nil {
		return result{}, err
	}
	select {
	case r := <-arrived:
		sum := sha256.Sum256(data)
		return result{Sent: hex.EncodeToString(sum[:]), Received: r.sum, Bytes: r.bytes, Took: time.Since(began)}, nil
	case <-ctx.Done():
		return result{}, fmt.Errorf("no data came: %w", context.Cause(ctx))
	}
}

// peer is one side of a meeting.
type peer struct {
	c     *client.Client
	calls *rtc.Peers
	wg    sync.WaitGroup
}

// newPeer connects a peer that answers calls. use gets the data channel of each connection.
func newPeer(ctx context.Context, url string, fail context.CancelCauseFunc, use func(*webrtc.DataChannel)) (*peer, error) {
	c, err := client.Dial(ctx, client.Options{URLs: []string{url}})
	if err != nil {
		return nil, err
	}
	p := &peer{c: c}
	p.calls = rtc.New(c, rtc.Config{
		API:    loopback(),
		Accept: func(proto.PeerID) bool { return true },
		Setup: func(_ *rtc.Peer, pc *webrtc.PeerConnection) error {
			channel, err := rtc.DataChannel(pc)
			if err == nil {
				use(channel)
			}
			return err
		},
		Changed: func(other *rtc.Peer, state rtc.State) {
			if state == rtc.Closed {
				fail(other.Err())
			}
		},
	})
	p.wg.Go(func() {
		for f := range c.Frames() {
			p.calls.Handle(f)
		}
		fail(fmt.Errorf("the connection to the gateway has ended: %w", c.Err()))
	})
	return p, nil
}

// close ends both connections and what the peer started.
func (p *peer) close() {
	p.calls.Close()
	_ = p.c.Close() // nothing is left to be sent
	p.wg.Wait()
}

// loopback uses loopback addresses alone: no STUN, no mDNS, nothing leaves the machine. A
// real application leaves this out.
func loopback() *webrtc.API {
	var s webrtc.SettingEngine
	s.SetIncludeLoopbackCandidate(true)
	s.SetIPFilter(net.IP.IsLoopback)
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	return webrtc.NewAPI(webrtc.WithSettingEngine(s))
}

// send sends data when the channel is open, and then a text message, which marks the end.
func send(ctx context.Context, channel *webrtc.DataChannel, data []byte, fail context.CancelCauseFunc) {
	w := rtc.NewWriter(ctx, channel)
	channel.OnOpen(func() {
		_, err := w.Write(data)
		if err == nil {
			err = channel.SendText("end")
		}
		if err != nil {
			fail(fmt.Errorf("sending: %w", err))
		}
	})
}

// received is what the host received.
type received struct {
	sum   string
	bytes int
}

// receive sums up the binary messages of a channel until a text message marks the end.
func receive(channel *webrtc.DataChannel, done chan<- received) {
	hash, n := sha256.New(), 0
	channel.OnMessage(func(m webrtc.DataChannelMessage) {
		if !m.IsString {
			n += len(m.Data)
			hash.Write(m.Data)
			return
		}
		select {
		case done <- received{hex.EncodeToString(hash.Sum(nil)), n}:
		default: // a second text message
		}
	})
}
