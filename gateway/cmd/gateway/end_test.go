package main

import (
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"
)

// blocked is an output that blocks once the text until has been written: later writes
// wait until the test ends.
type blocked struct {
	until string
	full  chan struct{} // closed when writes begin to block
	open  chan struct{} // closed to let everything through

	mu   sync.Mutex
	once sync.Once
}

func (b *blocked) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case <-b.full:
		<-b.open
	default:
		if strings.Contains(string(p), b.until) {
			b.once.Do(func() { close(b.full) })
		}
	}
	return len(p), nil
}

// TestRun_OutputNobodyReads_ExitsInTime: a full pipe blocks every goroutine that writes to
// the log. SIGTERM ends the process all the same.
func TestRun_OutputNobodyReads_ExitsInTime(t *testing.T) {
	const window, ending = 100 * time.Millisecond, 5 * time.Second
	out := &blocked{until: "serving", full: make(chan struct{}), open: make(chan struct{})}
	ctx, sigterm := context.WithCancel(t.Context())
	defer sigterm()
	code := make(chan int, 1)
	go func() {
		code <- program().Run(ctx, []string{"--listen", "127.0.0.1:0", "--ops-listen", "off", "--nats-url", "nats://127.0.0.1:1",
			"--session-key", "a secret for tests only", "--drain-window", window.String()}, io.Discard, out)
	}()
	defer close(out.open)
	<-out.full
	sigterm()
	late := time.NewTimer(window + ending + 30*time.Second) // for a busy machine
	defer late.Stop()
	select {
	case got := <-code:
		if got != 1 {
			t.Errorf("got exit code %d, want 1", got)
		}
	case <-late.C:
		t.Error("got a process that hangs, want one that exits")
	}
}
