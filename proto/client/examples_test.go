package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"

	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

// Two gateways of one deployment, and an access token.
func ExampleDial() {
	c, err := client.Dial(context.Background(), client.Options{
		URLs:   []string{"wss://a.example.com", "wss://b.example.com"},
		Header: http.Header{"Authorization": {"Bearer " + os.Getenv("TOKEN")}},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	fmt.Println("others reach this peer as", c.ID())
}

// Frames tell who comes and goes, what a reconnect has kept, and what could not be
// delivered.
func ExampleClient_Frames() {
	ctx := context.Background()
	var c *client.Client // from Dial
	for f := range c.Frames() {
		if r, ok := f.Resumed(); ok {
			var room proto.RoomData
			var err error
			switch {
			case r.Same && r.Recovered: // as if nothing had happened
				continue
			case r.Same: // frames may be lost
				room, err = c.Info(ctx, "tea")
			default: // a new peer, without rooms
				room, err = c.Join(ctx, "tea", client.JoinOptions{Create: true})
			}
			fmt.Println("members:", room.Clients, err)
			continue
		}
		if err := f.Err(); err != nil {
			fmt.Println("not delivered:", err)
			continue
		}
		switch {
		case f.From != "":
			fmt.Println(f.From, "sent", string(f.Data))
		case f.Is(proto.ClientAdded), f.Is(proto.ClientRemoved):
			if room, err := f.RoomData(); err == nil {
				fmt.Println("members:", room.Clients)
			}
		}
	}
	fmt.Println("ended:", c.Err())
}

// The code of the server's error decides what to do.
func ExampleClient_Join() {
	ctx := context.Background()
	var c *client.Client // from Dial
	room, err := c.Join(ctx, "tea", client.JoinOptions{
		Password: "leaf",
		Metadata: map[string]string{"name": "Ann"},
	})
	switch {
	case err == nil:
		fmt.Println("members:", room.Clients)
	case client.Code(err) == proto.WrongPassword:
		fmt.Println("that is not the password")
	case client.Code(err) == proto.RoomFull:
		fmt.Println("the room is full")
	case errors.Is(err, client.ErrInterrupted):
		fmt.Println("the connection broke; join again, and take Already_Exists for success")
	default:
		log.Fatal(err)
	}
}

// A Join with Ask waits until it is admitted to a locked room. It runs beside the loop that
// receives frames.
func ExampleClient_Join_ask() {
	ctx := context.Background()
	var c *client.Client // from Dial
	joined := make(chan error, 1)
	go func() {
		_, err := c.Join(ctx, "tea", client.JoinOptions{Ask: true, Metadata: map[string]string{"name": "Ben"}})
		joined <- err
	}()
	for {
		select {
		case f := <-c.Frames():
			if f.Is(proto.JoinWaiting) {
				fmt.Println("waiting to be admitted")
			}
		case err := <-joined:
			if client.Code(err) == proto.Refused {
				fmt.Println("nobody admitted this peer")
			}
			return
		}
	}
}

// The creator of a locked room admits who has a user name, and refuses everyone else.
func ExampleClient_Admit() {
	ctx := context.Background()
	var c *client.Client // from Dial
	if _, err := c.Create(ctx, client.RoomOptions{Room: "tea", Locked: true}); err != nil {
		log.Fatal(err)
	}
	for f := range c.Frames() {
		if !f.Is(proto.WaitingUpdated) {
			continue
		}
		room, err := f.RoomData()
		if err != nil {
			log.Fatal(err)
		}
		for _, w := range room.Waiting {
			decide := c.Admit
			if w.User == "" {
				decide = c.Remove
			}
			if _, err := decide(ctx, room.Room, w.Client); err != nil {
				fmt.Println(w.Client, "does not wait any more:", err)
			}
		}
	}
}

// Request sends any frame of the protocol and returns the answer.
func ExampleClient_Request() {
	ctx := context.Background()
	var c *client.Client // from Dial
	f, err := c.Request(ctx, client.Out{Event: proto.IceServers})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(f.Data))
}

// After Ping the server has handled the message, and an error about it is in Frames.
func ExampleClient_Ping() {
	ctx := context.Background()
	var c *client.Client // from Dial
	if err := c.Message(ctx, "5f0c2a1b-0000-4000-8000-000000000000", "hello"); err != nil {
		log.Fatal(err)
	}
	if err := c.Ping(ctx); err != nil {
		log.Fatal(err)
	}
}

func ExampleParse() {
	f, err := client.Parse([]byte(`{"type":"error","event":"Not_Found","data":{"message":"Client not found.","to":"5f0c"}}`))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(f.Err(), f.Err().To)
	// Output: Not_Found: Client not found. 5f0c
}

func ExampleFrame_Resumed() {
	f, err := client.Parse([]byte(`{"type":"info","event":"Client_Details","data":{"id":"5f0c","resumed":true,"recovered":false}}`))
	if err != nil {
		log.Fatal(err)
	}
	r, ok := f.Resumed()
	fmt.Println(ok, r.ID, r.Same, r.Recovered)
	// Output: true 5f0c true false
}
