// Package process runs servers under test as processes of their own, and reads what they and
// the machine use.
package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"p2pconnector/e2e/kit/load"
)

// Times that are allowed.
const (
	StartTimeout = 20 * time.Second // until a process answers
	stopTimeout  = 5 * time.Second  // until a process is killed
)

// Process is a server under test, as a process of its own.
type Process struct {
	Name string // for people

	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	log  *os.File
	done chan struct{}
	err  error // of Wait, after done
}

// Launch starts a program. Its stderr goes to a file in dir. A program that
// talks takes commands on stdin and answers on stdout; the output of other
// programs is dropped.
func Launch(dir, name string, talks bool, path string, args ...string) (*Process, error) {
	log, err := os.CreateTemp(dir, strings.ReplaceAll(name, " ", "-")+"-*.log")
	if err != nil {
		return nil, err
	}
	p := &Process{Name: name, cmd: exec.Command(path, args...), log: log, done: make(chan struct{})}
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

// Ask sends a command to a process that talks, and returns the answer.
func (p *Process) Ask(command string) (string, error) {
	if _, err := io.WriteString(p.in, command+"\n"); err != nil {
		return "", fmt.Errorf("%s: %w%s", p.Name, err, p.logEnd())
	}
	return p.Line()
}

// Line reads one line of the process's stdout.
func (p *Process) Line() (string, error) {
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
			return "", fmt.Errorf("%s ended: %w%s", p.Name, r.err, p.logEnd())
		}
		return r.text, nil
	case <-time.After(StartTimeout):
		return "", fmt.Errorf("%s printed nothing for %v%s", p.Name, StartTimeout, p.logEnd())
	}
}

// Signal sends the process a signal.
func (p *Process) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// Explain adds to err the state of the process, if it has ended or logged a complaint.
func (p *Process) Explain(err error) error {
	select {
	case <-p.done:
		err = fmt.Errorf("%w; %s has ended: %v", err, p.Name, p.err)
	default:
	}
	if words := p.logEnd(); words != "" {
		err = fmt.Errorf("%w; %s%s", err, p.Name, words)
	}
	return err
}

// logEnd returns the end of the process's log.
func (p *Process) logEnd() string {
	b, err := os.ReadFile(p.log.Name())
	if err != nil || len(b) == 0 {
		return ""
	}
	return "; it logged: " + string(b[max(0, len(b)-600):])
}

// Stop ends the process and waits for it. It kills a process that does not end
// by itself.
func (p *Process) Stop() {
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

// Await calls try until it succeeds.
func (p *Process) Await(ctx context.Context, try func() error) error {
	end := time.Now().Add(StartTimeout)
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended: %w%s", p.Name, errors.Join(err, p.err), p.logEnd())
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s is not ready after %v: %w%s", p.Name, StartTimeout, err, p.logEnd())
		}
	}
}

// CPUSum returns the CPU time that all processes have used.
func CPUSum(procs []*Process) (sum time.Duration, err error) {
	for _, p := range procs {
		d, err := load.CPUOf(p.cmd.Process.Pid)
		if err != nil {
			return 0, fmt.Errorf("%s: %w%s", p.Name, err, p.logEnd())
		}
		sum += d
	}
	return sum, nil
}

// RSSSum returns the resident memory of all processes.
func RSSSum(procs []*Process) (sum int64, err error) {
	for _, p := range procs {
		n, err := rssOf(p.cmd.Process.Pid)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", p.Name, err)
		}
		sum += n
	}
	return sum, nil
}

// FreeAddr returns a loopback address on which no process listens now.
func FreeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
