//go:build unix

package service

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// lines passes on what is logged, a line at a time.
type lines struct {
	mu sync.Mutex
	ch chan string
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ch <- string(b)
	return len(b), nil
}

func TestToggleDebug_EachSignal_TurnsDebugOnOrOff(t *testing.T) {
	out := &lines{ch: make(chan string, 8)}
	log, lowest := (&Log{Level: slog.LevelWarn}).New(out)
	stop := toggleDebug(lowest, log)
	defer stop()
	for i, want := range []slog.Level{slog.LevelDebug, slog.LevelWarn, slog.LevelDebug} {
		if err := syscall.Kill(syscall.Getpid(), syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		if line := <-out.ch; !strings.Contains(line, fmt.Sprintf("level=%s", want)) {
			t.Errorf("signal %d: got %q, want the level %s", i, line, want)
		}
		if got := lowest.Level(); got != want {
			t.Errorf("signal %d: got level %s, want %s", i, got, want)
		}
	}
}
