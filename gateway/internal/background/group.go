// Package background runs the goroutines that work for clients which may be gone, and joins
// them when the gateway ends.
package background

import "sync"

// Group has the goroutines. Make it with New. Safe for concurrent use.
type Group struct {
	ended chan struct{}
	end   sync.Once

	mu     sync.Mutex
	closed bool
	wg     sync.WaitGroup
}

// New returns an empty group.
func New() *Group { return &Group{ended: make(chan struct{})} }

// Ended is closed by End. What a goroutine of the group waits for must not outlast it.
func (g *Group) Ended() <-chan struct{} { return g.ended }

// End closes the channel that Ended returns. Goroutines may still be started after it.
func (g *Group) End() { g.end.Do(func() { close(g.ended) }) }

// Go runs f on a goroutine that Close waits for; refused runs instead after Close.
func (g *Group) Go(f, refused func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		refused()
		return
	}
	g.wg.Go(f)
}

// Close waits for all goroutines, and refuses others.
func (g *Group) Close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.wg.Wait()
}
