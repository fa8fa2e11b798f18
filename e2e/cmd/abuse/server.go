package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
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
	"p2pconnector/proto/service"
)

// Commands of the process that is attacked: the first argument. serveCommand has the file
// with the secret for access tokens as its second, serveDefaults has flags.
const (
	serveCommand  = "serve"
	serveDefaults = "serve-defaults"
)

// isServer reports whether a process with these arguments is the one that is attacked.
func isServer(args []string) bool {
	return len(args) == 2 && args[0] == serveCommand || len(args) > 0 && args[0] == serveDefaults
}

// serve runs a connector, and prints its address. It prints its stats for each line of
// stdin, and ends at the end of stdin.
func serve(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	cfg := single.Config{Logger: slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelError}))}
	if args[0] == serveDefaults {
		fs := flag.NewFlagSet(serveDefaults, flag.ContinueOnError)
		fs.Int64Var(&cfg.MaxStore, "max-store", 0, "`bytes` that JetStream may hold")
		cfg.Gateway.Flags(fs)
		if err := service.Parse(fs, args[1:], nil); err != nil {
			return err
		}
		cfg.Gateway.Ops.Listen = service.OpsOff
	} else {
		cfg.MaxStore = smallStore
		cfg.Gateway = gateway.Config{
			TokenKey:       args[1],
			TrustedProxies: "127.0.0.1", // so that each attacker has an address of its own
			MaxPerAddress:  maxPerAddress,
			TURNURLs:       "turn:turn.example.com", TURNSecret: rand.Text(),
		}
	}
	cfg.Gateway.Listen, cfg.Gateway.DrainWindow = "127.0.0.1:0", time.Second
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
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
	return stats{Goroutines: runtime.NumGoroutine(), Heap: m.HeapAlloc, RSS: rssOf(os.Getpid())}
}

// rssOf reads the resident size of a process where the system shows it.
func rssOf(pid int) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
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
	dir    string // of the secret; "" is none

	cmd   *exec.Cmd
	stdin io.WriteCloser
	mu    sync.Mutex // one request at a time
	out   *bufio.Reader
}

// startServer starts a server that wants access tokens, and a low limit per address.
func startServer(ctx context.Context, stderr io.Writer) (*server, error) {
	dir, err := os.MkdirTemp("", "abuse-")
	if err != nil {
		return nil, err
	}
	b := make([]byte, 32)
	rand.Read(b)
	secret := []byte(base64.StdEncoding.EncodeToString(b))
	file := filepath.Join(dir, "secret")
	if err := os.WriteFile(file, secret, 0o600); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s := &server{dir: dir, secret: secret}
	if err := s.start(serveCommand, []string{file}, stderr); err != nil {
		return nil, err
	}
	return s, ctx.Err()
}

// start starts the process, which ends with its stdin, which ends with this process.
func (s *server) start(command string, args []string, stderr io.Writer) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	s.cmd = exec.Command(self, append([]string{command}, args...)...)
	if command == serveDefaults {
		s.cmd.Env = append(os.Environ(), fmt.Sprintf("GOMEMLIMIT=%d", int64(serverMemory)))
	}
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
		return errors.Join(err, s.removeDir())
	}
	if s.addr, err = s.out.ReadString('\n'); err != nil {
		return errors.Join(fmt.Errorf("the server did not start: %w", err), s.stop())
	}
	s.addr = s.addr[:len(s.addr)-1]
	return nil
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
	return errors.Join(err, s.removeDir())
}

func (s *server) removeDir() error {
	if s.dir == "" {
		return nil
	}
	return os.RemoveAll(s.dir)
}

// token returns an access token of user.
func (s *server) token(user string) (string, error) {
	claims := jwt.MapClaims{"sub": user, "exp": time.Now().Add(time.Hour).Unix()}
	return jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(s.secret)
}
