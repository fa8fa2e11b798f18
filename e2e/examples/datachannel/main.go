// Command datachannel shows two WebRTC peers that find each other through the
// connector, each connected to another gateway, and send 1 MiB over a data
// channel:
//
//	go run ./e2e/examples/datachannel
//
// It starts its own connector with two gateways. To use a running one, name its gateways
// (or the same twice):
//
//	go run ./e2e/examples/datachannel --url ws://localhost:8080 --url ws://localhost:8081
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"p2pconnector/e2e/single"
	"p2pconnector/gateway"
	"p2pconnector/proto/service"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(service.ExitCode(os.Stderr, "datachannel", err))
}

// timeout bounds the whole example.
const timeout = time.Minute

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	fs := flag.NewFlagSet("datachannel", flag.ContinueOnError)
	var urls []string
	fs.Func("url", "`URL` of a gateway; give it twice (default: start a connector with two gateways)", func(u string) error {
		urls = append(urls, u)
		return nil
	})
	size := fs.Int("bytes", 1<<20, "`bytes` to send over the data channel")
	if err := service.ParseTool(fs, args, stderr, "datachannel shows two WebRTC peers that find each other through the connector."); err != nil {
		return err
	}
	switch len(urls) {
	case 0:
		return own(ctx, *size, stdout)
	case 2:
		return show(ctx, urls, *size, stdout)
	}
	return service.UsageError(fs.Name(), fmt.Errorf("url: give it twice or not at all, not %d times", len(urls)))
}

// own starts a connector and runs the example against it.
func own(ctx context.Context, size int, stdout io.Writer) error {
	run, stop := context.WithCancel(ctx)
	defer stop()
	var met error
	cfg := single.Config{Gateways: 2, Gateway: gateway.Config{Listen: "127.0.0.1:0", DrainWindow: time.Second}}
	err := cfg.Run(run, func(gateways []string, _ string) {
		met = show(ctx, []string{"ws://" + gateways[0], "ws://" + gateways[1]}, size, stdout)
		stop()
	})
	return errors.Join(met, err)
}

func show(ctx context.Context, urls []string, size int, stdout io.Writer) error {
	r, err := meet(ctx, urls[0], urls[1], size)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "peers on %s and %s met in %v: %d bytes over the data channel\nsent     sha256 %s\nreceived sha256 %s\n",
		urls[0], urls[1], r.Took.Round(time.Millisecond), r.Bytes, r.Sent, r.Received)
	if r.Sent != r.Received {
		return errors.New("the received data differs from the data sent")
	}
	return nil
}
