package client

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/socket/sockettest"
)

// TestMayLookUp_AboveTheRate_IsRefused: a client may make its gateway look up 100 receivers at
// once, and 20 a second from then on.
func TestMayLookUp_AboveTheRate_IsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := testGateway(t, config{})
		c := testConn(g, sockettest.NewNet(false))
		defer c.Socket.Abort()
		lookups := func() (n int) {
			for g.Clock.Store(clock.Now()); c.MayLookUp(); n++ {
			}
			return n
		}
		if got := lookups(); got != 100 {
			t.Errorf("at once: got %d look-ups, want 100", got)
		}
		time.Sleep(time.Second)
		if got := lookups(); got != 20 {
			t.Errorf("a second later: got %d look-ups, want 20", got)
		}
	})
}

// TestAuthenticate_AboveTheRate_IsRateLimited: 20 access tokens of a connection are checked at
// once, and one a second from then on.
func TestAuthenticate_AboveTheRate_IsRateLimited(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte("a key of more than thirty-two bytes, for tests"), 0o600); err != nil {
		t.Fatal(err)
	}
	verifier, err := auth.NewVerifier(t.Context(), auth.VerifierConfig{KeyFile: key})
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		q := newQueueTest(t)
		q.g.conns.cfg.Verifier = func() *auth.Verifier { return verifier }
		checked := func() {
			q.g.Clock.Store(clock.Now())
			q.send(`{"event":"Authenticate","data":{"token":"wrong"},"id":1}`)
		}
		var want []string
		for range 20 {
			checked()
			want = append(want, "Unauthorised 1")
		}
		checked()
		q.wantAnswers(append(want, "Rate_Limited 1")...)
		time.Sleep(time.Second)
		checked()
		checked()
		q.wantAnswers(append(want, "Rate_Limited 1", "Unauthorised 1", "Rate_Limited 1")...)
		q.end()
	})
}
