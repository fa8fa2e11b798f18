package gateway

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"p2pconnector/gateway/internal/ops"
	"p2pconnector/gateway/internal/session"
	"p2pconnector/proto"
	"p2pconnector/proto/service"
)

// hungGateway runs a gateway without NATS whose bus loop waits for the lock of a session,
// which release unlocks. release then waits until everything has ended.
func hungGateway(t *testing.T, cfg Config) (g *Gateway, stop context.CancelFunc, result chan error, release func()) {
	t.Helper()
	cfg.NATS.URL, cfg.Listen, cfg.SessionKey = "nats://127.0.0.1:1", "127.0.0.1:0", "a secret for tests only"
	g, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	result = make(chan error, 1)
	go func() { result <- g.runInTime(ctx, ended) }()
	<-g.Ready()
	stuck := &hungClient{locked: make(chan struct{}), release: make(chan struct{})}
	c := &session.Conn{Client: stuck}
	start(g, c, "")
	delivered := make(chan struct{})
	go func() { defer close(delivered); c.Session.Deliver(nil) }()
	<-stuck.locked
	setAlive(t, g, proto.NewGatewayID()) // a gateway that could take sessions over
	release = sync.OnceFunc(func() {
		close(stuck.release)
		<-delivered
		end(c, true)
		stop()
		<-ended
	})
	return g, stop, result, release
}

// hungClient takes a frame only after release: its session stays locked.
type hungClient struct {
	mute
	locked, release chan struct{}
}

func (c *hungClient) Enqueue(proto.PeerID, []byte) session.Result {
	close(c.locked)
	<-c.release
	return session.Delivered
}

// TestLivez_HungLoop_FailsAndNamesIt: /livez, /readyz and the metrics of a running gateway
// report a loop that waits forever.
func TestLivez_HungLoop_FailsAndNamesIt(t *testing.T) {
	t.Parallel()
	g, _, _, release := hungGateway(t, Config{Ops: service.Ops{Listen: "127.0.0.1:0"}, DrainWindow: time.Second})
	defer release()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}
	get := func(path string) (int, string) {
		resp, err := client.Get("http://" + g.OpsAddr() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
	if status, body := get("/livez"); status != http.StatusOK {
		t.Errorf("got %d %q at first, want 200", status, body)
	}
	tick := time.NewTicker(ops.WatchInterval / 10)
	defer tick.Stop()
	for began := time.Now(); g.loops.watchdog.Problem() == ""; <-tick.C {
		if time.Since(began) > time.Minute {
			t.Fatal("got no loop that hangs within a minute, want bus")
		}
	}
	for path, want := range map[string]string{"/livez": "bus", "/readyz": "bus"} {
		if status, body := get(path); status != http.StatusServiceUnavailable || !strings.Contains(body, want) {
			t.Errorf("%s: got %d %q, want a 503 that names %s", path, status, body, want)
		}
	}
	for _, want := range []string{`p2p_gateway_hung_loops{loop="bus"} 1`, `p2p_gateway_hung_loops{loop="clock"} 0`} {
		if status, body := get("/metrics"); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("/metrics: got %d, want %s in %.300s", status, want, body)
		}
	}
}

// TestRun_LockNeverGivenBack_EndsInTime: Run returns in time although a lock is held
// forever, so that the process can exit.
func TestRun_LockNeverGivenBack_EndsInTime(t *testing.T) {
	t.Parallel()
	const window = 200 * time.Millisecond
	_, stop, result, release := hungGateway(t, Config{DrainWindow: window})
	defer func() {
		if t.Failed() {
			return // it may never end
		}
		release()
	}()
	began := time.Now()
	stop()
	late := time.NewTimer(window + endPatience + lastPatience + 20*time.Second) // for a busy machine
	defer late.Stop()
	select {
	case err := <-result:
		if err == nil || !strings.Contains(err.Error(), "exit now") {
			t.Errorf("got %v, want an error that says to exit", err)
		}
		if took := time.Since(began); took < window+endPatience {
			t.Errorf("got the end after %v, want %v or more", took, window+endPatience)
		}
	case <-late.C:
		t.Error("got a Run that hangs, want it to return in time")
	}
}

// TestRun_NothingHangs_EndsAtOnce: without a hang, Run does not wait for its time limit.
func TestRun_NothingHangs_EndsAtOnce(t *testing.T) {
	t.Parallel()
	_, _, result, release := hungGateway(t, Config{DrainWindow: time.Minute})
	release()
	if err := <-result; err != nil {
		t.Errorf("got %v, want no error", err)
	}
}
