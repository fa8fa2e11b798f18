// Package single runs the whole connector in this process: a NATS server with
// JetStream, a room service, and one gateway or several. It is what the
// standalone program and the examples start.
package single

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"

	"github.com/nats-io/nats.go"

	"p2pconnector/e2e/natsbox"
	"p2pconnector/gateway"
	"p2pconnector/proto/service"
	"p2pconnector/roomsvc"
)

// Config says what runs. The zero value is one gateway on :8080 without a NATS
// port, whose data is in a temporary folder.
type Config struct {
	// Gateway holds the settings of every gateway. The first one listens on
	// Gateway.Listen, the others on the ports that follow (all on free ones when
	// the port is 0); the same goes for Gateway.Ops.Listen. What it says about NATS
	// is not used.
	Gateway    gateway.Config
	Gateways   int          // 0 = 1
	DataDir    string       // JetStream's folder; "" = a temporary one that is removed at the end
	MaxStore   int64        // bytes that JetStream may hold; 0 = three quarters of the disk
	NATSListen string       // host:port of NATS; "" = no port is opened
	Logger     *slog.Logger // nil = discard
}

// MaxGateways bounds Config.Gateways.
const MaxGateways = 64

// Run starts everything, calls ready with the host:port of each gateway and the
// URL of NATS (empty without a port), and serves until ctx ends. Then it drains
// the gateways, stops the room service and NATS, in this order, and returns
// when all has ended. An error names the setting at fault.
func (c Config) Run(ctx context.Context, ready func(gateways []string, nats string)) (err error) {
	if c.Gateways == 0 {
		c.Gateways = 1
	}
	if c.Gateways < 1 || c.Gateways > MaxGateways {
		return fmt.Errorf("gateways: %d is not between 1 and %d", c.Gateways, MaxGateways)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	listeners, err := c.listen()
	if err != nil {
		return err
	}
	defer closeAll(listeners) // those that no gateway serves
	box, err := natsbox.Start(natsbox.Config{Listen: c.NATSListen, StoreDir: c.DataDir, MaxStore: c.MaxStore, Logger: c.Logger})
	if err != nil {
		return fmt.Errorf("nats-listen, data-dir: %w", err)
	}
	defer func() { err = errors.Join(err, box.Close()) }()

	// A part that fails ends all of them. Parts do not end with ctx, but one after
	// the other, below.
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	rooms, err := c.rooms(ctx, box, fail)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rooms.stop()) }()
	gws, addrs, err := c.gateways(ctx, box, listeners, fail)
	defer func() { err = errors.Join(err, stopAll(gws)) }()
	if err != nil {
		return err
	}
	ready(addrs, box.URL())
	<-ctx.Done()
	return nil // the error of its stop says what failed
}

// listen takes all ports first, so that an address in use is reported at once and
// by name.
func (c *Config) listen() (listeners []net.Listener, err error) {
	addr := c.Gateway.Listen
	if addr == "" {
		addr = ":8080"
	}
	for i := range c.Gateways {
		own, err := nth(addr, i)
		var l net.Listener
		if err == nil {
			l, err = net.Listen("tcp", own)
		}
		if err != nil {
			closeAll(listeners)
			return nil, fmt.Errorf("listen: %w", err)
		}
		listeners = append(listeners, l)
	}
	return listeners, nil
}

// nth returns the address of the i-th gateway when the first has addr.
func nth(addr string, i int) (string, error) {
	if addr == "" || addr == service.OpsOff {
		return addr, nil
	}
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return "", err
	}
	port, err := strconv.Atoi(text)
	if err != nil || port < 0 || port > 65535 {
		return "", fmt.Errorf("%q has no port between 0 and 65535", addr)
	}
	if port != 0 {
		port += i
	}
	return net.JoinHostPort(host, strconv.Itoa(port)), nil
}

func (c *Config) rooms(ctx context.Context, box *natsbox.Server, fail context.CancelCauseFunc) (*part, error) {
	svc, err := roomsvc.New(roomsvc.Config{
		NATSOptions:    []nats.Option{nats.InProcessServer(box)},
		MaxRoomMembers: c.Gateway.MaxRoomMembers, SessionGrace: c.Gateway.SessionGrace, Logger: c.Logger,
	})
	if err != nil {
		return nil, err
	}
	return launch(ctx, "room service", svc, fail)
}

func (c *Config) gateways(ctx context.Context, box *natsbox.Server, listeners []net.Listener, fail context.CancelCauseFunc) (parts []*part, addrs []string, err error) {
	for i, l := range listeners {
		cfg := c.Gateway
		cfg.NATS.URL = nats.DefaultURL
		cfg.NATSOptions = append(cfg.NATSOptions[:len(cfg.NATSOptions):len(cfg.NATSOptions)], nats.InProcessServer(box))
		cfg.Listener, cfg.Logger = l, c.Logger
		if cfg.Ops.Listen, err = nth(c.Gateway.Ops.Listen, i); err != nil {
			return parts, nil, fmt.Errorf("ops-listen: %w", err)
		}
		if i > 0 {
			cfg.Ops.Listen = "" // one address has room for one
		}
		if c.Gateways > 1 {
			cfg.Logger = c.Logger.With(slog.Int("instance", i))
		}
		gw, err := gateway.New(cfg)
		if err != nil {
			return parts, nil, err
		}
		p, err := launch(ctx, "gateway", gw, fail)
		if err != nil {
			return parts, nil, err
		}
		parts, addrs = append(parts, p), append(addrs, l.Addr().String())
	}
	return parts, addrs, nil
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		_ = l.Close() // its gateway closed it before, or it never served
	}
}

func stopAll(parts []*part) error {
	for _, p := range parts {
		p.cancel() // all drain at once
	}
	var errs []error
	for _, p := range parts {
		errs = append(errs, p.stop())
	}
	return errors.Join(errs...)
}
