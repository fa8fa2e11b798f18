package kit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"p2pconnector/e2e/natsbox"
)

// process is a service as a process of its own.
type process struct {
	name   string
	path   string
	args   []string
	out    io.Writer
	ready  func(ctx context.Context) error
	bound  time.Duration
	cmd    *exec.Cmd // nil while it does not run
	done   chan struct{}
	result error         // of Wait, after done
	used   time.Duration // of the processor, by those that have ended
}

func (p *process) start(ctx context.Context) error {
	cmd := exec.Command(p.path, p.args...)
	cmd.Stdout, cmd.Stderr = p.out, p.out
	cmd.Env = append(os.Environ(), "GOMAXPROCS=2")
	dieWithParent(cmd)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	done := make(chan struct{})
	p.cmd, p.done = cmd, done
	go func() {
		p.result = cmd.Wait()
		p.used += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		close(done)
	}()
	ready := make(chan error, 1)
	rctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { ready <- p.ready(rctx) }()
	select {
	case err := <-ready:
		if err != nil {
			return fmt.Errorf("%s is not ready: %w", p.name, err)
		}
		return nil
	case <-done:
		cancel()
		<-ready
		return fmt.Errorf("%s ended at its start: %v", p.name, p.result)
	}
}

// stop sends SIGTERM. It continues a frozen process first, and kills a process
// that does not end.
func (p *process) stop() error {
	if p.cmd == nil {
		return nil
	}
	err := errors.Join(p.signal(syscall.SIGCONT), p.signal(syscall.SIGTERM))
	select {
	case <-p.done:
		if p.result != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", p.name, p.result))
		}
	case <-time.After(p.bound):
		err = errors.Join(err, fmt.Errorf("%s has not ended %v after SIGTERM", p.name, p.bound), p.kill())
	}
	p.cmd = nil
	return err
}

func (p *process) kill() error {
	if p.cmd == nil {
		return nil
	}
	err := p.signal(syscall.SIGKILL)
	<-p.done
	p.cmd = nil
	return err
}

func (p *process) pause(on bool) error {
	if on {
		return p.signal(syscall.SIGSTOP)
	}
	return p.signal(syscall.SIGCONT)
}

func (p *process) signal(sig syscall.Signal) error {
	if p.cmd == nil {
		return fmt.Errorf("%s does not run", p.name)
	}
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	return nil
}

func (s *Stack) gatewayProcess(t testing.TB, i int) (service, string) {
	t.Helper()
	path, err := Binary("gateway")
	s.must(t, err)
	addrs, err := natsbox.FreePorts(1)
	s.must(t, err)
	args := []string{"--listen", addrs[0], "--nats-url", s.natsURLs("gateway"), "--drain-window", s.opts.Drain.String(),
		"--messages-per-second", "-1", "--bytes-per-second", "-1", "--egress-bytes-per-second", "-1",
		"--room-egress-bytes-per-second", "-1", "--total-egress-bytes-per-second", "-1", "--max-per-address", "-1", "--max-per-user", "-1", "--room-passwords-per-second", "-1",
		"--max-memberships", "-1", "--max-memberships-per-address", "-1", "--max-memberships-per-user", "-1", "--connects-per-second", "-1", "--connects-per-address", "-1",
		"--topic-messages-per-second", "-1"}
	args = s.common(args)
	args = appendInt(args, "--max-message-bytes", s.opts.MaxMessageBytes)
	args = appendInt(args, "--max-rooms", s.opts.MaxRooms)
	if s.opts.SessionKey != "" {
		args = append(args, "--session-key", s.opts.SessionKey)
	}
	p := &process{name: fmt.Sprintf("gateway %d", i), path: path, args: args, out: prefixed(t, fmt.Sprintf("gateway %d: ", i)), bound: s.opts.Drain + stopBound}
	p.ready = func(ctx context.Context) error { return answers(ctx, "ws://"+addrs[0]+"/") }
	return p, addrs[0]
}

func (s *Stack) roomProcess(t testing.TB, i int) service {
	t.Helper()
	path, err := Binary("roomsvc")
	s.must(t, err)
	args := s.common([]string{"--nats-url", s.natsURLs("roomsvc"), "--ops-listen", "off"})
	args = appendInt(args, "--replicas", len(s.nats))
	nc := s.Connect(t)
	p := &process{name: fmt.Sprintf("room service %d", i), path: path, args: args, out: prefixed(t, fmt.Sprintf("rooms %d: ", i)), bound: stopBound}
	p.ready = func(ctx context.Context) error { return s.roomServices(ctx, nc) }
	return p
}

func (s *Stack) common(args []string) []string {
	args = append(args, "--ops-listen", "off")
	if s.opts.Grace > 0 {
		args = append(args, "--session-grace", s.opts.Grace.String())
	}
	return appendInt(args, "--max-room-members", s.opts.MaxRoomMembers)
}

func appendInt(args []string, flag string, n int) []string {
	if n == 0 {
		return args
	}
	return append(args, flag, fmt.Sprint(n))
}
