// Command standalone runs the whole connector in one process: NATS with
// JetStream, a room service and a gateway. It is what to run first:
//
//	go run ./e2e/standalone
//
// It prints one line with the URL to open; its log goes to stderr.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "standalone:", err)
		os.Exit(1)
	}
}

// run is the program: it serves until ctx ends. getenv finds environment
// variables as os.Getenv does.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	cfg, err := parse(args, getenv, stderr)
	if err != nil {
		return err
	}
	return cfg.Run(ctx, func(gateways []string, _ string) {
		fmt.Fprintf(stdout, "Peer2Peer Connector is running: open %s\n", openURL(gateways[0]))
	})
}
