package gateway

import "sync"

// background has the goroutines that work for clients that may be gone. The zero value is
// ready. Safe for concurrent use.
type background struct {
	mu     sync.Mutex
	closed bool
	wg     sync.WaitGroup
}

// run runs f on a goroutine that close waits for; refused runs instead after close.
func (b *background) run(f, refused func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		refused()
		return
	}
	b.wg.Go(f)
}

func (b *background) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.wg.Wait()
}
