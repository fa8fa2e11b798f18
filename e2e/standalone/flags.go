package main

import (
	"errors"
	"flag"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"p2pconnector/e2e/single"
	"p2pconnector/proto/service"
)

// drainWindow is short, because there is no other gateway that peers could move
// to.
const drainWindow = time.Second

// localOrigins lets pages from this machine connect, a page opened as a file
// among them ("null"), so that an example can be tried as it is saved.
const localOrigins = "http://localhost:*,http://127.0.0.1:*,null"

// programName is the name in errors and in the help.
const programName = "standalone"

// parse reads flags and, for those not given, environment variables.
func parse(args []string, getenv func(string) string, stderr io.Writer) (*single.Config, error) {
	var cfg single.Config
	log := service.Log{Level: slog.LevelWarn}
	fs := flag.NewFlagSet(programName, flag.ContinueOnError)
	fs.IntVar(&cfg.Gateways, "gateways", 1, "`number` of gateways, on consecutive ports")
	fs.StringVar(&cfg.DataDir, "data-dir", "", "`folder` for the rooms (default: a temporary one, removed at the end)")
	selfSigned := fs.String("tls", "", "`self-signed`: serve https with a certificate that this program makes, for trying it in the local network; stored in data-dir (default: plain http)")
	fs.StringVar(&cfg.NATSListen, "nats-listen", "", "`host:port` to open NATS on (default: no port)")
	log.Flags(fs)
	cfg.Gateway.DrainWindow = drainWindow
	cfg.Gateway.Ops.Listen = service.OpsOff // off unless asked for: a first try needs one port, not two
	cfg.Gateway.AllowedOrigins = localOrigins
	gatewayFlags(fs, &cfg)
	err := service.Parse(fs, args, getenv)
	if errors.Is(err, flag.ErrHelp) {
		service.PrintHelp(stderr, fs, "standalone runs the connector in one process: NATS with JetStream, a room service, and gateways.")
	}
	if err != nil {
		return nil, err
	}
	if err := serveTLS(&cfg, *selfSigned); err != nil {
		return nil, err
	}
	cfg.Logger, _ = log.New(stderr)
	return &cfg, nil
}

// gatewayFlags declares the gateway's own settings, but not how it reaches
// NATS, which is in this process.
func gatewayFlags(fs *flag.FlagSet, cfg *single.Config) {
	own := flag.NewFlagSet("", flag.ContinueOnError)
	cfg.Gateway.Flags(own)
	own.VisitAll(func(f *flag.Flag) {
		if !strings.HasPrefix(f.Name, "nats-") && fs.Lookup(f.Name) == nil {
			fs.Var(f.Value, f.Name, f.Usage)
		}
	})
}

// openURL returns the URL at which a browser finds the gateway that listens on
// addr.
func openURL(scheme, addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err == nil && (ip == nil || ip.IsUnspecified() || ip.IsLoopback()) {
		host = "localhost"
	}
	return scheme + "://" + net.JoinHostPort(host, port) + "/"
}
