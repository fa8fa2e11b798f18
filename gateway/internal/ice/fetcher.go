package ice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Times between requests.
const (
	minRetry = time.Second
	maxRetry = 5 * time.Minute
	minLife  = time.Minute // a shorter life counts as this, so that a provider is not asked in a loop
)

// Outcome is the outcome of a request, as the metrics name it.
type Outcome string

// The outcomes of requests.
const (
	OK     Outcome = "ok"
	Failed Outcome = "failed"
)

// Outcomes lists all outcomes.
func Outcomes() []Outcome { return []Outcome{OK, Failed} }

// ProviderConfig says how a provider is asked. Fields without a comment on their zero value are required.
type ProviderConfig struct {
	URL        string
	HeaderFile string // with one header a line; "" for none
	Body       string // to POST, with the seconds of TTL in place of {ttl}; "" for GET
	TTL        time.Duration

	Client *http.Client // nil: one of its own
	Count  func(Outcome)
	Logger *slog.Logger
}

// fetcher follows the list of a provider. run may be called once; the other methods are safe
// for concurrent use.
type fetcher struct {
	cfg    ProviderConfig
	give   func(servers []json.RawMessage) // gets each list
	client *http.Client

	mu      sync.Mutex
	life    time.Duration // of the last good list; the setting before there is one
	expires time.Time     // of that list; zero: there is none
	problem error         // of the last request
}

// Check returns an error for every setting that is wrong, by the name of its flag. It contains
// neither the URL nor a header.
func (c *ProviderConfig) Check() error {
	var errs []error
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		errs = append(errs, errors.New("ice-servers-url: not a URL of the scheme https or http"))
	}
	if c.TTL < minLife {
		errs = append(errs, fmt.Errorf("ice-servers-ttl: %v is less than %v", c.TTL, minLife))
	}
	if c.HeaderFile != "" {
		if _, err := readHeader(c.HeaderFile); err != nil {
			errs = append(errs, fmt.Errorf("ice-servers-header: %w", err))
		}
	}
	return errors.Join(errs...)
}

// newFetcher returns a fetcher for a configuration that Check accepts. give gets each list.
func newFetcher(cfg ProviderConfig, give func(servers []json.RawMessage)) *fetcher {
	f := &fetcher{cfg: cfg, give: give, client: cfg.Client, life: cfg.TTL}
	if f.client == nil {
		f.client = &http.Client{
			Transport: http.DefaultTransport.(*http.Transport).Clone(), // run closes its idle connections
			// The headers are for this URL alone.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	return f
}

// run fetches the list, and again at half of its life, until ctx ends.
func (f *fetcher) run(ctx context.Context) {
	defer f.client.CloseIdleConnections()
	wait := time.NewTimer(0)
	defer wait.Stop()
	for failures := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-wait.C:
		}
		began := time.Now()
		l, err := f.fetch(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			wait.Reset(f.failed(err, failures))
			failures++
		default:
			failures = 0
			wait.Reset(f.fetched(l, began))
		}
	}
}

// fetched hands over a list that was asked for at began, and returns the time until the
// next request: half of the life, less up to a tenth, so that gateways that started together
// do not ask together.
func (f *fetcher) fetched(l list, began time.Time) time.Duration {
	life := f.cfg.TTL
	if l.life != 0 {
		life = max(min(life, l.life), minLife)
	}
	f.mu.Lock()
	again := f.problem != nil
	f.life, f.expires, f.problem = life, began.Add(life), nil
	f.mu.Unlock()
	f.cfg.Count(OK)
	if again {
		f.cfg.Logger.Info("ICE servers fetched again", "servers", len(l.servers), "life", life.String())
	}
	f.give(l.servers)
	return life/2 - rand.N(life/20)
}

// failed notes a failure after others in a row, and returns the time until the next request.
func (f *fetcher) failed(err error, others int) time.Duration {
	f.mu.Lock()
	first := f.problem == nil
	f.problem = err
	life := f.life
	f.mu.Unlock()
	f.cfg.Count(Failed)
	if first {
		f.cfg.Logger.Warn("cannot fetch ICE servers; trying again, clients keep the last list", "err", err)
	}
	pause := min(minRetry<<min(others, 16), maxRetry, max(life/8, minRetry))
	return pause/2 + rand.N(pause/2+1)
}

// left returns how long the credentials of the last good list still work, or 0 when there is
// no list or they have expired.
func (f *fetcher) left() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.expires.IsZero() {
		return 0
	}
	return max(time.Until(f.expires), 0)
}

// notes returns a line for operators while the last request failed.
func (f *fetcher) notes() []string {
	left := f.left().Round(time.Second)
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.problem == nil:
		return nil
	case f.expires.IsZero():
		return []string{fmt.Sprintf("ice-servers-url: no list yet: %v", f.problem)}
	}
	return []string{fmt.Sprintf("ice-servers-url: %v; the credentials of the last list work for %v", f.problem, left)}
}
