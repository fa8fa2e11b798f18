package browser

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"p2pconnector/e2e/kit"
	"p2pconnector/e2e/natsbox"
)

var rounds = flag.Int("rounds", 0, "`number` of times that TestCalls tries each way to die with each absence (0: the shortest absence, once)")

// callsBack is how long a call may take to recover after the server's restart. Browsers
// wait up to 10 s between their attempts to connect.
const callsBack = 60 * time.Second

// TestCalls_ServerDiesAndRestarts_EveryPairIsConnected keeps three pages in a call while
// the server, which stores its rooms in a folder, dies and starts again. After 5 s the
// pages resume their sessions; after 20 and 40 s their sessions have expired and they join
// anew.
func TestCalls_ServerDiesAndRestarts_EveryPairIsConnected(t *testing.T) {
	b := startBrowser(t)
	bin := filepath.Join(t.TempDir(), "standalone")
	if err := kit.Build(bin, "p2pconnector/e2e/standalone"); err != nil {
		t.Fatal(err)
	}
	absences, n := []time.Duration{5 * time.Second}, 1
	if *rounds > 0 {
		absences, n = append(absences, 20*time.Second, 40*time.Second), *rounds
	}
	for round := range n {
		for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
			for _, absence := range absences {
				t.Run(fmt.Sprintf("%v/%v/%d", sig, absence, round), func(t *testing.T) { callRound(t, b, bin, sig, absence) })
			}
		}
	}
}

// callRound runs a call of three pages through one death of the server.
func callRound(t *testing.T, b *browser, bin string, sig syscall.Signal, absence time.Duration) {
	t.Helper()
	server := startRestartable(t, bin)
	s := pages(t)
	var callers []*tab
	for _, name := range []string{"Ann", "Bob", "Cid"} {
		p := b.open(t, name, s.URL+"/test/blank.html")
		p.eval(nil, `import("/test/call.js").then((m) => m.begin(%q))`, server.url)
		callers = append(callers, p)
	}
	whole := func(bound time.Duration) {
		t.Helper()
		deadline := time.Now().Add(bound)
		for _, p := range callers {
			if err := p.try(time.Until(deadline), nil, `call.whole(2)`); err != nil {
				for _, p := range callers {
					var state json.RawMessage
					err := p.try(5*time.Second, &state, `call.state()`)
					t.Logf("%s: %s (%v)", p.name, state, err)
				}
				t.Fatalf("%s: got no whole call within %v, want every pair connected: %v", p.name, bound, err)
			}
		}
	}
	whole(patience)
	server.end(t, sig)
	<-time.After(absence) // the test is about the server's absence
	start := time.Now()
	server.start(t)
	for _, p := range callers {
		p.eval(nil, `call.back()`)
	}
	whole(callsBack - time.Since(start))
	t.Logf("whole again %.1f s after the start; resets by page: %s", time.Since(start).Seconds(), resets(callers))
}

func resets(callers []*tab) string {
	var all []int
	for _, p := range callers {
		var n int
		p.eval(&n, `call.resets`)
		all = append(all, n)
	}
	return fmt.Sprint(all)
}

// restartable is a standalone process that starts again on the same address with
// the same folder.
type restartable struct {
	bin, addr, dir string
	url            string // of its WebSocket
	cmd            *exec.Cmd
}

func startRestartable(t *testing.T, bin string) *restartable {
	t.Helper()
	addrs, err := natsbox.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	r := &restartable{bin: bin, addr: addrs[0], dir: t.TempDir(), url: "ws://" + addrs[0] + "/ws"}
	r.start(t)
	t.Cleanup(func() { r.end(t, syscall.SIGKILL) })
	return r
}

// start starts the process and returns when it serves.
func (r *restartable) start(t *testing.T) {
	t.Helper()
	cmd := exec.Command(r.bin, "--listen", r.addr, "--data-dir", r.dir)
	cmd.Stderr = os.Stderr
	kit.DieWithParent(cmd)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r.cmd = cmd
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("got the server's first line %q, %v, want its URL", line, err)
	}
}

// end sends sig and waits until the process has ended.
func (r *restartable) end(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if r.cmd == nil {
		return
	}
	if err := r.cmd.Process.Signal(sig); err != nil {
		t.Errorf("ending the server: %v", err)
	}
	err := r.cmd.Wait()
	r.cmd = nil
	if _, killed := errors.AsType[*exec.ExitError](err); err != nil && !(killed && sig == syscall.SIGKILL) {
		t.Errorf("got the server's end with %v, want none", err)
	}
}
