package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

var sendCommand = command{
	name: "send", args: "TEXT|JSON", short: "send to a peer, or with --room to a room", most: 1,
	long: `
Sends one frame to a peer (--to) or to everyone else in a room (--room), whose
data is the argument: JSON as it is, anything else as a string. Without an
argument, or with -, it is what comes from stdin.

It ends when the server has handled the frame and --wait went by without word
that it could not be delivered; otherwise it says what the server says, and the
exit code is 1. To send to a room it is a member of it for that time.

    p2p send --to 0f3c2a1b-… 'hello there'
    p2p send --room tea '{"cups":2}'
    date | p2p send --room tea`,
	flags: func(p *program, fs *flag.FlagSet) action {
		var s sending
		fs.StringVar(&s.to, "to", "", "`ID` of the peer, as p2p listen prints it")
		fs.StringVar(&s.room, "room", "", "`ROOM` whose members receive it")
		fs.StringVar(&s.event, "event", string(proto.Message), "`event` of the frame: Message, or with --to Offer, Answer, Candidate")
		fs.BoolVar(&s.text, "text", false, "send the argument as a string even when it is JSON")
		fs.DurationVar(&s.wait, "wait", 500*time.Millisecond, "`time` to wait for an error about the delivery")
		return func(ctx context.Context, args []string) error { return p.send(ctx, s, args) }
	},
}

// sending holds the values of send's flags.
type sending struct {
	to, room, event string
	text            bool
	wait            time.Duration
}

// relayed are the events that send may send.
var relayed = []proto.Event{proto.Message, proto.Offer, proto.Answer, proto.Candidate}

// Correlation ids of the frames of send.
const (
	sentID    = "sent"
	barrierID = "barrier"
)

func (p *program) send(ctx context.Context, s sending, args []string) error {
	event, known := proto.ParseEvent([]byte(s.event))
	switch {
	case (s.to == "") == (s.room == ""):
		return usagef("give one of --to ID and --room ROOM")
	case !known || !slices.Contains(relayed, event):
		return usagef("--event: %q is not sent to peers, but Message, Offer, Answer and Candidate are", s.event)
	case s.room != "" && event != proto.Message:
		return usagef("--event: a room takes Message only, not %s", event)
	}
	c, err := p.dial(ctx, client.Options{NoResume: true})
	if err != nil {
		return err
	}
	defer c.Close()
	most := c.Details().Limits.MaxMessageBytes
	data, err := p.data(ctx, args, s.text, most)
	if err != nil {
		return err
	}
	frame, err := json.Marshal(client.Out{Event: event, To: proto.PeerID(s.to), Room: proto.RoomID(s.room), Data: data, ID: sentID})
	if err != nil {
		return err
	}
	if most > 0 && len(frame) > most {
		return fmt.Errorf("the frame has %d bytes and the server takes %d: send less, or use p2p call", len(frame), most)
	}
	if s.room != "" {
		if _, err := c.Join(ctx, proto.RoomID(s.room), client.JoinOptions{}); err != nil {
			return p.explain(ctx, err)
		}
	}
	if err := errors.Join(c.SendRaw(ctx, frame), c.Send(ctx, client.Out{Event: proto.Ping, ID: barrierID})); err != nil {
		return p.explain(ctx, err)
	}
	return p.delivered(ctx, c, s.wait)
}

// data returns what to send: the argument, or stdin without its last line end.
func (p *program) data(ctx context.Context, args []string, text bool, most int) (json.RawMessage, error) {
	var in string
	if len(args) == 1 && args[0] != "-" {
		in = args[0]
	} else {
		if most <= 0 {
			most = proto.DefaultMaxMessageBytes
		}
		var err error
		if in, err = p.readStdin(ctx, int64(most)+2); err != nil { // a line end may make it that much too long
			return nil, err
		}
		in = strings.TrimSuffix(strings.TrimSuffix(in, "\n"), "\r")
	}
	if !utf8.ValidString(in) {
		return nil, errors.New("a frame carries text, and the input is not text: use p2p call for other data")
	}
	if !text && json.Valid([]byte(in)) {
		return json.RawMessage(in), nil
	}
	return json.Marshal(in)
}

// readStdin returns up to most bytes of stdin.
func (p *program) readStdin(ctx context.Context, most int64) (string, error) {
	type result struct {
		b   []byte
		err error
	}
	read := make(chan result, 1)
	go func() {
		b, err := io.ReadAll(io.LimitReader(p.stdin, most))
		read <- result{b, err}
	}()
	select {
	case r := <-read:
		if r.err != nil {
			return "", fmt.Errorf("reading stdin: %w", r.err)
		}
		return string(r.b), nil
	case <-ctx.Done(): // the read cannot be interrupted: it ends with the process
		return "", errInterrupted
	}
}

// delivered waits until the server has handled the frame, and then as long as
// an error from another gateway or a room may take.
func (p *program) delivered(ctx context.Context, c *client.Client, wait time.Duration) error {
	var after <-chan time.Time // set by the Pong
	for {
		select {
		case f, ok := <-c.Frames():
			switch {
			case !ok:
				return fmt.Errorf("the connection broke before it was known whether the frame was delivered: %w", p.explain(ctx, c.Err()))
			case f.Type == proto.TypeError && string(f.ID) == `"`+sentID+`"`:
				return p.explain(ctx, f.Err())
			case f.Is(proto.Pong) && string(f.ID) == `"`+barrierID+`"`:
				after = time.After(wait)
			}
		case <-after:
			return nil
		case <-ctx.Done():
			return errInterrupted
		}
	}
}
