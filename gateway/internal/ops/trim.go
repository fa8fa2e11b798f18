package ops

import "runtime/debug"

// When memory is given back.
const (
	burst      = 1000 // connections accepted since it was done last
	calm       = 10   // accepted in a second, at most
	calmNeeded = 5    // such seconds, one after the other: until then first frames wait to be confirmed
)

// Trim gives back what a burst of handshakes took: a gateway whose connections
// are idle allocates nothing, and would keep that for minutes. Owned by one
// goroutine.
type Trim struct {
	done, last uint64
	calm       int // seconds
	free       func()
}

// NewTrim returns a Trim that gives memory back to the operating system.
func NewTrim() *Trim { return &Trim{free: debug.FreeOSMemory} }

// Tick is called once a second with the number of connections accepted so far.
func (t *Trim) Tick(accepted uint64) {
	if t.calm++; accepted-t.last > calm {
		t.calm = 0
	}
	t.last = accepted
	if t.calm >= calmNeeded && accepted-t.done >= burst {
		t.done = accepted
		t.free()
	}
}
