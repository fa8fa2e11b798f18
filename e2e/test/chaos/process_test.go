package chaos

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"p2pconnector/e2e/kit"
)

// process is a service as a process of its own that may be killed, frozen and
// started again. Safe for concurrent use.
type process struct {
	name, path string
	args       []string
	log        *os.File
	died       func(error) // called when it ends unexpectedly

	mu     sync.Mutex
	cmd    *exec.Cmd // nil while it does not run
	done   chan struct{}
	wanted bool // its end was requested
	killed bool // by SIGKILL, which overrides a pending SIGTERM
	result error
}

func newProcess(dir, name, path string, died func(error), args ...string) (*process, error) {
	log, err := os.Create(filepath.Join(dir, name+".log"))
	if err != nil {
		return nil, err
	}
	p := &process{name: name, path: path, args: args, log: log, died: died}
	return p, p.start()
}

func (p *process) start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		return nil
	}
	cmd := exec.Command(p.path, p.args...)
	cmd.Stdout, cmd.Stderr = p.log, p.log
	cmd.Env = append(os.Environ(), "GOMAXPROCS=2")
	kit.DieWithParent(cmd)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	fmt.Fprintf(p.log, "--- started as process %d\n", cmd.Process.Pid)
	done := make(chan struct{})
	p.cmd, p.done, p.wanted, p.killed = cmd, done, false, false
	go func() {
		err := cmd.Wait()
		p.mu.Lock()
		p.result, p.cmd = err, nil
		asked := p.wanted
		p.mu.Unlock()
		close(done)
		if !asked {
			p.died(fmt.Errorf("%s ended by itself: %v; see %s", p.name, err, p.log.Name()))
		}
	}()
	return nil
}

// kill sends SIGKILL.
func (p *process) kill() error { return p.end(syscall.SIGKILL, 10*time.Second) }

// stop sends SIGTERM. It kills a process that does not end within bound, and
// returns an error; its log then has its goroutines.
func (p *process) stop(bound time.Duration) error {
	err := p.end(syscall.SIGTERM, bound)
	if errors.Is(err, errLate) {
		err = errors.Join(err, p.end(syscall.SIGQUIT, 5*time.Second), p.kill())
	}
	return err
}

var errLate = errors.New("has not ended")

func (p *process) end(sig syscall.Signal, bound time.Duration) error {
	p.mu.Lock()
	p.wanted = true
	if p.cmd == nil {
		p.mu.Unlock()
		return nil
	}
	p.killed = p.killed || sig == syscall.SIGKILL
	done := p.done
	err := p.signalLocked(sig)
	p.mu.Unlock()
	if err != nil {
		return err
	}
	late := time.NewTimer(bound)
	defer late.Stop()
	select {
	case <-done:
		p.mu.Lock()
		defer p.mu.Unlock()
		if sig == syscall.SIGTERM && p.result != nil && !p.killed {
			return fmt.Errorf("%s after SIGTERM: %w", p.name, p.result)
		}
		return nil
	case <-late.C:
		return fmt.Errorf("%s %w %v after %v", p.name, errLate, bound, sig)
	}
}

// freeze sends SIGSTOP, or SIGCONT.
func (p *process) freeze(on bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if on {
		return p.signalLocked(syscall.SIGSTOP)
	}
	return p.signalLocked(syscall.SIGCONT)
}

func (p *process) signalLocked(sig syscall.Signal) error {
	if p.cmd == nil {
		return nil
	}
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("%s: %v: %w", p.name, sig, err)
	}
	return nil
}
