package rtc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"slices"

	"github.com/pion/webrtc/v4"

	"p2pconnector/proto"
	"p2pconnector/proto/client"
	"p2pconnector/proto/client/rtc"
)

// Members that leave the room are not connected any more.
func ExamplePeers_List() {
	var c *client.Client // from client.Dial
	var calls *rtc.Peers // from New
	for f := range c.Frames() {
		if calls.Handle(f) || !f.Is(proto.ClientRemoved) {
			continue
		}
		room, err := f.RoomData()
		if err != nil {
			log.Fatal(err)
		}
		for _, p := range calls.List() {
			if slices.Contains(room.Removed, p.ID()) {
				p.Close()
			}
		}
	}
}

// The reason for the end of a connection decides what to do.
func ExamplePeer_Err() {
	changed := func(p *rtc.Peer, state rtc.State) {
		if state != rtc.Closed {
			return
		}
		switch err := p.Err(); {
		case errors.Is(err, rtc.ErrLeft):
			fmt.Println(p.ID(), "has left")
		case errors.Is(err, rtc.ErrLost):
			fmt.Println("the session was lost: join the rooms again")
		case errors.Is(err, rtc.ErrClosed):
		default:
			fmt.Println("the connection to", p.ID(), "cannot be used:", err)
		}
	}
	_ = rtc.Config{Changed: changed}
}

// A file of any size goes over a data channel as fast as the other side takes it.
func ExampleNewWriter() {
	setup := func(p *rtc.Peer, pc *webrtc.PeerConnection) error {
		channel, err := rtc.DataChannel(pc)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithCancel(context.Background())
		channel.OnClose(cancel)
		w := rtc.NewWriter(ctx, channel)
		channel.OnOpen(func() {
			file, err := os.Open("video.mp4")
			if err != nil {
				log.Print(err)
				return
			}
			defer file.Close()
			if _, err := io.Copy(w, file); err != nil {
				log.Print(err)
			}
		})
		return nil
	}
	_ = rtc.Config{Setup: setup}
}

// A microphone can be added to a connection that is there already.
func ExamplePeer_Connection() {
	var p *rtc.Peer // from Peers.Connect
	track, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, "audio", "microphone")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := p.Connection().AddTrack(track); err != nil {
		log.Fatal(err)
	}
}
