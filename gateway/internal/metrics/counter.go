package metrics

import "sync/atomic"

// Counter counts up from 0. The zero Counter is ready; its methods may be called
// concurrently.
type Counter struct{ n atomic.Uint64 }

// Inc adds 1.
func (c *Counter) Inc() { c.n.Add(1) }

// Add adds n.
func (c *Counter) Add(n uint64) { c.n.Add(n) }

// Load returns the current count.
func (c *Counter) Load() uint64 { return c.n.Load() }

// CounterSet has a counter for each value of a label. The values are fixed when the set is
// made. All other values share one counter, so that clients cannot add to their number. Its
// methods may be called concurrently.
type CounterSet[K comparable] struct {
	by    map[K]*Counter
	other Counter
}

// of returns the counter of k, or the shared counter of all other values.
func (s *CounterSet[K]) of(k K) *Counter {
	if c := s.by[k]; c != nil {
		return c
	}
	return &s.other
}

// Inc adds 1 to the counter of k.
func (s *CounterSet[K]) Inc(k K) { s.of(k).Inc() }

// Load returns the current count of k.
func (s *CounterSet[K]) Load(k K) uint64 { return s.of(k).Load() }

// init gives each of the values a counter. It is called once, before any other method.
func (s *CounterSet[K]) init(values ...K) {
	s.by = make(map[K]*Counter, len(values))
	for _, k := range values {
		s.by[k] = new(Counter)
	}
}
