package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

var watchCommand = command{
	name: "room watch", args: "ROOM", short: "see who comes and goes, a line each", least: 1, most: 1,
	long: `
Shows the members of a room live, one line a change, to be read by people. Only
members see a room, so this peer is one of them while it watches. It goes on until
Ctrl-C, which leaves, or until the room is ended.

    p2p room watch tea
    p2p room watch --create tea`,
	flags: func(p *program, fs *flag.FlagSet) action {
		w := &watch{out: p.stdout, stay: stay{program: p}}
		w.stay.secret.flags(fs)
		fs.BoolVar(&w.stay.create, "create", false, "make the room if it is not there")
		fs.BoolVar(&w.stay.ask, "ask", false, askUsage)
		return func(ctx context.Context, args []string) error {
			w.stay.room = proto.RoomID(args[0])
			return w.stay.run(ctx, w.show)
		}
	},
}

// watch prints the changes of a room for people.
type watch struct {
	stay stay
	out  io.Writer

	names   map[proto.PeerID]string // names that members give themselves; kept until they have left
	creator proto.PeerID
	seen    bool                                     // the members were listed
	waiting []proto.Waiting                          // who waits to be admitted; only the creator and moderators see it
	greet   func(client.Frame, proto.RoomData) error // called when the members were listed; may be nil
}

// show writes the lines for f, if any.
func (w *watch) show(f client.Frame) error {
	if r, ok := f.Resumed(); ok {
		w.seen = r.Same && r.Recovered
		if r.Same {
			return w.printf(f, "* the connection to the server broke and is back")
		}
		w.waiting = nil
		return w.printf(f, "* the server forgot this peer, which joins again as %s", r.ID)
	}
	switch proto.Event(f.Event) {
	case proto.ClientAdded, proto.ClientRemoved, proto.MemberUpdated, proto.RoomUpdated, proto.RoomDeleted, proto.RoomInfo, proto.RoomCreated,
		proto.JoinWaiting, proto.WaitingUpdated:
	default:
		return nil
	}
	if f.Type == "" || f.Type == proto.TypeError {
		return nil // sent by a peer, and may look like the server's
	}
	d, err := f.RoomData()
	if err != nil {
		return err
	}
	if d.Room != w.stay.room {
		return nil
	}
	switch {
	case f.Is(proto.JoinWaiting):
		return w.printf(f, "* room %s is locked; this peer waits to be admitted", proto.Quote(string(d.Room)))
	case f.Is(proto.WaitingUpdated):
		return w.showWaiting(f, d.Waiting)
	}
	w.learn(d)
	defer w.forget(d)
	if !w.seen {
		w.seen, w.creator = true, d.Creator
		return w.list(f, d)
	}
	return w.change(f, d)
}

// list prints the room as it was when we joined.
func (w *watch) list(f client.Frame, d proto.RoomData) error {
	if err := w.printf(f, "* room %s has %s", proto.Quote(string(d.Room)), members(len(d.Clients))); err != nil {
		return err
	}
	for _, id := range d.Clients {
		if err := w.printf(f, "  %s", w.who(id)); err != nil {
			return err
		}
	}
	if w.greet != nil {
		if err := w.greet(f, d); err != nil {
			return err
		}
	}
	return w.showWaiting(f, d.Waiting)
}

func (w *watch) change(f client.Frame, d proto.RoomData) error {
	var lines []string
	for _, id := range d.Added {
		w.waiting = slices.DeleteFunc(w.waiting, is(id))
		lines = append(lines, fmt.Sprintf("+ %s joined", w.who(id)))
	}
	for _, id := range d.Removed {
		w.waiting = slices.DeleteFunc(w.waiting, is(id)) // a ban of one that waits
		reason := d.Reasons[id]
		if reason == "" {
			reason = d.Reason
		}
		lines = append(lines, fmt.Sprintf("- %s %s", w.who(id), map[proto.Reason]string{
			proto.ReasonLeft: "left", proto.ReasonRemoved: "was removed", proto.ReasonBanned: "was banned", proto.ReasonDisconnected: "disconnected"}[reason]))
	}
	for _, id := range d.Updated {
		lines = append(lines, fmt.Sprintf("~ %s %s", w.who(id), about(d.Members[id])))
	}
	switch {
	case f.Is(proto.RoomDeleted):
		lines = append(lines, "* the room was ended")
	case f.Is(proto.RoomUpdated):
		lines = append(lines, "* "+settings(d))
	}
	if d.Creator != w.creator && d.Creator != "" {
		w.creator = d.Creator
		lines = append(lines, fmt.Sprintf("* %s runs the room now", w.who(d.Creator)))
	}
	for i, text := range lines {
		if i == len(lines)-1 && (f.Is(proto.ClientAdded) || f.Is(proto.ClientRemoved)) {
			text += ", " + members(len(d.Clients)) + " now"
		}
		if err := w.printf(f, "%s", text); err != nil {
			return err
		}
	}
	return nil
}

// printf writes one line, with the server's time.
func (w *watch) printf(f client.Frame, format string, args ...any) error {
	_, err := fmt.Fprintf(w.out, "%s %s\n", f.Timestamp.Local().Format("15:04:05"), fmt.Sprintf(format, args...))
	return err
}

func (w *watch) who(id proto.PeerID) string {
	text := string(id)
	if name := w.names[id]; name != "" {
		text += " " + name
	}
	if id == w.stay.c.ID() {
		text += " (this peer)"
	}
	return text
}

// learn records the names of members.
func (w *watch) learn(d proto.RoomData) {
	if w.names == nil {
		w.names = map[proto.PeerID]string{}
	}
	for id, info := range d.Members {
		if name := nameOf(info.User, info.Metadata); name != "" {
			w.names[id] = name
		}
	}
}

// nameOf returns the user name, else the name in the metadata, in quotes, or "".
func nameOf(user string, metadata json.RawMessage) string {
	var m struct {
		Name string `json:"name"`
	}
	_ = json.Unmarshal(metadata, &m) // metadata may be anything
	if user != "" {
		m.Name = user
	}
	if m.Name == "" {
		return ""
	}
	return proto.Quote(m.Name)
}

func (w *watch) forget(d proto.RoomData) {
	for _, id := range d.Removed {
		delete(w.names, id)
	}
}

// about describes what others see now of a member that has changed.
func about(info proto.MemberInfo) string {
	text := "has no metadata now"
	if len(info.Metadata) > 0 {
		text = "now has the metadata " + proto.Quote(string(info.Metadata))
	}
	if info.Moderator {
		text += ", and is a moderator"
	}
	return text
}

func members(n int) string {
	if n == 1 {
		return "1 member"
	}
	return fmt.Sprintf("%d members", n)
}

func settings(d proto.RoomData) string {
	set := []string{"the room's name is " + proto.Quote(d.Name)}
	if d.Capacity > 0 {
		set = append(set, "it takes "+members(d.Capacity))
	}
	if d.Locked {
		set = append(set, "it is locked")
	} else {
		set = append(set, "it is open")
	}
	return strings.Join(set, ", ")
}
