// Package permissions_test runs the system under proto/bus/nats.conf: the file
// permits what each service and the back ends need, and nothing else.
package permissions_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"p2pconnector/e2e/kit"
)

func TestMain(m *testing.M) {
	for _, user := range []string{"GATEWAY", "ROOMSVC", "BACKEND"} {
		os.Setenv("NATS_"+user+"_PASSWORD", "test-"+strings.ToLower(user))
	}
	kit.Main(m)
}

const conf = "../../../proto/bus/nats.conf"

// refusals collects the log lines of the server or a service about a refused
// subject. It may be used by any goroutine.
type refusals struct {
	mu    sync.Mutex
	lines []string
}

func (r *refusals) Write(b []byte) (int, error) {
	if low := bytes.ToLower(b); bytes.Contains(low, []byte("violation")) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.lines = append(r.lines, string(b))
	}
	return len(b), nil
}

// none fails the test when anything was refused.
func (r *refusals) none(t *testing.T) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, line := range r.lines {
		t.Errorf("refused: %s", line)
	}
}

// start runs a system with the file.
func start(t *testing.T, opts kit.Options) (*kit.Stack, *refusals) {
	t.Helper()
	r := new(refusals)
	opts.NATSFile = conf
	opts.Logger = slog.New(slog.NewTextHandler(r, nil))
	return kit.Start(t, opts), r
}

// intruder is a connection with a user's password that tries what that user may
// not do.
type intruder struct {
	t     *testing.T
	nc    *nats.Conn
	cause chan error // the server's refusals
}

func intrude(t *testing.T, s *kit.Stack, user string) *intruder {
	t.Helper()
	i := &intruder{t: t, cause: make(chan error, 16)}
	nc, err := nats.Connect("", nats.InProcessServer(s.NATS(0)), nats.UserInfo(user, "test-"+user),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { i.cause <- err }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	i.nc = nc
	return i
}

// refused waits until the server has refused the last attempt.
func (i *intruder) refused() {
	i.t.Helper()
	if err := i.nc.Flush(); err != nil {
		i.t.Fatal(err)
	}
	late := time.NewTimer(kit.Patience)
	defer late.Stop()
	select {
	case err := <-i.cause:
		if !errors.Is(err, nats.ErrPermissionViolation) {
			i.t.Fatalf("got %v, want a permissions violation", err)
		}
	case <-late.C:
		i.t.Fatal("the server accepted it, want a refusal")
	}
}
