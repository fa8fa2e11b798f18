package ice

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// provider is a Transport that answers without a network, so that time in a bubble passes.
type provider struct {
	answer func() (status int, body string, err error)
	hangs  bool // until the request ends

	mu    sync.Mutex
	asked []time.Time
}

func (p *provider) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	p.asked = append(p.asked, time.Now())
	p.mu.Unlock()
	if p.hangs {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	status, body, err := p.answer()
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body)), Request: r, Header: http.Header{}}, nil
}

// requests returns when each request came.
func (p *provider) requests() []time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asked)
}

// followed counts what a running fetcher did.
type followed struct {
	*fetcher
	lists, ok, failed atomic.Int64
	log               bytes.Buffer // read it after synctest.Wait
}

// follow runs a fetcher for p until the end of the bubble.
func follow(t *testing.T, p *provider, ttl time.Duration) *followed {
	t.Helper()
	f := new(followed)
	outcomes := map[Outcome]*atomic.Int64{OK: &f.ok, Failed: &f.failed}
	f.fetcher = newFetcher(ProviderConfig{
		URL: "https://provider.example/?key=hunter2", TTL: ttl, Client: &http.Client{Transport: p},
		Count: func(o Outcome) { outcomes[o].Add(1) }, Logger: slog.New(slog.NewTextHandler(&f.log, nil)),
	}, func([]json.RawMessage) { f.lists.Add(1) })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); f.run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	synctest.Wait()
	return f
}

// TestRun_Works_FetchesAgainAtHalfTheLife: between nine tenths of the half and the half, by
// the shorter of the setting and what the answer says.
func TestRun_Works_FetchesAgainAtHalfTheLife(t *testing.T) {
	for _, c := range []struct {
		name, answer string
		life         time.Duration
	}{{"by the setting", cloudflare, 4 * time.Hour}, {"by the answer", twilio, time.Hour}, {"too short", `{"ttl":1,"iceServers":[{"urls":"stun:a"}]}`, minLife}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &provider{answer: func() (int, string, error) { return http.StatusCreated, c.answer, nil }}
				f := follow(t, p, 4*time.Hour)
				if n, left := f.lists.Load(), f.left(); n != 1 || left != c.life {
					t.Fatalf("got %d lists that work for %v, want 1 for %v", n, left, c.life)
				}
				time.Sleep(10 * c.life)
				synctest.Wait()
				asked := p.requests()
				for i := 1; i < len(asked); i++ {
					if gap := asked[i].Sub(asked[i-1]); gap > c.life/2 || gap < c.life*9/20 {
						t.Errorf("got %v between requests, want %v to %v", gap, c.life*9/20, c.life/2)
					}
				}
				if n, lists, ok := int64(len(asked)), f.lists.Load(), f.ok.Load(); n < 20 || lists != n || ok != n || len(f.notes()) != 0 {
					t.Errorf("got %d requests, %d lists, %d counted, notes %q, want at least 20 of each and no note", n, lists, ok, f.notes())
				}
			})
		})
	}
}

// TestRun_ProviderFails_KeepsTheListAndBacksOff: pauses grow to their bound, the note says
// how long the last list works, and no error or log has the URL, which may contain a key.
func TestRun_ProviderFails_KeepsTheListAndBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fails atomic.Bool
		p := &provider{answer: func() (int, string, error) {
			if fails.Load() {
				return 0, "", errors.New("connection refused")
			}
			return http.StatusOK, plain, nil
		}}
		f := follow(t, p, 24*time.Hour)
		fails.Store(true)
		time.Sleep(13 * time.Hour)
		synctest.Wait()
		asked := p.requests()[1:] // the first one worked
		if lists, failed := f.lists.Load(), f.failed.Load(); lists != 1 || failed != int64(len(asked)) {
			t.Errorf("got %d lists, %d failures counted of %d, want 1 list and all counted", lists, failed, len(asked))
		}
		for i, want := 1, minRetry; i < len(asked); i++ {
			if gap := asked[i].Sub(asked[i-1]); gap < want/2 || gap > want+1 {
				t.Errorf("got %v after failure %d, want %v to %v", gap, i, want/2, want)
			}
			want = min(2*want, maxRetry)
		}
		if n := f.notes(); len(n) != 1 || !strings.Contains(n[0], "connection refused") || !strings.Contains(n[0], "work for 11h0m0s") {
			t.Errorf("got notes %q, want the error and 11 h", n)
		}
		time.Sleep(12 * time.Hour)
		if left := f.left(); left != 0 {
			t.Errorf("got %v left of expired credentials, want 0", left)
		}
		fails.Store(false)
		time.Sleep(maxRetry)
		synctest.Wait()
		if lists := f.lists.Load(); lists != 2 || f.left() < 23*time.Hour || len(f.notes()) != 0 {
			t.Errorf("got %d lists, %v left, notes %q after the provider is back, want 2, a day and none", lists, f.left(), f.notes())
		}
		if log := f.log.String(); strings.Contains(log, "hunter2") || strings.Count(log, "level=WARN") != 1 || strings.Count(log, "level=INFO") != 1 {
			t.Errorf("got log\n%s\nwant one warning, one line for its end, and no key", log)
		}
	})
}

