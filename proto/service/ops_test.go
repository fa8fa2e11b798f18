package service

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// handlers is a service whose state the tests decide.
type handlers struct {
	hangs   string
	missing []string
	notes   []string
}

func (h *handlers) handlers() OpsHandlers {
	return OpsHandlers{
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "metrics\n") }),
		Hangs:   func() string { return h.hangs },
		Missing: func(context.Context) []string { return h.missing },
		Notes:   func() []string { return h.notes },
	}
}

var discard = slog.New(slog.DiscardHandler)

func serve(t *testing.T, o Ops, h OpsHandlers) *OpsServer {
	t.Helper()
	s, err := o.Serve(discard, h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
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

func TestOps_EachPath_AnswersForItsService(t *testing.T) {
	well, ill := &handlers{}, &handlers{hangs: "the loop hangs", missing: []string{"NATS", "rooms"}}
	noted := &handlers{notes: []string{"a differs", "b differs"}}
	sick := &handlers{missing: ill.missing, notes: noted.notes}
	for _, tc := range []struct {
		h      *handlers
		path   string
		status int
		body   string
	}{
		{well, "/metrics", 200, "metrics\n"},
		{well, "/livez", 200, "ok\n"},
		{well, "/readyz", 200, "ready\n"},
		{well, "/readyz?verbose", 200, "ready\n"},
		{noted, "/readyz", 200, "ready\n"},
		{noted, "/readyz?verbose", 200, "ready\na differs\nb differs\n"},
		{sick, "/readyz?verbose=1", 503, "not ready: NATS; rooms\na differs\nb differs\n"},
		{ill, "/metrics", 200, "metrics\n"},
		{ill, "/livez", 503, "the loop hangs\n"},
		{ill, "/readyz", 503, "not ready: NATS; rooms\n"},
		{well, "/debug/pprof/cmdline", 404, "404 page not found\n"},
	} {
		s := serve(t, Ops{Listen: "127.0.0.1:0"}, tc.h.handlers())
		if status, body := get(t, "http://"+s.Addr()+tc.path); status != tc.status || body != tc.body {
			t.Errorf("%s of %+v: got %d %q, want %d %q", tc.path, *tc.h, status, body, tc.status, tc.body)
		}
	}
}

func TestOps_NothingCanHang_IsAlive(t *testing.T) {
	h := (&handlers{}).handlers()
	h.Hangs = nil
	s := serve(t, Ops{Listen: "127.0.0.1:0"}, h)
	if status, body := get(t, "http://"+s.Addr()+"/livez"); status != 200 || body != "ok\n" {
		t.Errorf("got %d %q, want 200 ok", status, body)
	}
}

func TestOps_SlowReadinessCheck_ContextEndsIt(t *testing.T) {
	h := (&handlers{}).handlers()
	h.Missing = func(ctx context.Context) []string {
		if d, ok := ctx.Deadline(); !ok || time.Until(d) > ReadyTimeout {
			t.Errorf("got deadline %v %v, want one within %v", d, ok, ReadyTimeout)
		}
		<-ctx.Done()
		return []string{"an answer"}
	}
	s := serve(t, Ops{Listen: "127.0.0.1:0"}, h)
	if status, body := get(t, "http://"+s.Addr()+"/readyz"); status != 503 || !strings.Contains(body, "an answer") {
		t.Errorf("got %d %q, want 503 and what is missing", status, body)
	}
}

func TestOps_Pprof_ServesProfiles(t *testing.T) {
	s := serve(t, Ops{Listen: "127.0.0.1:0", Pprof: true}, (&handlers{}).handlers())
	if status, _ := get(t, "http://"+s.Addr()+"/debug/pprof/cmdline"); status != 200 {
		t.Errorf("got %d, want 200", status)
	}
}

func TestOps_NoAddress_ServesNobody(t *testing.T) {
	for _, listen := range []string{"", OpsOff} {
		s, err := Ops{Listen: listen}.Serve(discard, OpsHandlers{})
		if s != nil || err != nil || s.Addr() != "" {
			t.Errorf("%q: got %v at %q, %v, want no server", listen, s, s.Addr(), err)
		}
		s.Close()
	}
}

// TestOps_AddressInUse_OnlyTheDefaultIsForgiven checks that Serve fails when an
// address that was asked for is in use. Another program on this machine may have the
// default address.
func TestOps_AddressInUse_OnlyTheDefaultIsForgiven(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if s, err := (Ops{Listen: taken.Addr().String()}).Serve(discard, OpsHandlers{}); s != nil || err == nil || !strings.HasPrefix(err.Error(), "ops-listen: ") {
		t.Errorf("got %v, %v, want an error about ops-listen", s, err)
	}
	// Whichever program has the default address now, the second server cannot have it.
	h := (&handlers{}).handlers()
	for range 2 {
		s, err := Ops{Listen: DefaultOpsListen}.Serve(discard, h)
		if err != nil {
			t.Errorf("got %v, want no error", err)
		}
		defer s.Close()
	}
}

func TestOpsCheck_WrongAddress_IsNamed(t *testing.T) {
	var wrong []string
	for _, listen := range []string{"", OpsOff, ":0", "nowhere"} {
		if err := (Ops{Listen: listen}).Check(); err != nil && strings.HasPrefix(err.Error(), "ops-listen: ") {
			wrong = append(wrong, listen)
		}
	}
	if want := []string{"nowhere"}; !slices.Equal(wrong, want) {
		t.Errorf("got errors for %q, want %q", wrong, want)
	}
}
