package kit

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"p2pconnector/e2e/kit/load"
	"p2pconnector/e2e/natsbox"
)

// startNATSProcess runs the NATS server of Options.NATSProcess.
func (s *Stack) startNATSProcess(ctx context.Context, t testing.TB) error {
	path, err := Binary("natsnode")
	if err != nil {
		return err
	}
	addrs, err := natsbox.FreePorts(1)
	if err != nil {
		return err
	}
	store := s.opts.StoreDir
	if store == "" {
		store = t.TempDir()
	}
	s.addr = addrs[0]
	s.bus = &process{
		name: "NATS", path: path, out: prefixed(t, "nats: "), bound: stopBound,
		args: []string{"-name", "n0", "-listen", s.addr, "-store", store, "-file", s.opts.NATSFile},
	}
	s.bus.ready = func(ctx context.Context) error {
		return poll(ctx, func() bool {
			nc, err := nats.Connect(s.natsURLs("backend"), nats.NoReconnect())
			if err == nil {
				nc.Close()
			}
			return err == nil
		})
	}
	return s.bus.start(ctx)
}

// KillNATS ends the NATS server at once. It needs Options.NATSProcess, as do
// StartNATS and PauseNATS.
func (s *Stack) KillNATS(t testing.TB) { t.Helper(); s.must(t, s.bus.kill()) }

// StartNATS starts the NATS server again, with its data and at the same address.
func (s *Stack) StartNATS(t testing.TB) { t.Helper(); s.startAgain(t, s.bus) }

// PauseNATS freezes the NATS server, or lets it go on.
func (s *Stack) PauseNATS(t testing.TB, on bool) { t.Helper(); s.must(t, s.bus.pause(on)) }

// CPU returns the processor time that the gateways and the NATS server have used
// so far, including processes that were killed. It needs Options.NATSProcess.
func (s *Stack) CPU(t testing.TB) (gateways, bus time.Duration) {
	t.Helper()
	var err error
	if bus, err = s.bus.cpu(); err != nil {
		t.Fatalf("kit: %v", err)
	}
	for _, svc := range s.gws {
		d, err := svc.(*process).cpu()
		if err != nil {
			t.Fatalf("kit: %v", err)
		}
		gateways += d
	}
	return gateways, bus
}

// cpu returns the processor time that the process has used, over all its starts.
func (p *process) cpu() (time.Duration, error) {
	if p.cmd == nil {
		return p.used, nil
	}
	d, err := load.CPUOf(p.cmd.Process.Pid)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", p.name, err)
	}
	return p.used + d, nil
}
