package directory

import (
	"sync"

	"p2pconnector/roomsvc/internal/metrics"
)

// pool runs functions in goroutines of its own, a bounded number at a time; a
// bounded number more wait their turn, first come, first served. Its methods may
// be called by any goroutine; submit never blocks.
type pool struct {
	most int // functions that may run at the same time
	room int // functions that may wait

	mu      sync.Mutex
	waiting []func() // guarded by mu
	running int      // guarded by mu
	closed  bool     // guarded by mu
	wg      sync.WaitGroup
}

// submit queues f to run. full reports that too many functions wait, closed
// that close was called before; in both cases f does not run.
func (p *pool) submit(f func()) (full, closed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return false, true
	case p.running < p.most:
		p.running++
		p.wg.Go(func() { p.work(f) })
	case len(p.waiting) < p.room:
		p.waiting = append(p.waiting, f)
	default:
		return true, false
	}
	return false, false
}

// work runs f and then the waiting functions, until none is left.
func (p *pool) work(f func()) {
	for f != nil {
		f()
		f = p.next()
	}
}

func (p *pool) next() func() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) == 0 {
		p.waiting = nil
		p.running--
		return nil
	}
	f := p.waiting[0]
	p.waiting[0] = nil // lets its memory be freed as soon as it has run
	p.waiting = p.waiting[1:]
	return f
}

// close refuses further functions and returns when all accepted ones have run.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.wg.Wait()
}

// lengths returns how many functions wait and how many run.
func (p *pool) lengths() metrics.Queue {
	p.mu.Lock()
	defer p.mu.Unlock()
	return metrics.Queue{Waiting: len(p.waiting), Busy: p.running}
}
