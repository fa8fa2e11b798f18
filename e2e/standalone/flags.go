package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"p2pconnector/e2e/single"
)

// drainWindow is short, since nobody waits for one process to move its peers:
// there is no other gateway.
const drainWindow = time.Second

// localOrigins lets pages from this machine connect, a page opened as a file
// among them ("null"), so that an example can be tried as it is saved.
const localOrigins = "http://localhost:*,http://127.0.0.1:*,null"

// parse reads flags and, for those not given, environment variables: P2P_ and
// the flag's name in capitals.
func parse(args []string, getenv func(string) string, stderr io.Writer) (*single.Config, error) {
	var cfg single.Config
	level := slog.LevelWarn
	fs := flag.NewFlagSet("standalone", flag.ContinueOnError)
	fs.SetOutput(io.Discard) // an error is one line, and main prints it
	fs.IntVar(&cfg.Gateways, "gateways", 1, "`number` of gateways, on consecutive ports")
	fs.StringVar(&cfg.DataDir, "data-dir", "", "`folder` for the rooms (default: a temporary one, removed at the end)")
	fs.StringVar(&cfg.NATSListen, "nats-listen", "", "`host:port` to open NATS on (default: no port)")
	fs.TextVar(&level, "log-level", level, "lowest `level` that is logged: debug, info, warn, error")
	cfg.Gateway.DrainWindow = drainWindow
	cfg.Gateway.OpsListen = "off" // unless asked for: a first try needs one port, not two
	cfg.Gateway.AllowedOrigins = localOrigins
	gatewayFlags(fs, &cfg)
	fs.Usage = func() {} // only for --help, not behind every error
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			usage(fs, stderr)
		}
		return nil, err
	}
	if fs.NArg() > 0 {
		return nil, fmt.Errorf("%q is no flag: see --help", fs.Arg(0))
	}
	if err := fromEnv(fs, getenv); err != nil {
		return nil, err
	}
	cfg.Logger = slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level}))
	return &cfg, nil
}

// gatewayFlags offers the gateway's own settings, but not how it reaches NATS,
// which is in this process.
func gatewayFlags(fs *flag.FlagSet, cfg *single.Config) {
	own := flag.NewFlagSet("", flag.ContinueOnError)
	cfg.Gateway.Flags(own)
	cfg.Gateway.OpsListen = "off" // not asked for, in a program to try things with
	own.VisitAll(func(f *flag.Flag) {
		if !strings.HasPrefix(f.Name, "nats-") && fs.Lookup(f.Name) == nil {
			fs.Var(f.Value, f.Name, f.Usage)
		}
	})
}

func fromEnv(fs *flag.FlagSet, getenv func(string) string) error {
	given := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	var first error
	fs.VisitAll(func(f *flag.Flag) {
		value := getenv(envName(f.Name))
		if value == "" || given[f.Name] || first != nil {
			return
		}
		if err := fs.Set(f.Name, value); err != nil {
			first = fmt.Errorf("invalid value %q for environment variable %s: %w", value, envName(f.Name), err)
		}
	})
	return first
}

func envName(flag string) string {
	return "P2P_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

func usage(fs *flag.FlagSet, w io.Writer) {
	fmt.Fprint(w, "Runs the connector in one process: NATS with JetStream, a room service, and gateways.\n"+
		"Each flag is an environment variable too: P2P_ and its name in capitals, such as P2P_LOG_LEVEL.\n\n")
	fs.SetOutput(w)
	fs.PrintDefaults()
	fs.SetOutput(io.Discard)
}

// openURL is where a browser finds the gateway that listens on addr.
func openURL(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err == nil && (ip == nil || ip.IsUnspecified() || ip.IsLoopback()) {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port) + "/"
}
