package main

import (
	"context"
	"errors"
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

A locked room takes nobody, but with --ask this peer waits until its creator or a
moderator admits it (see p2p room admit): then Join_Waiting comes first.

    p2p room join tea
    P2P_PASSWORD=leaf p2p room join --ask tea
    p2p room join tea | jq -r 'select(.event=="Message") | .data'`,
	flags: func(p *program, fs *flag.FlagSet) action {
		s := &stay{program: p, create: true, greet: func(id proto.PeerID) error { return printLine(p.stdout, line{ID: id}) }}
		s.secret.flags(fs)
		fs.BoolVar(&s.ask, "ask", false, askUsage)
		return func(ctx context.Context, args []string) error {
			s.room = proto.RoomID(args[0])
			return s.run(ctx, func(f client.Frame) error { return printFrame(p.stdout, f) })
		}
	},
}

const askUsage = "wait to be admitted if the room is locked"

// stay is the membership of this peer in a room.
type stay struct {
	*program
	room   proto.RoomID
	create bool                     // make the room if it is not there
	locked bool                     // make it locked, too
	secret secret                   // its password
	ask    bool                     // wait to be admitted if it is locked
	greet  func(proto.PeerID) error // called with our id before anything else; may be nil
	// obey is called with each line of stdin. It returns a frame to show, or false for none. When
	// obey is nil, stdin is not read.
	obey func(ctx context.Context, text string) (client.Frame, bool)

	c        *client.Client
	password string
	waits    bool          // to be admitted
	lines    <-chan string // of stdin; nil after its end
}

// run shows the answer to the join and every frame that follows, until ctx ends
// or the room does.
func (s *stay) run(ctx context.Context, show func(client.Frame) error) error {
	var err error
	if s.password, err = s.secret.read(); err != nil {
		return err
	}
	if s.c, err = s.dial(ctx, client.Options{Room: s.room}); err != nil {
		return err
	}
	defer s.c.Close()
	if s.obey != nil {
		done := make(chan struct{})
		defer close(done)
		s.lines = readLines(s.stdin, done)
	}
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
		s.waits = f.Is(proto.JoinWaiting) || s.waits && !f.Is(proto.ClientAdded)
		r, returned := f.Resumed()
		switch {
		case returned && !r.Same: // a new peer is in no room
			f, err = s.join(ctx)
		case returned && !r.Recovered: // changes of the room may be missing
			f, err = s.catchUp(ctx)
		default:
			f, err = s.next(ctx)
		}
	}
}

// join joins the room and returns the answer.
func (s *stay) join(ctx context.Context) (client.Frame, error) {
	data := map[string]any{"room": s.room}
	if s.password != "" {
		data["password"] = s.password
	}
	if s.locked {
		data["locked"] = true
		f, err := s.c.Request(ctx, client.Out{Event: proto.CreateRoom, Data: data})
		if client.Code(err) != proto.DuplicateRoom {
			return f, err
		}
		delete(data, "locked")
	}
	if s.create {
		data["create"] = true
	}
	if s.ask {
		data["ask"] = true
	}
	return s.c.Request(ctx, client.Out{Event: proto.JoinRoom, Data: data})
}

// catchUp returns the room as it is now, or joins it again when this peer waited for it and
// waits no more.
func (s *stay) catchUp(ctx context.Context) (client.Frame, error) {
	waited := s.waits
	if waited {
		if f, err := s.join(ctx); client.Code(err) != proto.AlreadyExists {
			return f, err
		}
	}
	f, err := s.c.Request(ctx, client.Out{Event: proto.RoomInfo, Data: map[string]any{"room": s.room}})
	if waited && client.Code(err) == proto.Unauthorised { // it still waits
		return s.next(ctx)
	}
	s.waits = false
	return f, err
}

// next returns the next frame, or the answer to a line of stdin.
func (s *stay) next(ctx context.Context) (client.Frame, error) {
	for {
		select {
		case f, ok := <-s.c.Frames():
			if !ok {
				return client.Frame{}, s.c.Err()
			}
			return f, nil
		case text, ok := <-s.lines:
			if !ok {
				s.lines = nil
				continue
			}
			if f, ok := s.obey(ctx, text); ok {
				return f, nil
			}
		case <-ctx.Done():
			return client.Frame{}, ctx.Err()
		}
	}
}

// over reports whether f ends the stay, and returns an error when that is a
// failure.
func (s *stay) over(f client.Frame) (bool, error) {
	if e := f.Err(); e != nil && s.waits && e.Event == string(proto.JoinRoom) && e.Room == string(s.room) {
		return true, errors.New(e.Message) // the server's sentence is complete
	}
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
