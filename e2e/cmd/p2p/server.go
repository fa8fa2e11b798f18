package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"github.com/coder/websocket"

	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

// dial connects to the server that the flags name.
func (p *program) dial(ctx context.Context, opts client.Options) (*client.Client, error) {
	for u := range strings.SplitSeq(p.url, ",") {
		gateway, err := gatewayURL(strings.TrimSpace(u))
		if err != nil {
			return nil, err
		}
		opts.URLs = append(opts.URLs, gateway)
	}
	if p.token != "" {
		opts.Header = http.Header{"Authorization": {"Bearer " + p.token}}
	}
	c, err := client.Dial(ctx, opts)
	if err != nil {
		return nil, p.explain(ctx, err)
	}
	return c, nil
}

// gatewayURL accepts what people write for a server: ws://host, http://host, or
// just host:port.
func gatewayURL(s string) (string, error) {
	if !strings.Contains(s, "://") {
		s = "ws://" + s
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return "", usagef("--url: %q is no URL such as ws://localhost:8080", s)
	}
	switch u.Scheme {
	case "http":
		u.Scheme = "ws"
	case "https":
		u.Scheme = "wss"
	case "ws", "wss":
	default:
		return "", usagef("--url: %q must begin with ws:// or wss://", s)
	}
	return u.String(), nil
}

var errInterrupted = errors.New("interrupted")

// explain returns an error that says what to do about err, which came from the
// client.
func (p *program) explain(ctx context.Context, err error) error {
	if e, ok := errors.AsType[*client.Error](err); ok {
		return errors.New(e.Message) // the server's sentence is complete
	}
	code := proto.CloseCode(websocket.CloseStatus(err))
	text := err.Error()
	switch {
	case ctx.Err() != nil:
		return errInterrupted
	case code == proto.CloseToken, strings.Contains(text, "HTTP status 401"):
		return errors.New("the server wants a valid access token: give it with --token or P2P_TOKEN")
	case errors.Is(err, syscall.ECONNREFUSED), strings.Contains(text, "no such host"):
		return fmt.Errorf("no server answers at %s: start one with `go run ./e2e/standalone`, or name yours with --url", p.url)
	case strings.Contains(text, "HTTP status 404"), strings.Contains(text, "HTTP status 200"):
		return fmt.Errorf("what answers at %s is no connector: look at --url", p.url)
	}
	return err
}
