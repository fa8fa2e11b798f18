package gateway

import "runtime/debug"

// When memory is given back.
const (
	burst      = 1000 // connections accepted since it was done last
	calm       = 10   // accepted in a second, at most
	calmNeeded = 5    // such seconds, one after the other: until then first frames wait to be confirmed
)

// trim gives back what a burst of handshakes took: a gateway whose connections
// are idle allocates nothing, and would keep that for minutes. Owned by one
// goroutine.
type trim struct {
	done, last uint64
	calm       int // seconds
	free       func()
}

func newTrim() *trim { return &trim{free: debug.FreeOSMemory} }

// tick is called once a second with the number of connections accepted so far.
func (t *trim) tick(accepted uint64) {
	if t.calm++; accepted-t.last > calm {
		t.calm = 0
	}
	t.last = accepted
	if t.calm >= calmNeeded && accepted-t.done >= burst {
		t.done = accepted
		t.free()
	}
}
