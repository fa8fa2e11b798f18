//go:build unix

package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// TestHealthcheck: its exit code is the health of what answers.
func TestHealthcheck(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/readyz" {
			http.Error(w, "not ready: draining", http.StatusServiceUnavailable)
		}
	}))
	addr := srv.Listener.Addr().String()
	for name, tc := range map[string]struct {
		args []string
		code int
		says string
	}{
		"alive":       {[]string{"--ops-listen", addr, "--live"}, 0, ""},
		"not ready":   {[]string{"--ops-listen", addr}, 1, "draining"},
		"no address":  {[]string{"--ops-listen", "off"}, 1, "ops-listen"},
		"wrong flag":  {[]string{"--nonsense"}, 2, "nonsense"},
		"any address": {[]string{"--live", "--ops-listen", addr[strings.LastIndexByte(addr, ':'):]}, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if code := run(t.Context(), append([]string{"healthcheck"}, tc.args...), &out); code != tc.code || !strings.Contains(out.String(), tc.says) {
				t.Errorf("exit code %d, says %q", code, out.String())
			}
		})
	}
	srv.Close()
	var out bytes.Buffer
	if code := run(t.Context(), []string{"healthcheck", "--ops-listen", addr}, &out); code != 1 {
		t.Errorf("nobody there: exit code %d, says %q", code, out.String())
	}
}

// lines hands on what is logged, a line at a time.
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

// TestToggleDebug: SIGUSR1 turns debug logging on, and the next one off.
func TestToggleDebug(t *testing.T) {
	out := &lines{ch: make(chan string, 8)}
	log, lowest, err := newLogger(out, "warn", "text")
	if err != nil {
		t.Fatal(err)
	}
	stop := toggleDebug(lowest, log)
	defer stop()
	for i, want := range []slog.Level{slog.LevelDebug, slog.LevelWarn, slog.LevelDebug} {
		if err := syscall.Kill(syscall.Getpid(), syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		if line := <-out.ch; !strings.Contains(line, fmt.Sprintf("level=%s", want)) {
			t.Errorf("signal %d: %q, want the level %s", i, line, want)
		}
		if lowest.Level() != want {
			t.Errorf("signal %d: level %s, want %s", i, lowest.Level(), want)
		}
	}
}
