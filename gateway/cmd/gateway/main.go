// Command gateway accepts WebSockets and relays signals between peers over
// NATS. `gateway --help` lists its settings.
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

	"github.com/peterbourgon/ff/v3"

	"p2pconnector/gateway"
)

// Set by the linker: -X main.version=… -X main.commit=…
var version, commit string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stderr))
}

// run starts a gateway and returns the exit code: 0 after a drain, 2 for wrong
// settings, 1 when it failed.
func run(ctx context.Context, args []string, stderr io.Writer) int {
	if len(args) > 0 && args[0] == "healthcheck" {
		return healthcheck(ctx, args[1:], stderr)
	}
	if len(args) > 0 && args[0] == "token" {
		return runToken(args[1:], os.Stdout, stderr)
	}
	cfg := gateway.Config{Version: version, Commit: commit}
	fs := flag.NewFlagSet("gateway", flag.ContinueOnError)
	fs.SetOutput(stderr)
	cfg.Flags(fs)
	level := fs.String("log-level", "info", "`level` of the log: debug, info, warn or error")
	format := fs.String("log-format", "text", "`form` of the log: text or json")
	fs.Usage = func() {
		fmt.Fprintln(stderr, "gateway accepts WebSockets and relays signals between peers over NATS.")
		fmt.Fprintln(stderr, "Each flag is an environment variable too: P2P_ and its name in capitals (P2P_NATS_URL).")
		fmt.Fprintln(stderr, "gateway healthcheck asks a running gateway whether it is ready, gateway token makes an access token. SIGUSR1 turns debug logging on and off.")
		fs.PrintDefaults()
	}
	switch err := ff.Parse(fs, args, ff.WithEnvVarPrefix("P2P")); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "gateway:", err)
		return 2
	}
	log, lowest, err := newLogger(stderr, *level, *format)
	if err == nil {
		cfg.Logger = log
		defer toggleDebug(lowest, log)()
		var g *gateway.Gateway
		if g, err = gateway.New(cfg); err == nil {
			if err = g.Run(ctx); err == nil {
				return 0
			}
			fmt.Fprintln(stderr, "gateway:", err)
			return 1
		}
	}
	fmt.Fprintln(stderr, "gateway:", err)
	return 2
}
