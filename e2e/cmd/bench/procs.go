package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"p2pconnector/e2e/kit/load"
)

const (
	startTimeout = 20 * time.Second
	stopTimeout  = 5 * time.Second
)

// proc is a server under test, as a process of its own.
type proc struct {
	name string
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	log  *os.File
	done chan struct{}
	err  error // of Wait, after done
}

// launch starts a program. Its stderr goes to a file in dir. A program that
// talks takes commands on stdin and answers on stdout; the output of other
// programs is dropped.
func launch(dir, name string, talks bool, path string, args ...string) (*proc, error) {
	log, err := os.CreateTemp(dir, strings.ReplaceAll(name, " ", "-")+"-*.log")
	if err != nil {
		return nil, err
	}
	p := &proc{name: name, cmd: exec.Command(path, args...), log: log, done: make(chan struct{})}
	p.cmd.Stderr = log
	p.cmd.SysProcAttr = childAttributes()
	if talks {
		var stdout io.ReadCloser
		if stdout, err = p.cmd.StdoutPipe(); err == nil {
			p.out = bufio.NewReader(stdout)
			p.in, err = p.cmd.StdinPipe()
		}
	}
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		log.Close()
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// ask sends a command to a process that talks, and returns the answer.
func (p *proc) ask(command string) (string, error) {
	if _, err := io.WriteString(p.in, command+"\n"); err != nil {
		return "", fmt.Errorf("%s: %w%s", p.name, err, p.logEnd())
	}
	return p.line()
}

// line reads one line of the process's stdout.
func (p *proc) line() (string, error) {
	type result struct {
		text string
		err  error
	}
	got := make(chan result, 1)
	go func() {
		text, err := p.out.ReadString('\n')
		got <- result{strings.TrimSpace(text), err}
	}()
	select {
	case r := <-got:
		if r.err != nil {
			return "", fmt.Errorf("%s ended: %w%s", p.name, r.err, p.logEnd())
		}
		return r.text, nil
	case <-time.After(startTimeout):
		return "", fmt.Errorf("%s printed nothing for %v%s", p.name, startTimeout, p.logEnd())
	}
}

// logEnd returns the end of the process's log.
func (p *proc) logEnd() string {
	b, err := os.ReadFile(p.log.Name())
	if err != nil || len(b) == 0 {
		return ""
	}
	return "; it logged: " + string(b[max(0, len(b)-600):])
}

// stop ends the process and waits for it. It kills a process that does not end
// by itself.
func (p *proc) stop() {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
	select {
	case <-p.done:
	case <-time.After(stopTimeout):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
	p.log.Close()
}

// await calls try until it succeeds.
func (p *proc) await(ctx context.Context, try func() error) error {
	end := time.Now().Add(startTimeout)
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended: %w%s", p.name, errors.Join(err, p.err), p.logEnd())
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s is not ready after %v: %w%s", p.name, startTimeout, err, p.logEnd())
		}
	}
}

// cpuSum returns the CPU time that all processes have used.
func cpuSum(procs []*proc) (sum time.Duration, err error) {
	for _, p := range procs {
		d, err := load.CPUOf(p.cmd.Process.Pid)
		if err != nil {
			return 0, fmt.Errorf("%s: %w%s", p.name, err, p.logEnd())
		}
		sum += d
	}
	return sum, nil
}

// rssSum returns the resident memory of all processes.
func rssSum(procs []*proc) (sum int64, err error) {
	for _, p := range procs {
		n, err := rssOf(p.cmd.Process.Pid)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", p.name, err)
		}
		sum += n
	}
	return sum, nil
}

// freeAddr returns a loopback address on which no process listens now.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// binaries are the programs under test.
type binaries struct{ self, gateway, roomsvc string }

// build compiles the two services into dir, or takes them from the folder
// given.
func build(ctx context.Context, dir, given string) (binaries, error) {
	self, err := os.Executable()
	if err != nil {
		return binaries{}, err
	}
	bin := binaries{self: self}
	if given != "" {
		return *bin.from(given), nil
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", dir, "p2pconnector/gateway/cmd/gateway", "p2pconnector/roomsvc/cmd/roomsvc")
	if out, err := cmd.CombinedOutput(); err != nil {
		return binaries{}, fmt.Errorf("building the services (run this in the repository): %w\n%s", err, out)
	}
	return *bin.from(dir), nil
}

// from returns the services of another folder.
func (b binaries) from(dir string) *binaries {
	return &binaries{b.self, filepath.Join(dir, "gateway"), filepath.Join(dir, "roomsvc")}
}
