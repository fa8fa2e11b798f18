package main

import (
	"context"
	"flag"
	"fmt"
	"slices"

	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

var joinCommand = command{
	name: "room join", args: "ROOM", short: "be in a room and print what happens there", least: 1, most: 1,
	long: `
Joins the room, makes it if it is not there, and prints what this peer gets, one
JSON object a line: first {"id":…}, then the room as it is now, then every frame:
messages to the room, and Client_Added and Client_Removed when its members change.
It goes on until Ctrl-C, which leaves, or until the room is ended.

    p2p room join tea
    p2p room join tea | jq -r 'select(.event=="Message") | .data'`,
	flags: func(p *program, _ *flag.FlagSet) action {
		return func(ctx context.Context, args []string) error {
			s := &stay{program: p, room: proto.RoomID(args[0]), create: true, greet: func(id proto.PeerID) error {
				return printLine(p.stdout, line{ID: id})
			}}
			return s.run(ctx, func(f client.Frame) error { return printFrame(p.stdout, f) })
		}
	},
}

// stay is the membership of this peer in a room.
type stay struct {
	*program
	room   proto.RoomID
	create bool                     // make the room if it is not there
	greet  func(proto.PeerID) error // called with our id before anything else; may be nil

	c *client.Client
}

// run shows the answer to the join and every frame that follows, until ctx ends
// or the room does.
func (s *stay) run(ctx context.Context, show func(client.Frame) error) error {
	var err error
	if s.c, err = s.dial(ctx, client.Options{Room: s.room}); err != nil {
		return err
	}
	defer s.c.Close()
	if s.greet != nil {
		if err := s.greet(s.c.ID()); err != nil {
			return ignoreClosedReader(err)
		}
	}
	f, err := s.join(ctx)
	for {
		if ctx.Err() != nil {
			return nil // Ctrl-C is how it ends
		}
		if err != nil {
			return s.explain(ctx, err)
		}
		if err := show(f); err != nil {
			return ignoreClosedReader(err)
		}
		if over, err := s.over(f); over {
			return err
		}
		r, returned := f.Resumed()
		switch {
		case returned && !r.Same: // a new peer is in no room
			f, err = s.join(ctx)
		case returned && !r.Recovered: // changes of the room may be missing
			f, err = s.c.Request(ctx, client.Out{Event: proto.RoomInfo, Data: map[string]any{"room": s.room}})
		default:
			f, err = s.c.Next(ctx)
		}
	}
}

// join joins the room and returns the answer.
func (s *stay) join(ctx context.Context) (client.Frame, error) {
	data := map[string]any{"room": s.room}
	if s.create {
		data["create"] = true
	}
	return s.c.Request(ctx, client.Out{Event: proto.JoinRoom, Data: data})
}

// over reports whether f ends the stay, and returns an error when that is a
// failure.
func (s *stay) over(f client.Frame) (bool, error) {
	if !f.Is(proto.RoomDeleted) && !f.Is(proto.ClientRemoved) {
		return false, nil
	}
	d, err := f.RoomData()
	switch {
	case err != nil:
		return true, err
	case f.Is(proto.RoomDeleted):
		return true, nil
	case slices.Contains(d.Removed, s.c.ID()):
		if d.Reason == proto.ReasonBanned {
			return true, fmt.Errorf("this peer was banned from room %s: ask its creator, or use another room", proto.Quote(string(s.room)))
		}
		return true, fmt.Errorf("this peer was taken out of room %s by its creator or a moderator: ask to be let in again", proto.Quote(string(s.room)))
	}
	return false, nil
}
