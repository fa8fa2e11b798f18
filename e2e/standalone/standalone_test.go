package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"p2pconnector/e2e/natsbox"
	"p2pconnector/proto/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// endBound is how long the program may take to end after a signal.
const endBound = 5 * time.Second

func none(string) string { return "" }

// program is a run of the program in this process.
type program struct {
	url    string // that it printed
	stdout *bufio.Scanner
	stop   context.CancelFunc
	done   chan error
}

func start(t *testing.T, getenv func(string) string, args ...string) *program {
	t.Helper()
	r, w := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	p := &program{stdout: bufio.NewScanner(r), stop: cancel, done: make(chan error, 1)}
	go func() {
		p.done <- run(ctx, args, getenv, w, t.Output())
		w.Close()
	}()
	t.Cleanup(func() { p.end(t) })
	p.url = readURL(t, p.stdout)
	return p
}

// end stops the program and returns what it printed after its first line.
func (p *program) end(t *testing.T) (rest []string) {
	t.Helper()
	if p.stop == nil {
		return nil
	}
	p.stop()
	p.stop = nil
	began := time.Now()
	for p.stdout.Scan() {
		rest = append(rest, p.stdout.Text())
	}
	if err := <-p.done; err != nil {
		t.Errorf("run: %v", err)
	}
	if took := time.Since(began); took > endBound {
		t.Errorf("the program took %v to end, want at most 5 s", took)
	}
	return rest
}

func readURL(t *testing.T, out *bufio.Scanner) string {
	t.Helper()
	if !out.Scan() {
		t.Fatal("it ended without printing a URL")
	}
	_, url, ok := strings.Cut(out.Text(), ": open ")
	if !ok {
		t.Fatalf("no URL in %q", out.Text())
	}
	return url
}

func dial(t *testing.T, url string) *client.Client {
	t.Helper()
	c, err := client.Dial(t.Context(), client.Options{URLs: []string{url}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() }) // the program may have ended first
	return c
}

func TestRun_Cancelled_EndsCleanly(t *testing.T) {
	p := start(t, none, "--listen", "127.0.0.1:0")
	resp, err := http.Get(p.url)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if err != nil || resp.StatusCode != 200 || !strings.Contains(string(body), "<html") {
		t.Fatalf("GET /: %s, %v, %.80q", resp.Status, err, body)
	}
	c := dial(t, p.url)
	if _, err := c.Join(t.Context(), "lobby", client.JoinOptions{Create: true}); err != nil {
		t.Fatal(err)
	}
	if rest := p.end(t); len(rest) > 0 {
		t.Errorf("more than one line on stdout: %q", rest)
	}
}

// Several gateways listen on consecutive ports and form one system.
func TestRun_SeveralGateways_AllServe(t *testing.T) {
	port := 0
	for port == 0 {
		port = freePair(t)
	}
	p := start(t, none, "--listen", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), "--gateways", "2")
	a, b := dial(t, p.url), dial(t, "ws://127.0.0.1:"+strconv.Itoa(port+1))
	if _, err := a.Join(t.Context(), "r", client.JoinOptions{Create: true}); err != nil {
		t.Fatal(err)
	}
	d, err := b.Join(t.Context(), "r", client.JoinOptions{})
	if err != nil || len(d.Clients) != 2 {
		t.Fatalf("joining through the second gateway: %+v, %v", d, err)
	}
}

// freePair returns a free port whose successor is free too, or 0.
func freePair(t *testing.T) int {
	a, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	port := a.Addr().(*net.TCPAddr).Port
	b, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port+1)))
	if err != nil {
		return 0
	}
	b.Close()
	return port
}

func TestRun_NATSPort_IsOpen(t *testing.T) {
	addrs, err := natsbox.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	start(t, none, "--listen", "127.0.0.1:0", "--nats-listen", addrs[0])
	nc, err := nats.Connect("nats://" + addrs[0])
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
}

