package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"p2pconnector/e2e/single"
	"p2pconnector/gateway"
)

// serveCommand is the first argument of the process that is attacked; the second
// is its secret for access tokens.
const serveCommand = "serve"

// serve runs a connector with its default limits, and prints its address. It
// prints its stats for each line of stdin, and ends at the end of stdin.
func serve(ctx context.Context, secret string, stdin io.Reader, stdout, stderr io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cfg := single.Config{Logger: slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelError}))}
	cfg.Gateway = gateway.Config{
		Listen: "127.0.0.1:0", DrainWindow: time.Second, TokenKey: secret,
		TrustedProxies: "127.0.0.1", // so that each attacker has an address of its own
		MaxPerAddress:  maxPerAddress,
	}
	return cfg.Run(ctx, func(gateways []string, _ string) {
		fmt.Fprintln(stdout, gateways[0])
		go func() {
			defer cancel()
			for lines := bufio.NewScanner(stdin); lines.Scan(); {
				if json.NewEncoder(stdout).Encode(measure()) != nil {
					return // the parent does not read any more
				}
			}
		}()
	})
}

// maxPerAddress is small, so that a crowd of one address is refused.
const maxPerAddress = 20

// stats counts what a server might leak.
type stats struct {
	Goroutines int
	Heap       uint64 // bytes that live, after a collection
	RSS        int64  // bytes, as the system counts them; 0 where it does not say
}

func measure() stats {
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return stats{Goroutines: runtime.NumGoroutine(), Heap: m.HeapAlloc, RSS: rss()}
}

// rss reads the resident size of this process where the system shows it.
func rss() int64 {
	b, err := os.ReadFile("/proc/self/statm")
	var size, resident int64
	if err != nil {
		return 0
	}
	if _, err := fmt.Sscan(string(b), &size, &resident); err != nil {
		return 0
	}
	return resident * int64(os.Getpagesize())
}

// server is the process that is attacked.
type server struct {
	addr   string
	secret []byte
	dir    string

	cmd   *exec.Cmd
	stdin io.WriteCloser
	mu    sync.Mutex // one request at a time
	out   *bufio.Reader
}

func startServer(ctx context.Context, stderr io.Writer) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := new(server)
	if s.dir, err = os.MkdirTemp("", "abuse-"); err != nil {
		return nil, err
	}
	b := make([]byte, 32)
	rand.Read(b)
	s.secret = []byte(base64.StdEncoding.EncodeToString(b))
	file := filepath.Join(s.dir, "secret")
	if err := os.WriteFile(file, s.secret, 0o600); err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.dir))
	}
	s.cmd = exec.Command(self, serveCommand, file)
	s.cmd.Stderr = stderr
	s.stdin, err = s.cmd.StdinPipe()
	if err == nil {
		var out io.ReadCloser
		if out, err = s.cmd.StdoutPipe(); err == nil {
			s.out = bufio.NewReader(out)
			err = s.cmd.Start()
		}
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.dir))
	}
	// It ends with its stdin, which ends with this process.
	if s.addr, err = s.out.ReadString('\n'); err != nil {
		return nil, errors.Join(fmt.Errorf("the server did not start: %w", err), s.stop())
	}
	s.addr = s.addr[:len(s.addr)-1]
	return s, ctx.Err()
}

// stats asks the server for its stats.
func (s *server) stats() (stats, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var st stats
	_, err := fmt.Fprintln(s.stdin)
	var line []byte
	if err == nil {
		line, err = s.out.ReadBytes('\n')
	}
	if err == nil {
		err = json.Unmarshal(line, &st)
	}
	if err != nil {
		return st, fmt.Errorf("the server has crashed: %w", err)
	}
	return st, nil
}

// stop ends the server. An error means that the server had ended before, or with
// a failure.
func (s *server) stop() error {
	err := errors.Join(s.stdin.Close(), s.cmd.Wait())
	if err != nil {
		err = fmt.Errorf("the server's end: %w", err)
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// token returns an access token of user.
func (s *server) token(user string) (string, error) {
	claims := jwt.MapClaims{"sub": user, "exp": time.Now().Add(time.Hour).Unix()}
	return jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(s.secret)
}
