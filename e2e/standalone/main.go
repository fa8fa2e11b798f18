// Command standalone runs the whole connector in one process: NATS with
// JetStream, a room service and a gateway. It is what to run first:
//
//	go run ./e2e/standalone
//
// It prints one line with the URL to open and, with --tls self-signed, what to
// do about the browser's warning; its log goes to stderr.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"p2pconnector/proto/service"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(service.ExitCode(os.Stderr, programName, err))
}

// run is the program: it serves until ctx ends. getenv finds environment
// variables as os.Getenv does.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	if service.PrintVersion(stdout, programName, service.Build{}, args) {
		return nil
	}
	cfg, err := parse(args, getenv, stderr)
	if err != nil {
		return err
	}
	return cfg.Run(ctx, func(gateways []string, _ string) {
		scheme := "http"
		if cfg.Gateway.TLS != nil || cfg.Gateway.TLSCert != "" {
			scheme = "https"
		}
		fmt.Fprintf(stdout, "Peer2Peer Connector is running: open %s\n", openURL(scheme, gateways[0]))
		if cfg.Gateway.TLS != nil {
			explainSelfSigned(stdout, cfg.Gateway.TLS.Certificates[0], gateways[0])
		}
	})
}
