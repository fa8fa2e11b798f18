package kit

import (
	"bytes"
	"io"
	"log/slog"
	"sync"
	"testing"
)

// Logger returns a logger whose lines appear when the test fails. Lines written
// after the test are dropped.
func Logger(t testing.TB, level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(output(t), &slog.HandlerOptions{Level: level}))
}

// guarded drops what is written after its test has ended, because testing would
// panic.
type guarded struct {
	mu sync.Mutex
	w  io.Writer // nil after the test
}

func output(t testing.TB) io.Writer {
	g := &guarded{w: t.Output()}
	t.Cleanup(func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.w = nil
	})
	return g
}

func (g *guarded) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.w == nil {
		return len(b), nil
	}
	return g.w.Write(b)
}

// prefixed returns a writer that marks the lines of a process in the test's log.
func prefixed(t testing.TB, prefix string) io.Writer {
	return &lines{w: output(t), prefix: prefix}
}

type lines struct {
	w      io.Writer
	prefix string
	rest   []byte // a line that is not complete
}

func (l *lines) Write(b []byte) (int, error) {
	l.rest = append(l.rest, b...)
	for {
		i := bytes.IndexByte(l.rest, '\n')
		if i < 0 {
			return len(b), nil
		}
		if _, err := io.WriteString(l.w, l.prefix+string(l.rest[:i+1])); err != nil {
			return 0, err
		}
		l.rest = l.rest[i+1:]
	}
}
