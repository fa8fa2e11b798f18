package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// shared are SessionKeys that fetch, with a record of their fetches.
type shared struct {
	*SessionKeys
	closed bool // their gateway ends: nothing is started any more
	wg     sync.WaitGroup

	mu      sync.Mutex
	fetches int
	counts  map[FetchOutcome]int
}

// newShared returns SessionKeys that have a secret already, and fetch by fetch.
func newShared(t *testing.T, fetch func() (*bus.KeySet, error)) *shared {
	t.Helper()
	s := &shared{counts: make(map[FetchOutcome]int)}
	k, err := NewSessionKeys(SessionKeysConfig{
		Fetch: func(*bus.KeySet) (*bus.KeySet, error) {
			s.mu.Lock()
			s.fetches++
			s.mu.Unlock()
			return fetch()
		},
		Go: func(f, refused func()) {
			if s.closed {
				refused()
				return
			}
			s.wg.Go(f)
		},
		Count: func(o FetchOutcome) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.counts[o]++
		},
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	k.ring.set.Store(keysOf(t, "a secret for tests only"))
	s.SessionKeys = k
	return s
}

func keysOf(t testing.TB, secrets string) *bus.KeySet {
	t.Helper()
	set, err := ParseKeys(secrets)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// seen returns how many fetches there were, and the outcomes that were counted.
func (s *shared) seen() (fetches, fetched, failed, spared int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fetches, s.counts[KeysFetched], s.counts[KeysNotFetched], s.counts[KeysSpared]
}

// after returns a fetch that brings set after a second.
func after(set *bus.KeySet) func() (*bus.KeySet, error) {
	return func() (*bus.KeySet, error) {
		time.Sleep(time.Second) // of the bubble's clock
		return set, nil
	}
}

// unknownToken returns a token that names the n-th key that does not exist, as any client
// can write it.
func unknownToken(n int) string { return fmt.Sprintf("s2.KEY%05d.e30.AAAA", n) }

// TestVerify_KeyNewerThanLastPoll_IsFetched: a session moves here although the key of its
// token is younger than this gateway's last poll.
func TestVerify_KeyNewerThanLastPoll_IsFetched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const secrets = "a newer secret for tests,a secret for tests only"
		k := newShared(t, after(keysOf(t, secrets)))
		g := proto.NewGatewayID()
		want := proto.NewPeerID(g)
		token := configured(t, secrets).Sign(SessionToken{Peer: want, TokenRef: bus.TokenRef{Owner: g}}, time.Now())
		for range 2 {
			got, err := k.Verify(token, time.Now())
			if err != nil || got.Peer != want {
				t.Fatalf("got %+v, %v, want the token of %s", got, err, want)
			}
		}
		if n, _, _, _ := k.seen(); n != 1 {
			t.Errorf("fetches: got %d, want 1", n)
		}
		k.wg.Wait()
	})
}

// TestVerify_ManyUnknownKeys_AreOneFetchInFiveSeconds: clients that invent keys cannot
// overload the room service, and none of them waits for long.
func TestVerify_ManyUnknownKeys_AreOneFetchInFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const clients, seconds = 200, 60
		k := newShared(t, after(keysOf(t, "a secret for tests only")))
		began := time.Now()
		var wg sync.WaitGroup
		for i := range clients {
			wg.Go(func() {
				for n := 0; time.Since(began) < seconds*time.Second; n++ {
					asked := time.Now()
					if _, err := k.Verify(unknownToken(i+n), asked); !errors.Is(err, ErrToken) {
						t.Errorf("got %v, want %v", err, ErrToken)
						return
					}
					if took := time.Since(asked); took > fetchPatience {
						t.Errorf("time that a client waits for keys: got %v, want at most %v", took, fetchPatience)
					}
					time.Sleep(100 * time.Millisecond)
				}
			})
		}
		wg.Wait()
		k.wg.Wait()
		// A fetch takes a second, and the next begins five after its end.
		n, fetched, failed, spared := k.seen()
		if n != seconds/6 {
			t.Errorf("fetches for %d clients in %d s: got %d, want %d", clients, seconds, n, seconds/6)
		}
		if fetched != seconds/6 || failed != 0 || spared == 0 {
			t.Errorf("counted: got %d fetched, %d failed, %d spared, want %d, 0 and more than 0", fetched, failed, spared, seconds/6)
		}
	})
}

