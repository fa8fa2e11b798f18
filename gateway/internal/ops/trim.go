package ops

import "runtime/debug"

// Conditions for giving memory back.
const (
	burst      = 1000 // connections accepted since memory was last given back, at least
	calm       = 10   // connections accepted in a calm second, at most
	calmNeeded = 5    // calm seconds in a row: until then the first frames wait to be confirmed
)

// Trim gives back the memory that a burst of handshakes used: a gateway whose connections
// are idle allocates nothing, and would otherwise keep the memory for minutes. Owned by one
// goroutine.
type Trim struct {
	done, last uint64
	calm       int // calm seconds in a row
	free       func()
}

// NewTrim returns a Trim that gives memory back to the operating system.
func NewTrim() *Trim { return &Trim{free: debug.FreeOSMemory} }

// Tick gives memory back if a burst is over. Its owner calls it once a second with the number
// of connections accepted so far.
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
