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

// world is the whole system as processes, with a proxy on every connection that a
// test may want to disturb. Its fields are fixed after newWorld.
type world struct {
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

	mu     sync.Mutex
	wrong  []string
	sorts  map[string]int // how many of each sort
	judged []string       // violations that the checker found
	closed bool
}

// shape is the number of processes of each kind.
type shape struct {
	nodes, gateways, services int
	fault                     string // of every room service; "" is none: see roomsvc/faulty_test.go
}

func newWorld(t *testing.T, seed uint64, s shape) *world {
	t.Helper()
	w := &world{t: t, seed: seed, began: time.Now(), fault: s.fault, sorts: make(map[string]int)}
	w.web = &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	t.Logf("seed %d. Again: go test ./e2e/test/chaos -run '^%s$' -chaos.seed=%d -chaos.duration=%v", seed, t.Name(), seed, *duration)
	w.dir = w.folder()
	t.Cleanup(w.close)
	w.build()
	for _, step := range []func(shape) error{w.startNATS, w.startServices, w.startGateways} {
		if err := step(s); err != nil {
			t.Fatalf("seed %d: starting: %v", seed, err)
		}
	}
	w.began = time.Now()
	return w
}

// folder returns the folder for logs and pictures: the test's artifacts when they
// are requested, else a temporary folder that only a failure leaves behind.
func (w *world) folder() string {
	if f := flag.Lookup("test.artifacts"); f != nil && f.Value.String() == "true" {
		return w.t.ArtifactDir()
	}
	dir, err := os.MkdirTemp("", "p2p-chaos-")
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if w.t.Failed() {
			w.t.Logf("seed %d: logs, pictures and histories are in %s", w.seed, dir)
		} else if err := os.RemoveAll(dir); err != nil {
			w.t.Error(err)
		}
	})
	return dir
}

// urls lists the gateways for a client, beginning with number first.
func (w *world) urls(first int) []string {
	var urls []string
	for i := range w.front {
		urls = append(urls, "ws://"+w.front[(first+i)%len(w.front)].addr()+"/")
	}
	return urls
}

func (w *world) died(err error) { w.violate("%v", err) }

// now returns the nanoseconds since the start: the clock of every history.
func (w *world) now() int64 { return int64(time.Since(w.began)) }

// logf logs an event with its time.
func (w *world) logf(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.closed {
		w.t.Logf("%8.3f %s", time.Since(w.began).Seconds(), fmt.Sprintf(format, args...))
	}
}

// maxShown bounds the violations of one sort in the test's log; violations.txt
// lists all of them.
const maxShown = 8

// violate records that a promise was broken. Those with the same format are of
// one sort.
func (w *world) violate(format string, args ...any) {
	text := fmt.Sprintf("%8.3f %s", time.Since(w.began).Seconds(), fmt.Sprintf(format, args...))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrong = append(w.wrong, text)
	w.sorts[format]++
	if w.sorts[format] <= maxShown && !w.closed && !catching(w) {
		w.t.Errorf("seed %d: VIOLATION %s", w.seed, text)
	}
}

// catching reports whether w contains a planted bug.
func catching(w *world) bool { return w.fault != "" }

func (w *world) violations() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.wrong)
}

// await waits until ok returns true, or returns an error that names what.
func (w *world) await(bound time.Duration, what string, ok func() bool) error {
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
func (w *world) close() {
	for _, p := range w.front {
		p.close()
	}
	var errs []error
	for _, list := range [][]*process{w.gateways, w.services, w.nodes} {
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
	for _, p := range slices.Concat(slices.Concat(w.gwLinks...), slices.Concat(w.svcLinks...)) {
		p.close()
	}
	w.checkLogs()
	w.mu.Lock()
	w.closed = true
	all := strings.Join(w.wrong, "\n")
	w.mu.Unlock()
	if all != "" {
		errs = append(errs, os.WriteFile(filepath.Join(w.dir, "violations.txt"), []byte(all), 0o644))
	}
	if err := errors.Join(errs...); err != nil && !catching(w) {
		w.t.Errorf("seed %d: ending: %v", w.seed, err)
	}
}

// checkLogs looks for panics that a service has only logged.
func (w *world) checkLogs() {
	for _, p := range slices.Concat(w.gateways, w.services) {
		b, err := os.ReadFile(p.log.Name())
		if err != nil {
			w.violate("%v", err)
			continue
		}
		if n := bytes.Count(b, []byte("panic")); n > 0 {
			w.violate("%s panicked: see %s", p.name, p.log.Name())
		}
	}
}

// illegal records that the checker refused a history.
func (w *world) illegal(format string, args ...any) {
	w.violate(format, args...)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.judged = append(w.judged, fmt.Sprintf(format, args...))
}

// found returns the first history that the checker refused, or "".
func (w *world) found() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.judged) == 0 {
		return ""
	}
	return w.judged[0]
}
