package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/pion/webrtc/v4"

	"p2pconnector/proto"
	"p2pconnector/proto/client"
	"p2pconnector/proto/client/rtc"
)

// result describes a finished meeting.
type result struct {
	Sent, Received string        // SHA-256 in hex, as the sender and the receiver computed it
	Bytes          int           // received
	Candidates     int           // that the newcomer received from the other through the connector
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
	host, err := newPeer(ctx, hostURL, cancel)
	if err != nil {
		return result{}, err
	}
	defer host.close()
	newcomer, err := newPeer(ctx, newURL, cancel)
	if err != nil {
		return result{}, err
	}
	defer newcomer.close()

	received := make(chan received, 1)
	host.pc.OnDataChannel(func(dc *webrtc.DataChannel) { receive(dc, received) })
	host.wg.Go(func() { host.signals(ctx, nil) })
	room, err := host.c.Create(ctx, client.RoomOptions{Name: "data channel"})
	if err != nil {
		return result{}, fmt.Errorf("creating the room: %w", err)
	}
	room, err = newcomer.c.Join(ctx, room.Room, client.JoinOptions{})
	if err != nil {
		return result{}, fmt.Errorf("joining the room: %w", err)
	}
	data := make([]byte, size)
	rand.Read(data)
	link, err := newcomer.offer(ctx, room.Creator, data)
	if err != nil {
		return result{}, err
	}
	select {
	case r := <-received:
		sum := sha256.Sum256(data)
		return result{Sent: hex.EncodeToString(sum[:]), Received: r.sum, Bytes: r.bytes, Candidates: link.Candidates(), Took: time.Since(began)}, nil
	case <-ctx.Done():
		return result{}, fmt.Errorf("no data came: %w", context.Cause(ctx))
	}
}

// received is what the host received.
type received struct {
	sum   string
	bytes int
}

// receive sums up the binary messages of dc until a text message marks the end.
func receive(dc *webrtc.DataChannel, done chan<- received) {
	hash, n := sha256.New(), 0
	dc.OnMessage(func(m webrtc.DataChannelMessage) {
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

// offer opens a data channel to the peer named and sends data on it as soon as
// it is open.
func (p *peer) offer(ctx context.Context, to proto.PeerID, data []byte) (*rtc.Link, error) {
	dc, err := p.pc.CreateDataChannel("data", nil)
	if err != nil {
		return nil, err
	}
	w := rtc.NewWriter(ctx, dc)
	dc.OnOpen(func() {
		p.wg.Go(func() {
			_, err := w.Write(data)
			if err == nil {
				err = dc.SendText("end")
			}
			if err != nil {
				p.fail(fmt.Errorf("sending: %w", err))
			}
		})
	})
	link := rtc.NewLink(ctx, p.c, p.pc, to, p.fail)
	if err := link.Offer(); err != nil {
		return nil, err
	}
	p.wg.Go(func() { p.signals(ctx, link) })
	return link, nil
}
