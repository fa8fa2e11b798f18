package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"os/signal"

	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

// text is what the members of the room send to each other.
type text struct {
	Text string `json:"text"`
}

// A program that joins a room, greets its members, and prints what they say until Ctrl-C.
func Example() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	c, err := client.Dial(ctx, client.Options{URLs: []string{"ws://localhost:8080"}})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	room, err := c.Join(ctx, "tea", client.JoinOptions{Create: true})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s is in a room with %d members\n", c.ID(), len(room.Clients))
	if err := c.MessageRoom(ctx, "tea", text{"hello"}); err != nil {
		log.Fatal(err)
	}
	for {
		f, err := c.Next(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			log.Fatal(err)
		}
		if f.From != "" && f.Event == string(proto.Message) {
			var t text
			if err := json.Unmarshal(f.Data, &t); err == nil {
				fmt.Printf("%s: %s\n", f.From, t.Text)
			}
		}
	}
}
