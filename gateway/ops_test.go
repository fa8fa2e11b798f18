package gateway

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// TestLivezWhenStuck: the process is to be restarted when messages wait behind one
// that never ends, and not because none comes.
func TestLivezWhenStuck(t *testing.T) {
	g := testGateway(t, Config{})
	status := func() int {
		w := httptest.NewRecorder()
		g.livez(w, httptest.NewRequest(http.MethodGet, "/livez", nil))
		return w.Code
	}
	g.guardMessage(&nats.Msg{Subject: "x"})
	g.coarse.Add(int64(time.Hour))
	if s := status(); s != http.StatusOK {
		t.Errorf("%d although nothing waits", s)
	}
	g.inbox <- &nats.Msg{Subject: "x"}
	if s := status(); s != http.StatusServiceUnavailable {
		t.Errorf("%d while a message waits for an hour", s)
	}
	g.guardMessage(<-g.inbox)
	g.inbox <- &nats.Msg{Subject: "x"}
	if s := status(); s != http.StatusOK {
		t.Errorf("%d although messages are handled", s)
	}
}
