package rtc_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"

	"github.com/pion/webrtc/v4"

	"p2pconnector/proto"
	"p2pconnector/proto/client"
	"p2pconnector/proto/client/rtc"
)

// setup adds the data channel of connector.js to each connection.
func setup(p *rtc.Peer, pc *webrtc.PeerConnection) error {
	channel, err := rtc.DataChannel(pc)
	if err != nil {
		return err
	}
	channel.OnOpen(func() {
		if err := channel.SendText("hello"); err != nil {
			log.Print(err)
		}
	})
	channel.OnMessage(func(m webrtc.DataChannelMessage) { fmt.Printf("%s: %s\n", p.ID(), m.Data) })
	return nil
}

// A program that joins a room, opens a data channel to everyone in it, and prints what comes
// over the channels until Ctrl-C.
func Example() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	c, err := client.Dial(ctx, client.Options{URLs: []string{"ws://localhost:8080"}})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	calls := rtc.New(c, rtc.Config{
		Accept: func(proto.PeerID) bool { return true },
		Setup:  setup,
		Changed: func(p *rtc.Peer, state rtc.State) {
			fmt.Println(p.ID(), state)
			if state == rtc.Failed {
				p.Close() // it would be tried again when the other side shows up
			}
		},
	})
	defer calls.Close()
	room, err := c.Join(ctx, "tea", client.JoinOptions{Create: true})
	if err != nil {
		log.Fatal(err)
	}
	for _, id := range room.Clients {
		if id == c.ID() {
			continue
		}
		if _, err := calls.Connect(id); err != nil {
			log.Print(err)
		}
	}
	for {
		f, err := c.Next(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			log.Fatal(err)
		}
		if calls.Handle(f) {
			continue // it was a signal
		}
		fmt.Println(f.Event, string(f.Data))
	}
}
