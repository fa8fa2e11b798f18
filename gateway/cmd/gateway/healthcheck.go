package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/peterbourgon/ff/v3"

	"p2pconnector/gateway"
)

// healthTimeout bounds one health check.
const healthTimeout = 4 * time.Second

// healthcheck asks the gateway on this machine for its health and returns 0
// when it is well: what a container without a shell needs.
func healthcheck(ctx context.Context, args []string, stderr io.Writer) int {
	fs := flag.NewFlagSet("gateway healthcheck", flag.ContinueOnError)
	fs.SetOutput(stderr)
	addr := fs.String("ops-listen", gateway.DefaultOpsListen, "`host:port` that the gateway serves operators on")
	live := fs.Bool("live", false, "ask only whether the process answers, not whether it is ready")
	switch err := ff.Parse(fs, args, ff.WithEnvVarPrefix("P2P")); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "gateway healthcheck:", err)
		return 2
	}
	path := "/readyz"
	if *live {
		path = "/livez"
	}
	if err := ask(ctx, *addr, path); err != nil {
		fmt.Fprintln(stderr, "gateway healthcheck:", err)
		return 1
	}
	return 0
}

// ask returns nil when path of the gateway that listens on addr answers 200.
func ask(ctx context.Context, addr, path string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("ops-listen: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+path, nil)
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // no proxy: it is this machine
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, strings.TrimSpace(string(body)))
	}
	return err
}
