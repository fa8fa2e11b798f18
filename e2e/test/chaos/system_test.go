package chaos

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// drainWindow is the window of the gateways, and stopBound the time that SIGTERM
// may take.
const (
	drainWindow = 3 * time.Second
	stopBound   = drainWindow + 20*time.Second
)

// system is the whole system as processes, with a proxy on every connection that a
// test may want to disturb. Its fields are fixed after newSystem.
type system struct {
	t     *testing.T
	seed  uint64
	dir   string // logs, and the files of a failure
	began time.Time
	bins  string
	fault string // of the room services
	web   *http.Client

	nodes    []*process
	gateways []*process
	services []*process
	looks    []string // HTTP addresses that describe the NATS servers
	direct   []string // URLs of the NATS servers, without proxies

	front    []*proxy   // clients to gateway i
	gwLinks  [][]*proxy // gateway i to NATS server n
	svcLinks [][]*proxy // room service i to NATS server n

	mu      sync.Mutex
	wrong   []string
	sorts   map[string]int // how many of each sort
	refuted []string       // violations that the checker found
	closed  bool
}

// shape is the number of processes of each kind.
type shape struct {
	nodes, gateways, services int
	fault                     string // of every room service; "" is none: see roomsvc/faulty_test.go
}

func newSystem(t *testing.T, seed uint64, s shape) *system {
	t.Helper()
	sys := &system{t: t, seed: seed, began: time.Now(), fault: s.fault, sorts: make(map[string]int)}
	sys.web = &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	t.Logf("seed %d. Again: go test ./e2e/test/chaos -run '^%s$' -chaos.seed=%d -chaos.duration=%v", seed, t.Name(), seed, *duration)
	sys.dir = sys.folder()
	t.Cleanup(sys.close)
	sys.build()
	for _, step := range []func(shape) error{sys.startNATS, sys.startServices, sys.startGateways} {
		if err := step(s); err != nil {
			t.Fatalf("seed %d: starting: %v", seed, err)
		}
	}
	sys.began = time.Now()
	return sys
}

// folder returns the folder for logs and pictures: the test's artifacts when they
// are requested, else a temporary folder that only a failure leaves behind.
func (sys *system) folder() string {
	if f := flag.Lookup("test.artifacts"); f != nil && f.Value.String() == "true" {
		return sys.t.ArtifactDir()
	}
	dir, err := os.MkdirTemp("", "p2p-chaos-")
	if err != nil {
		sys.t.Fatal(err)
	}
	sys.t.Cleanup(func() {
		if sys.t.Failed() {
			sys.t.Logf("seed %d: logs, pictures and histories are in %s", sys.seed, dir)
		} else if err := os.RemoveAll(dir); err != nil {
			sys.t.Error(err)
		}
	})
	return dir
}

// urls lists the gateways for a client, beginning with number first.
func (sys *system) urls(first int) []string {
	var urls []string
	for i := range sys.front {
		urls = append(urls, "ws://"+sys.front[(first+i)%len(sys.front)].addr()+"/")
	}
	return urls
}

func (sys *system) died(err error) { sys.violate("%v", err) }

// now returns the nanoseconds since the start: the clock of every history.
func (sys *system) now() int64 { return int64(time.Since(sys.began)) }

// logf logs an event with its time.
func (sys *system) logf(format string, args ...any) {
	sys.mu.Lock()
	defer sys.mu.Unlock()
	if !sys.closed {
		sys.t.Logf("%8.3f %s", time.Since(sys.began).Seconds(), fmt.Sprintf(format, args...))
	}
}

// maxShown bounds the violations of one sort in the test's log; violations.txt
// lists all of them.
const maxShown = 8

// violate records that a promise was broken. Those with the same format are of
// one sort.
func (sys *system) violate(format string, args ...any) {
	text := fmt.Sprintf("%8.3f %s", time.Since(sys.began).Seconds(), fmt.Sprintf(format, args...))
	sys.mu.Lock()
	defer sys.mu.Unlock()
	sys.wrong = append(sys.wrong, text)
	sys.sorts[format]++
	if sys.sorts[format] <= maxShown && !sys.closed && !catching(sys) {
		sys.t.Errorf("seed %d: VIOLATION %s", sys.seed, text)
	}
}

// catching reports whether w contains a planted bug.
func catching(sys *system) bool { return sys.fault != "" }

func (sys *system) violations() int {
	sys.mu.Lock()
	defer sys.mu.Unlock()
	return len(sys.wrong)
}

// await waits until ok returns true, or returns an error that names what.
func (sys *system) await(bound time.Duration, what string, ok func() bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s after %v", what, bound)
		case <-tick.C:
		}
	}
	return nil
}

// close ends everything outside-in.
func (sys *system) close() {
	for _, p := range sys.front {
		p.close()
	}
	var errs []error
	for _, list := range [][]*process{sys.gateways, sys.services, sys.nodes} {
		var wg sync.WaitGroup
		out := make([]error, len(list))
		for i, p := range list {
			wg.Go(func() {
				p.freeze(false)
				out[i] = p.stop(stopBound)
				p.log.Close()
			})
		}
		wg.Wait()
		errs = append(errs, out...)
	}
	for _, p := range slices.Concat(slices.Concat(sys.gwLinks...), slices.Concat(sys.svcLinks...)) {
		p.close()
	}
	sys.checkLogs()
	sys.mu.Lock()
	sys.closed = true
	all := strings.Join(sys.wrong, "\n")
	sys.mu.Unlock()
	if all != "" {
		errs = append(errs, os.WriteFile(filepath.Join(sys.dir, "violations.txt"), []byte(all), 0o644))
	}
	if err := errors.Join(errs...); err != nil && !catching(sys) {
		sys.t.Errorf("seed %d: ending: %v", sys.seed, err)
	}
}

// checkLogs looks for panics that a service has only logged.
func (sys *system) checkLogs() {
	for _, p := range slices.Concat(sys.gateways, sys.services) {
		b, err := os.ReadFile(p.log.Name())
		if err != nil {
			sys.violate("%v", err)
			continue
		}
		if n := bytes.Count(b, []byte("panic")); n > 0 {
			sys.violate("%s panicked: see %s", p.name, p.log.Name())
		}
	}
}

// illegal records that the checker refused a history.
func (sys *system) illegal(format string, args ...any) {
	sys.violate(format, args...)
	sys.mu.Lock()
	defer sys.mu.Unlock()
	sys.refuted = append(sys.refuted, fmt.Sprintf(format, args...))
}

// found returns the first history that the checker refused, or "".
func (sys *system) found() string {
	sys.mu.Lock()
	defer sys.mu.Unlock()
	if len(sys.refuted) == 0 {
		return ""
	}
	return sys.refuted[0]
}
