package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

var callCommand = command{
	name: "call", args: "ROOM", short: "stdin and stdout, to and from another machine", least: 1, most: 1,
	long: `
Meets the other side in the room, opens a data channel to it, sends what comes
from stdin and writes what comes from there to stdout. The data goes from peer to
peer, encrypted; the server sees only how the two find each other, and may be
restarted once they have. When stdin is a terminal or another device, as with
/dev/null, this side only receives.

It ends when both sides have sent all they had. The exit code is 0 only when the
other side has confirmed every byte, by count and SHA-256, after writing it out.
On a terminal it says what it waits for, and shows progress.

To copy a folder, on one machine and then on the other, in either order:

    tar c . | p2p call my-secret-room
    p2p call my-secret-room | tar x`,
	flags: func(p *program, fs *flag.FlagSet) action {
		k := &call{program: p}
		fs.DurationVar(&k.giveUp, "give-up", 15*time.Second, "`time` without a sign of life from the other side after which the call has failed")
		fs.BoolVar(&k.receive, "receive", false, "send nothing, whatever stdin is")
		return func(ctx context.Context, args []string) error {
			if k.giveUp < time.Second {
				return usagef("--give-up: %v is less than a second", k.giveUp)
			}
			k.room = proto.RoomID(args[0])
			return k.run(ctx)
		}
	},
}

// call is one run of p2p call.
type call struct {
	*program
	room    proto.RoomID
	giveUp  time.Duration
	receive bool
}

func (k *call) run(ctx context.Context) error {
	c, err := k.dial(ctx, client.Options{})
	if err != nil {
		return err
	}
	defer c.Close()
	show := newDisplay(k.stderr)
	m, err := newMeeting(c, k.room, k.giveUp, show.printf)
	if err != nil {
		return err
	}
	defer m.end()
	if err := m.meet(ctx); err != nil {
		return k.explain(ctx, err)
	}
	defer m.listen()() // before m.end, so that no signal reaches an ended connection
	p := newPipe(m.link, k.giveUp)
	stdin, size := k.input()
	p.toSend = size
	if stdin == nil {
		show.printf("connected; this side only receives")
	} else {
		show.printf("connected")
	}
	stop := show.follow(p)
	err = p.run(ctx, stdin, k.stdout)
	stop(err == nil)
	if err == nil {
		return nil
	}
	if stdin, ok := k.stdin.(io.Closer); ok {
		_ = stdin.Close() // ends a pending read, where that is possible
	}
	if sent, got := p.sent.Load(), p.got.Load(); errors.Is(err, errInterrupted) {
		return fmt.Errorf("%w after %s sent and %s received: the copy is not complete", err, amount(sent), amount(got))
	}
	return err
}

// input returns what to send, nil for nothing, and its size when that is known.
func (k *call) input() (stdin io.Reader, size int64) {
	if k.receive || k.stdin == nil {
		return nil, 0
	}
	f, ok := k.stdin.(*os.File)
	if !ok {
		return k.stdin, 0
	}
	info, err := f.Stat()
	switch {
	case err != nil: // it is closed
		return nil, 0
	case info.Mode()&os.ModeCharDevice != 0:
		return nil, 0
	case info.Mode().IsRegular():
		if at, err := f.Seek(0, io.SeekCurrent); err == nil && at < info.Size() {
			size = info.Size() - at
		}
	}
	return f, size
}
