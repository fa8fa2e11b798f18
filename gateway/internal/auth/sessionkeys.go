package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/proto/bus"
)

// Times of the fetches of shared keys. Any client may name a key that does not exist, so all
// callers with unknown keys share one fetch, and two fetches keep a pause between them. A
// set that was just fetched has every key in use, because a key verifies for ten minutes
// before it signs.
const (
	keyPoll       = 5 * time.Minute // the time between two fetches
	fetchInterval = 5 * time.Second // from the end of one fetch to the next for an unknown key
	fetchPatience = 3 * time.Second // the longest time that a caller waits for a fetch
)

// FetchOutcome is the outcome of a need for newer keys, as the metrics name it.
type FetchOutcome string

// The outcomes of fetches.
const (
	KeysFetched    FetchOutcome = "ok"
	KeysNotFetched FetchOutcome = "failed"
	KeysSpared     FetchOutcome = "spared" // a fetch had ended less than fetchInterval before
)

// FetchOutcomes lists all outcomes.
func FetchOutcomes() []FetchOutcome { return []FetchOutcome{KeysFetched, KeysNotFetched, KeysSpared} }

// ErrKeysOld is the error for a session token that can be neither accepted nor refused: its
// key is not known, and this gateway's keys may be old.
var ErrKeysOld = errors.New("session token of an unknown key, and no newer keys can be fetched")

// SessionKeysConfig says where the keys that sign session tokens come from.
type SessionKeysConfig struct {
	// Secrets are keys as ParseKeys reads them; "" fetches those that all gateways share.
	// With Secrets the other fields are not used.
	Secrets string
	// Fetch asks the room service for the shared keys. have is the present set, nil at first:
	// the room service restores from it any keys that it has lost. Fetch may take long.
	Fetch func(have *bus.KeySet) (*bus.KeySet, error)
	// Go runs f on a goroutine that the gateway joins when it ends. When the gateway is
	// already ending, Go calls refused instead.
	Go func(f, refused func())
	// Count is called with each outcome, concurrently.
	Count func(FetchOutcome)
	// Logger receives the errors of fetches.
	Logger *slog.Logger
}

// SessionKeys signs and verifies session tokens. Its methods may be called concurrently.
type SessionKeys struct {
	cfg  SessionKeysConfig
	ring keyring
	soon chan struct{} // receives a value when the keys must be fetched at once

	mu      sync.Mutex
	running chan struct{} // closed at the end of the fetch; nil without one
	ended   time.Time     // of the last fetch; monotonic
	ok      bool          // the last fetch succeeded
}

// NewSessionKeys returns SessionKeys with the configured keys, or without keys until Load
// has fetched them.
func NewSessionKeys(cfg SessionKeysConfig) (*SessionKeys, error) {
	k := &SessionKeys{cfg: cfg, soon: make(chan struct{}, 1)}
	if cfg.Secrets != "" {
		set, err := ParseKeys(cfg.Secrets)
		if err != nil {
			return nil, fmt.Errorf("session-key: %w", err)
		}
		k.ring.set.Store(set)
	}
	return k, nil
}

// Load fetches the keys, unless they are configured. Before it has returned nil once,
// Sign and Verify panic: a gateway serves no client before it has keys.
func (k *SessionKeys) Load() error {
	if k.cfg.Secrets != "" {
		return nil
	}
	set, err := k.cfg.Fetch(k.ring.set.Load())
	if err != nil {
		return fmt.Errorf("session keys: %w", err)
	}
	if set == nil || len(set.Keys) == 0 {
		return errors.New("session keys: the room service has none")
	}
	k.ring.set.Store(set)
	return nil
}

// Sign encodes t as a token that was issued at now, a time of day.
func (k *SessionKeys) Sign(t SessionToken, now time.Time) string {
	t.Issued = now.Unix()
	return k.ring.sign(t)
}

// Verify decodes a token. When the token's key is not known, Verify first fetches newer
// keys, for which it waits at most fetchPatience. now is the time of day. The error is
// ErrToken, ErrTokenExpired or ErrKeysOld.
func (k *SessionKeys) Verify(token string, now time.Time) (*SessionToken, error) {
	t, err := k.ring.verify(token, now)
	if !errors.Is(err, errKeyUnknown) || k.cfg.Secrets != "" {
		return t, err
	}
	if !k.refresh(fetchInterval) {
		return nil, ErrKeysOld
	}
	return k.ring.verify(token, now)
}

// Await is Load until that succeeds or ctx ends; a failure is logged. When ctx ends, giveUp
// must make a pending Fetch return. Configured keys are there at once.
func (k *SessionKeys) Await(ctx context.Context, giveUp func()) error {
	stop := context.AfterFunc(ctx, giveUp)
	defer stop()
	for {
		err := k.Load()
		if err == nil && stop() {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		k.cfg.Logger.Warn("waiting for the room service", "err", err)
	}
}

// Run fetches the shared keys again and again until done is closed, because they rotate, and
// returns them to a room service that has lost them. With configured keys it does nothing.
func (k *SessionKeys) Run(done <-chan struct{}) {
	if k.cfg.Secrets != "" {
		return
	}
	clock.Repeat(done, k.soon, keyPoll, func() time.Duration {
		k.refresh(0)
		return keyPoll
	})
}

// RefreshSoon makes Run fetch the keys at once. It does not wait.
func (k *SessionKeys) RefreshSoon() {
	select {
	case k.soon <- struct{}{}:
	default:
	}
}

// refresh fetches the keys, unless a fetch ended less than interval ago. It returns false
// when the keys may be old: the room service did not answer this fetch, or the recent one,
// in time.
func (k *SessionKeys) refresh(interval time.Duration) bool {
	k.mu.Lock()
	if k.running == nil && !k.ended.IsZero() && time.Since(k.ended) < interval {
		ok := k.ok
		k.mu.Unlock()
		k.cfg.Count(KeysSpared)
		return ok
	}
	done, begin := k.running, k.running == nil
	if begin {
		done = make(chan struct{})
		k.running = done
	}
	k.mu.Unlock()
	if begin {
		k.cfg.Go(k.fetch, func() { k.finish(false) })
	}
	late := time.NewTimer(fetchPatience)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ok
}

// fetch loads the keys and releases the callers that wait for them.
func (k *SessionKeys) fetch() {
	err := k.Load()
	outcome := KeysFetched
	if err != nil {
		outcome = KeysNotFetched
		k.cfg.Logger.Warn("keeping the old session keys", "err", err)
	}
	k.cfg.Count(outcome)
	k.finish(err == nil)
}

// finish ends the running fetch.
func (k *SessionKeys) finish(ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ok, k.ended = ok, time.Now()
	close(k.running)
	k.running = nil
}