// TestVerify_RoomServiceDoesNotAnswer_SaysSo: the session may be valid, so the error must
// let the client try again.
func TestVerify_RoomServiceDoesNotAnswer_SaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := make(chan struct{})
		k := newShared(t, func() (*bus.KeySet, error) {
			<-silent
			return nil, errors.New("no answer")
		})
		began := time.Now()
		if _, err := k.Verify(unknownToken(1), began); !errors.Is(err, ErrKeysOld) || time.Since(began) != fetchPatience {
			t.Errorf("got %v after %v, want %v after %v", err, time.Since(began), ErrKeysOld, fetchPatience)
		}
		close(silent) // the fetch has failed
		synctest.Wait()
		if _, err := k.Verify(unknownToken(2), time.Now()); !errors.Is(err, ErrKeysOld) {
			t.Errorf("soon after a fetch that failed: got %v, want %v", err, ErrKeysOld)
		}
		if n, _, failed, spared := k.seen(); n != 1 || failed != 1 || spared != 1 {
			t.Errorf("got %d fetches, %d failed, %d spared, want 1 of each", n, failed, spared)
		}
		k.wg.Wait()
		k.closed = true
		time.Sleep(fetchInterval)
		if _, err := k.Verify(unknownToken(3), time.Now()); !errors.Is(err, ErrKeysOld) {
			t.Errorf("at the gateway's end: got %v, want %v", err, ErrKeysOld)
		}
	})
}

// TestVerify_ConfiguredKeys_AreNotFetched: the room service has no others. Fetch is nil.
func TestVerify_ConfiguredKeys_AreNotFetched(t *testing.T) {
	k := configured(t, "a secret for tests only")
	if _, err := k.Verify(unknownToken(1), time.Now()); !errors.Is(err, ErrToken) {
		t.Errorf("got %v, want %v", err, ErrToken)
	}
	if err := k.Load(); err != nil {
		t.Errorf("Load: got %v, want nil", err)
	}
}

// TestLoad_NoKeys_KeepsTheOldOnes: neither a failed fetch nor an empty set removes the keys
// that sign.
func TestLoad_NoKeys_KeepsTheOldOnes(t *testing.T) {
	for name, fetch := range map[string]func() (*bus.KeySet, error){
		"an error": func() (*bus.KeySet, error) { return nil, errors.New("no answer") },
		"nil":      func() (*bus.KeySet, error) { return nil, nil },
		"no keys":  func() (*bus.KeySet, error) { return new(bus.KeySet), nil },
	} {
		k := newShared(t, fetch)
		if err := k.Load(); err == nil {
			t.Errorf("%s: got nil, want an error", name)
		}
		g := proto.NewGatewayID()
		token := k.Sign(SessionToken{Peer: proto.NewPeerID(g), TokenRef: bus.TokenRef{Owner: g}}, time.Now())
		if _, err := k.Verify(token, time.Now()); err != nil {
			t.Errorf("%s: got %v, want the old keys", name, err)
		}
	}
}

// TestAwait_RoomServiceIsLate_TriesUntilItAnswers: Await repeats a fetch that fails, and gives
// one up that is pending when ctx ends.
func TestAwait_RoomServiceIsLate_TriesUntilItAnswers(t *testing.T) {
	tries := 0
	s := newShared(t, func() (*bus.KeySet, error) {
		if tries++; tries < 3 {
			return nil, errors.New("no answer")
		}
		return keysOf(t, "another secret for tests"), nil
	})
	if err := s.Await(t.Context(), func() { t.Error("got the fetch given up, want it to succeed") }); err != nil || tries != 3 {
		t.Errorf("got error %v after %d fetches, want none after 3", err, tries)
	}
	ctx, stop := context.WithCancel(t.Context())
	givenUp := make(chan struct{})
	s = newShared(t, func() (*bus.KeySet, error) {
		stop()
		<-givenUp
		return nil, errors.New("given up")
	})
	if err := s.Await(ctx, func() { close(givenUp) }); !errors.Is(err, context.Canceled) {
		t.Errorf("when ctx ends: got error %v, want %v", err, context.Canceled)
	}
}

// TestRun_RefreshSoon_FetchesAtOnce: Run fetches every keyPoll, and at once when it is asked to.
func TestRun_RefreshSoon_FetchesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShared(t, after(keysOf(t, "another secret for tests")))
		done := make(chan struct{})
		go s.Run(done)
		for i, pause := range []time.Duration{time.Second, keyPoll + time.Second, keyPoll + time.Second} { // a fetch takes a second
			if i == 0 {
				s.RefreshSoon()
			}
			time.Sleep(pause) // of the bubble's clock
			synctest.Wait()
			if got, _, _, _ := s.seen(); got != i+1 {
				t.Errorf("after pause %d: got %d fetches, want %d", i, got, i+1)
			}
		}
		close(done)
		s.wg.Wait()
	})
}
