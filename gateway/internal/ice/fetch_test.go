package ice

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// testFetcher returns a fetcher for a server with handler. header is the text of the file of
// headers, "" for none.
func testFetcher(t *testing.T, handler http.HandlerFunc, header, body string) *fetcher {
	t.Helper()
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	cfg := ProviderConfig{URL: srv.URL + "/list?key=hunter2", Body: body, TTL: 2 * time.Hour, Logger: slog.New(slog.DiscardHandler)}
	if header != "" {
		cfg.HeaderFile = filepath.Join(t.TempDir(), "header")
		if err := os.WriteFile(cfg.HeaderFile, []byte(header), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := newFetcher(cfg, nil)
	t.Cleanup(f.client.CloseIdleConnections)
	return f
}

// TestFetch_EachKindOfRequest_ArrivesAsConfigured: with the TTL in the body, and with the
// headers that the file has now.
func TestFetch_EachKindOfRequest_ArrivesAsConfigured(t *testing.T) {
	for _, c := range []struct{ name, header, body, want string }{
		{"Cloudflare", "Authorization: Bearer abc\n", `{"ttl": {ttl}}`, `POST application/json "Bearer abc" {"ttl": 7200}`},
		{"Twilio", "Authorization: Basic eDp5\n\n", "Ttl={ttl}", `POST application/x-www-form-urlencoded "Basic eDp5" Ttl=7200`},
		{"plain list", "", "", `GET  "" `},
		{"own type", "Content-Type: text/plain", "x", `POST text/plain "" x`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			f := testFetcher(t, func(w http.ResponseWriter, r *http.Request) {
				b, _ := io.ReadAll(r.Body)
				got = r.Method + " " + r.Header.Get("Content-Type") + ` "` + r.Header.Get("Authorization") + `" ` + string(b)
				io.WriteString(w, plain)
			}, c.header, c.body)
			l, err := f.fetch(t.Context())
			if err != nil || len(l.servers) != 2 || got != c.want {
				t.Errorf("got request %q, %d servers, error %v, want %q, 2 and none", got, len(l.servers), err, c.want)
			}
		})
	}
}

func TestFetch_HeaderFileReplaced_SendsTheNewKey(t *testing.T) {
	got := ""
	f := testFetcher(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Get("Authorization")
		io.WriteString(w, plain)
	}, "Authorization: Bearer old", "")
	if err := os.WriteFile(f.cfg.HeaderFile, []byte("Authorization: Bearer new\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.fetch(t.Context()); err != nil || got != "Bearer new" {
		t.Errorf("got %q (%v), want the key that the file has now", got, err)
	}
	if err := os.WriteFile(f.cfg.HeaderFile, []byte("Bearer hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.fetch(t.Context()); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v for a file without a header, want an error without its text", err)
	}
}

// TestFetch_BadAnswers_AreErrorsWithoutTheKey: redirects are not followed, because they
// would take the headers elsewhere.
func TestFetch_BadAnswers_AreErrorsWithoutTheKey(t *testing.T) {
	for _, c := range []struct {
		name, want string
		handler    http.HandlerFunc
	}{
		{"status", "status 401", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }},
		{"redirect", "status 302", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/list" {
				http.Redirect(w, r, "/elsewhere", http.StatusFound)
				return
			}
			io.WriteString(w, plain)
		}},
		{"too long", "more than", func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, plain+strings.Repeat(" ", maxAnswerBytes))
		}},
		{"not a list", "unusable", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") }},
		{"cut", "EOF", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5000")
			io.WriteString(w, plain)
		}},
		{"no answer", "EOF", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := testFetcher(t, c.handler, "", "").fetch(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v, want an error with %q and without the URL", err, c.want)
			}
		})
	}
}
