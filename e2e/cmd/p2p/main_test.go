package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"strings"
	"sync"
	"testing"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
)

// asProgram is the environment variable that makes the test binary p2p itself,
// for a test that kills it.
const asProgram = "P2P_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	kit.Main(m)
}

// process is p2p running in this process, as a shell would run it.
type process struct {
	t         *testing.T
	interrupt context.CancelFunc
	stdin     *io.PipeWriter // nil when start was given another stdin
	stdout    *bufio.Reader
	stderr    strings.Builder // read it after end
	code      int
	done      chan struct{}
}

// start runs p2p with the gateways of s, beginning with gateway i. It ends with
// the test, or at a timeout.
func start(t *testing.T, s *kit.Stack, i int, args ...string) *process {
	t.Helper()
	in, w := io.Pipe()
	p := startWith(t, s, i, in, nil, args...)
	p.stdin = w
	t.Cleanup(func() { w.Close() })
	return p
}

// startWith takes another stdin and, unless it is nil, another stdout.
func startWith(t *testing.T, s *kit.Stack, i int, stdin io.Reader, stdout io.WriteCloser, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*kit.Patience)
	p := &process{t: t, interrupt: cancel, done: make(chan struct{})}
	if stdout == nil {
		out, w := io.Pipe()
		p.stdout, stdout = bufio.NewReader(out), w
		defer t.Cleanup(func() { out.Close() }) // before the wait for the end, which may wait for a reader
	}
	env := map[string]string{}
	if s != nil {
		env["P2P_URL"] = strings.Join(s.URLs(i), ",")
	}
	var once sync.WaitGroup
	once.Go(func() {
		defer close(p.done)
		p.code = run(ctx, args, func(name string) string { return env[name] }, stdin, stdout, &p.stderr)
		stdout.Close()
		if c, ok := stdin.(io.Closer); ok { // as the end of a process closes it
			c.Close()
		}
	})
	t.Cleanup(func() { cancel(); <-p.done })
	return p
}

// line returns the next line of stdout.
func (p *process) line() string {
	p.t.Helper()
	text, err := p.stdout.ReadString('\n')
	if err != nil {
		<-p.done
		p.t.Fatalf("stdout ended: %v; its stderr: %s", err, p.stderr.String())
	}
	return strings.TrimSuffix(text, "\n")
}

// id reads the line with the peer's id.
func (p *process) id() proto.PeerID {
	p.t.Helper()
	var l line
	text := p.line()
	if err := json.Unmarshal([]byte(text), &l); err != nil || l.ID == "" {
		p.t.Fatalf("the first line is %s", text)
	}
	return l.ID
}

// frame reads the next line as a frame.
func (p *process) frame() (f struct {
	Event, From, Room string
	Data              json.RawMessage
}) {
	p.t.Helper()
	text := p.line()
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		p.t.Fatalf("%s: %v", text, err)
	}
	return f
}

// ends waits for the end and checks the exit code. stderr must be empty for code
// 0 and one line otherwise, which ends returns. It drops the rest of stdout.
func (p *process) ends(code int) string {
	p.t.Helper()
	if p.stdout != nil {
		_, _ = io.Copy(io.Discard, p.stdout) // until the process closes it
	}
	<-p.done
	stderr := p.stderr.String()
	if p.code != code {
		p.t.Fatalf("exit code: got %d, want %d; stderr: %s", p.code, code, stderr)
	}
	want := 1
	if code == 0 {
		want = 0
	}
	if strings.Count(stderr, "\n") != want {
		p.t.Errorf("stderr: got %q, want %d lines", stderr, want)
	}
	return stderr
}

// failsWith is ends for a line that must contain the text.
func (p *process) failsWith(code int, text string) {
	p.t.Helper()
	if stderr := p.ends(code); !strings.Contains(stderr, text) {
		p.t.Errorf("stderr: got %q, want %q in it", stderr, text)
	}
}