func TestRun_DataDir_KeepsRooms(t *testing.T) {
	dir := t.TempDir()
	p := start(t, none, "--listen", "127.0.0.1:0", "--data-dir", dir)
	p.end(t)
	if left, err := os.ReadDir(dir); err != nil || len(left) == 0 {
		t.Fatalf("nothing was stored in the folder: %v, %v", left, err)
	}
}

func TestRun_EnvironmentVariables_AreSettings(t *testing.T) {
	env := map[string]string{"P2P_LISTEN": "127.0.0.1:0", "P2P_GATEWAYS": "x"}
	getenv := func(k string) string { return env[k] }
	err := run(t.Context(), nil, getenv, io.Discard, t.Output())
	if err == nil || !strings.Contains(err.Error(), "P2P_GATEWAYS") {
		t.Fatalf("a wrong number in the environment: %v", err)
	}
	start(t, getenv, "--gateways", "1") // a flag wins
}

// Each error is one line that names the setting.
func TestRun_WrongSettings_SaysWhichAndEnds(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const free = "--listen=127.0.0.1:0"
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"no port":       {[]string{"--listen", "localhost"}, "listen"},
		"port taken":    {[]string{"--listen", taken.Addr().String()}, "listen"},
		"port is text":  {[]string{"--listen", "localhost:http"}, "listen"},
		"gateways":      {[]string{free, "--gateways", "-1"}, "gateways"},
		"nats taken":    {[]string{free, "--nats-listen", taken.Addr().String()}, "nats-listen"},
		"data dir":      {[]string{free, "--data-dir", filepath.Join(file, "x")}, "data-dir"},
		"gateway's own": {[]string{free, "--max-rooms", "-1"}, "max-rooms"},
		"unknown flag":  {[]string{"--nowhere"}, "nowhere"},
		"no flag":       {[]string{"serve"}, "serve"},
		"log level":     {[]string{"--log-level", "loud"}, "log-level"},
	} {
		t.Run(name, func(t *testing.T) {
			err := run(t.Context(), test.args, none, io.Discard, t.Output())
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %q, want one line with %q", err, test.want)
			}
		})
	}
}

func TestHelp_EveryFlag_IsNamed(t *testing.T) {
	var out strings.Builder
	err := run(t.Context(), []string{"--help"}, none, io.Discard, &out)
	if !errors.Is(err, flag.ErrHelp) {
		t.Fatal(err)
	}
	for _, name := range []string{"-listen", "-data-dir", "-nats-listen", "-gateways", "-drain-window", "-log-level", "P2P_"} {
		if !strings.Contains(out.String(), name) {
			t.Errorf("%s is missing in\n%s", name, out.String())
		}
	}
}

// The real program: one line on stdout, nothing on stderr, the end within five
// seconds of a signal with clients connected, and no trace in the temporary folder.
func TestProcess_Signal_EndsCleanly(t *testing.T) {
	bin, tmp := filepath.Join(t.TempDir(), "standalone"), t.TempDir()
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) { signalled(t, bin, tmp, sig) })
	}
	out, err := exec.Command(bin, "--gateways", "0x").CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() == 0 || strings.Count(string(out), "\n") != 1 {
		t.Errorf("a wrong flag: %v, %q", err, out)
	}
}

func signalled(t *testing.T, bin, tmp string, sig syscall.Signal) {
	cmd := exec.Command(bin, "--listen", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	out := bufio.NewScanner(stdout)
	url := readURL(t, out)
	t.Logf("answered after %v", time.Since(began))
	c := dial(t, url)
	if _, err := c.Create(t.Context(), client.RoomOptions{}); err != nil {
		t.Fatal(err)
	}
	began = time.Now()
	if err := cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	for out.Scan() {
		t.Errorf("a second line: %q", out.Text())
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("exit: %v", err)
	}
	if took := time.Since(began); took > endBound {
		t.Errorf("the program took %v to end, want at most 5 s", took)
	}
	if stderr.Len() > 0 {
		t.Errorf("on stderr: %s", stderr.String())
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("left in the temporary folder: %v, %v", left, err)
	}
}
