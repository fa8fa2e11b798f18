package service

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
)

// healthTimeout bounds one health check. It is longer than the service's own check may take.
const healthTimeout = 4 * time.Second

// healthcheck asks the program that runs on this machine for its health and returns 0
// when it is healthy. A container without a shell needs such a command.
func (p *Program) healthcheck(ctx context.Context, args []string, stderr io.Writer) int {
	name := p.Name + " " + healthcheckName
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	addr := fs.String("ops-listen", DefaultOpsListen, "`host:port` that "+p.Name+" serves operators on")
	live := fs.Bool("live", false, "ask only whether the process answers, not whether it is ready")
	if err := Parse(fs, args, p.getenv()); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			PrintHelp(stderr, fs, name+" "+healthcheckAbout+".")
		}
		return ExitCode(stderr, name, err)
	}
	path := "/readyz"
	if *live {
		path = "/livez"
	}
	return ExitCode(stderr, name, ask(ctx, *addr, path))
}

// ask returns nil when path of the program that listens on addr answers 200.
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
