package kit

import (
	"context"
	"sync"
	"testing"
	"time"
)

// Run runs a service in this process until the test ends, and returns when it is ready. stop
// ends it sooner, and may be called several times.
func Run(t testing.TB, s Service) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: got %v at the end, want no error", err)
		}
	})
	t.Cleanup(stop)
	select {
	case <-s.Ready():
	case err := <-ended:
		ended <- nil
		t.Fatalf("run: got %v before it was ready, want it to serve", err)
	case <-time.After(Patience):
		t.Fatalf("got no service that is ready within %v, want one", Patience)
	}
	return stop
}