// TestRun_ProviderFailsAndNamedAShorterLife_AsksBeforeItIsOver: the pauses are at most an eighth
// of the life that the answer named, so that the credentials are replaced before they expire.
func TestRun_ProviderFailsAndNamedAShorterLife_AsksBeforeItIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fails atomic.Bool
		p := &provider{answer: func() (int, string, error) {
			if fails.Load() {
				return http.StatusBadGateway, "", nil
			}
			return http.StatusOK, `{"ttl":120,"iceServers":[{"urls":"stun:a"}]}`, nil
		}}
		f := follow(t, p, 24*time.Hour)
		fails.Store(true)
		time.Sleep(time.Hour)
		synctest.Wait()
		asked := p.requests()[1:] // the first one worked
		if len(asked) < 2 || f.lists.Load() != 1 {
			t.Fatalf("got %d requests after %d lists, want many after 1", len(asked), f.lists.Load())
		}
		for i := 1; i < len(asked); i++ {
			if gap, most := asked[i].Sub(asked[i-1]), 15*time.Second; gap > most {
				t.Errorf("got %v after failure %d, want %v at most", gap, i, most)
			}
		}
	})
}

// TestNewFetcher_NoClient_SharesNoConnections: the end of run closes the fetcher's idle
// connections and nobody else's.
func TestNewFetcher_NoClient_SharesNoConnections(t *testing.T) {
	one, two := newFetcher(ProviderConfig{}, nil), newFetcher(ProviderConfig{}, nil)
	if got := one.client.Transport; got == nil || got == http.DefaultTransport || got == two.client.Transport {
		t.Errorf("got transport %v, want one of the fetcher's own", got)
	}
}

// TestRun_ProviderHangs_IsAFailure: a request has a bound.
func TestRun_ProviderHangs_IsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := follow(t, &provider{hangs: true}, time.Hour)
		time.Sleep(requestTimeout)
		synctest.Wait()
		if n := f.notes(); len(n) != 1 || !strings.Contains(n[0], "deadline") {
			t.Errorf("got notes %q after %v, want a deadline that is over", n, requestTimeout)
		}
	})
}

// TestRun_NothingYet_SaysSo: before the first list there is a note, and no time is left.
func TestRun_NothingYet_SaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := follow(t, &provider{answer: func() (int, string, error) { return http.StatusForbidden, "", nil }}, time.Hour)
		if n := f.notes(); len(n) != 1 || !strings.Contains(n[0], "no list yet") || !strings.Contains(n[0], "403") || f.left() != 0 {
			t.Errorf("got notes %q and %v left, want the status and 0", n, f.left())
		}
	})
}

func TestCheck_WrongSettings_AreNamed(t *testing.T) {
	good := ProviderConfig{URL: "https://a.example/?key=hunter2", TTL: minLife}
	if err := good.Check(); err != nil {
		t.Errorf("got %v for settings that work, want none", err)
	}
	for _, c := range []struct {
		want string
		cfg  ProviderConfig
	}{
		{"ice-servers-url:", ProviderConfig{URL: "turn.example", TTL: time.Hour}},
		{"ice-servers-url:", ProviderConfig{URL: "ftp://turn.example", TTL: time.Hour}},
		{"ice-servers-url:", ProviderConfig{URL: "https://", TTL: time.Hour}},
		{"ice-servers-ttl:", ProviderConfig{URL: "https://a.example", TTL: minLife - 1}},
		{"ice-servers-header:", ProviderConfig{URL: "https://a.example", TTL: time.Hour, HeaderFile: "does not exist"}},
	} {
		if err := c.cfg.Check(); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%+v: got error %v, want one with %s", c.cfg, err, c.want)
		}
	}
}
