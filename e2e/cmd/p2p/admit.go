package main

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

var admitCommand = command{
	name: "room admit", args: "ROOM", short: "have a locked room and say who may join it", least: 1, most: 1,
	long: `
Makes the room, locked, if it is not there, joins it otherwise, and shows what
p2p room watch shows, and who waits to be admitted. It reads from stdin what to do
with them, a line each:

    admit ID     it joins
    refuse ID    it does not, and may ask again
    ban ID       it does not, nor its user, as long as the room is there

Of an ID the beginning is enough if nobody else who waits has the same. In a room
that others made, this peer has to be a moderator. It goes on until Ctrl-C, which
leaves, or until the room is ended; after the end of stdin it only shows.

    p2p room admit tea
    P2P_PASSWORD=leaf p2p room admit tea    # those who wait need the password, too`,
	flags: func(p *program, fs *flag.FlagSet) action {
		w := &watch{out: p.stdout, stay: stay{program: p, locked: true}}
		w.stay.secret.flags(fs)
		w.stay.obey, w.greet = w.decide, w.rights
		return func(ctx context.Context, args []string) error {
			w.stay.room = proto.RoomID(args[0])
			return w.stay.run(ctx, w.show)
		}
	},
}

// decisions are what a line of stdin may say about a peer that waits: the event that does it.
var decisions = map[string]proto.Event{"admit": proto.AdmitClient, "refuse": proto.RemoveClient, "ban": proto.RemoveClient}

// decide does what a line of stdin says, and returns the server's answer.
func (w *watch) decide(ctx context.Context, text string) (client.Frame, bool) {
	words := strings.Fields(text)
	if len(words) == 0 {
		return client.Frame{}, false
	}
	event, known := decisions[words[0]]
	if !known || len(words) != 2 {
		w.complain("%s: write admit ID, refuse ID or ban ID", proto.Quote(text))
		return client.Frame{}, false
	}
	id, err := w.match(words[1])
	if err != nil {
		w.complain("%v", err)
		return client.Frame{}, false
	}
	data := map[string]any{"room": w.stay.room, "client": id}
	if words[0] == "ban" {
		data["ban"] = true
	}
	f, err := w.stay.c.Request(ctx, client.Out{Event: event, Data: data})
	if err != nil {
		w.complain("%v", w.stay.explain(ctx, err))
	}
	return f, err == nil
}

// match returns the id of the peer that waits whose id begins so. When there is none, the
// server says so.
func (w *watch) match(prefix string) (proto.PeerID, error) {
	id, found := proto.PeerID(prefix), 0
	if slices.ContainsFunc(w.waiting, is(id)) {
		return id, nil
	}
	for _, n := range w.waiting {
		if strings.HasPrefix(string(n.Client), prefix) {
			id = n.Client
			found++
		}
	}
	if found > 1 {
		return "", fmt.Errorf("%d peers that wait have an id that begins with %s: write more of it", found, proto.Quote(prefix))
	}
	return id, nil
}

// complain prints what is wrong with a line of stdin. When stdout is closed, the next frame
// ends the program.
func (w *watch) complain(format string, args ...any) {
	_ = w.printf(client.Frame{Timestamp: time.Now()}, "! "+format, args...)
}

// rights prints how to admit, or that this peer may not.
func (w *watch) rights(f client.Frame, d proto.RoomData) error {
	me := w.stay.c.ID()
	if d.Creator == me || d.Members[me].Moderator {
		return w.printf(f, "* write admit ID, refuse ID or ban ID for a peer that waits")
	}
	return w.printf(f, "* only the creator, %s, and moderators may admit: it has to make this peer a moderator", w.who(d.Creator))
}

// showWaiting prints who waits to be admitted that did not before, and who waits no more.
func (w *watch) showWaiting(f client.Frame, waiting []proto.Waiting) error {
	before := w.waiting
	w.waiting = waiting
	var lines []string
	for _, n := range before {
		if !slices.ContainsFunc(waiting, is(n.Client)) {
			lines = append(lines, waiter(n)+" waits no more")
		}
	}
	for _, n := range waiting {
		if !slices.ContainsFunc(before, is(n.Client)) {
			lines = append(lines, waiter(n)+" waits to be admitted")
		}
	}
	for _, text := range lines {
		if err := w.printf(f, "? %s", text); err != nil {
			return err
		}
	}
	return nil
}

func is(id proto.PeerID) func(proto.Waiting) bool {
	return func(w proto.Waiting) bool { return w.Client == id }
}

func waiter(n proto.Waiting) string {
	return strings.TrimSpace(string(n.Client) + " " + nameOf(n.User, n.Metadata))
}
