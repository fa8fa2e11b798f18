// Command roomsvc runs one instance of the room service against NATS servers
// with JetStream.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/peterbourgon/ff/v3"

	"p2pconnector/roomsvc"
)

// Set by the linker: -X main.version=… -X main.commit=…
var version, commit string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stderr))
}

// run returns the exit code: 0 after a signal, 2 when the settings cannot work,
// 1 when the service failed. Settings come from args and, with the prefix P2P_,
// from the environment.
func run(ctx context.Context, args []string, stderr io.Writer) int {
	if len(args) > 0 && args[0] == "healthcheck" {
		return healthcheck(ctx, args[1:], stderr)
	}
	cfg := roomsvc.Config{Version: version, Commit: commit}
	fs := flag.NewFlagSet("roomsvc", flag.ContinueOnError)
	fs.SetOutput(io.Discard) // one line of our own says what is wrong
	cfg.Flags(fs)
	level := fs.String("log-level", "info", "least `level` to log: debug, info, warn or error")
	format := fs.String("log-format", "text", "`form` of the log: text or json")
	err := ff.Parse(fs, args, ff.WithEnvVarPrefix("P2P"))
	if errors.Is(err, flag.ErrHelp) {
		usage(fs, stderr)
		return 0
	}
	var lowest *slog.LevelVar
	if err == nil && fs.NArg() > 0 {
		err = fmt.Errorf("%q: there are no arguments beside flags", fs.Arg(0))
	}
	if err == nil {
		cfg.Logger, lowest, err = newLogger(stderr, *level, *format)
	}
	var svc *roomsvc.Service
	if err == nil {
		svc, err = roomsvc.New(cfg)
	}
	if err != nil {
		fmt.Fprintf(stderr, "roomsvc: %v\n", err)
		return 2
	}
	defer toggleDebug(lowest, cfg.Logger)()
	if err := svc.Run(ctx); err != nil {
		cfg.Logger.Error("room service failed", "err", err)
		return 1
	}
	return 0
}

func usage(fs *flag.FlagSet, w io.Writer) {
	fmt.Fprint(w, "roomsvc changes rooms, at the request of gateways. It needs NATS servers with JetStream.\n"+
		"Each flag may be given as an environment variable: P2P_ and its name in capitals, with _ for -.\n"+
		"roomsvc healthcheck asks a running room service whether it is ready. SIGUSR1 turns debug logging on and off.\n\n")
	fs.SetOutput(w)
	fs.PrintDefaults()
}
