// Command gopeer is a peer without a browser, and a page that connects to it:
// the Go program joins a room, answers every caller, and echoes what it receives
// over the data channel.
//
//	go run ./e2e/standalone
//	go run ./e2e/examples/gopeer
package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"p2pconnector/e2e/examples/serve"
	"p2pconnector/proto/client"
	"p2pconnector/proto/service"
)

//go:embed index.html
var files embed.FS

// room is the room in which the page finds the program.
const room = "gopeer"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr, nil)
	stop()
	os.Exit(service.ExitCode(os.Stderr, "gopeer", err))
}

// run serves the page and is the peer until ctx ends. It calls ready, when not
// nil, with the page's URL once the peer is in the room.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, ready func(page string)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var peer sync.WaitGroup
	err := serve.Run(ctx, "gopeer", files, args, stdout, stderr, func(page, gateway string) {
		peer.Go(func() {
			log := slog.New(slog.NewTextHandler(stderr, nil))
			if err := answer(ctx, "ws"+strings.TrimPrefix(gateway, "http"), log, func() {
				if ready != nil {
					ready(page)
				}
			}); err != nil {
				cancel(err)
			}
		})
	})
	cancel(nil)
	peer.Wait()
	if cause := context.Cause(ctx); err == nil && !errors.Is(cause, context.Canceled) {
		err = cause
	}
	return err
}

// answer joins the room at the gateway and serves callers until ctx ends.
func answer(ctx context.Context, gateway string, log *slog.Logger, joined func()) error {
	c, err := client.Dial(ctx, client.Options{URLs: []string{gateway}, Logger: log})
	if err != nil {
		return fmt.Errorf("gateway: %w", err)
	}
	calls := newCalls(c, log)
	defer calls.Close()
	if _, err := c.Join(ctx, room, client.JoinOptions{Create: true, Metadata: map[string]string{"name": "Go"}}); err != nil {
		return errors.Join(fmt.Errorf("joining %s: %w", room, err), c.Close())
	}
	log.Info("waiting for calls", "peer", c.ID(), "room", room)
	joined()
	for {
		f, err := c.Next(ctx)
		if ctx.Err() != nil {
			calls.Close() // which tells the callers
			return c.Close()
		}
		if err != nil {
			return errors.Join(err, c.Close())
		}
		if calls.Handle(f) {
			continue
		}
		if err := left(calls, f); err != nil {
			log.Warn("frame ignored: its data cannot be read", "event", f.Event, "err", err)
		}
	}
}
