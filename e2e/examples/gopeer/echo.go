package main

import (
	"log/slog"

	"github.com/pion/webrtc/v4"

	"p2pconnector/proto"
	"p2pconnector/proto/client"
	"p2pconnector/proto/client/rtc"
)

// maxCalls bounds the connections; further callers are not answered.
const maxCalls = 16

// newCalls returns connections that answer every caller and echo what they receive.
func newCalls(c *client.Client, log *slog.Logger) *rtc.Peers {
	var s webrtc.SettingEngine
	s.SetIncludeLoopbackCandidate(true) // so that it works on a machine without a network
	return rtc.New(c, rtc.Config{
		API:      webrtc.NewAPI(webrtc.WithSettingEngine(s)),
		MaxPeers: maxCalls,
		Logger:   log,
		Accept:   func(proto.PeerID) bool { return true },
		Changed: func(p *rtc.Peer, state rtc.State) {
			log.Info(string(state), "peer", p.ID())
			if state == rtc.Failed {
				p.Close() // which makes room for another caller
			}
		},
		Setup: func(p *rtc.Peer, pc *webrtc.PeerConnection) error {
			channel, err := rtc.DataChannel(pc) // which connector.js has too
			if err == nil {
				channel.OnMessage(func(m webrtc.DataChannelMessage) { echo(channel, m, log.With("peer", p.ID())) })
			}
			return err
		},
	})
}

func echo(channel *webrtc.DataChannel, m webrtc.DataChannelMessage, log *slog.Logger) {
	var err error
	if m.IsString {
		err = channel.SendText(string(m.Data))
	} else {
		err = channel.Send(m.Data)
	}
	if err != nil {
		log.Warn("no echo", "err", err)
	}
}

// left ends the connections of peers that left the room.
func left(calls *rtc.Peers, f client.Frame) error {
	if !f.Is(proto.ClientRemoved) {
		return nil
	}
	d, err := f.RoomData()
	for _, p := range calls.List() {
		for _, id := range d.Removed {
			if id == p.ID() {
				p.Close()
			}
		}
	}
	return err
}
