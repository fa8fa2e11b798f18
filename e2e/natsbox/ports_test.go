package natsbox

import "testing"

// Two processes never draw the same port, and one draws each only once, although nobody
// listens on it: a server that is stopped for a while keeps its port.
func TestPortPool_NobodyListens_DrawsEachPortOnce(t *testing.T) {
	var one, other portPool
	t.Cleanup(func() {
		for _, l := range append(one.firsts, other.firsts...) {
			l.Close()
		}
	})
	drawn := make(map[string]bool)
	for i := range 2 * (blockPorts + 10) {
		p := &one
		if i%2 > 0 {
			p = &other
		}
		addr, err := p.draw()
		if err != nil {
			t.Fatal(err)
		}
		if drawn[addr] {
			t.Errorf("draw %d: got %s again, want a port that was not drawn", i+1, addr)
		}
		drawn[addr] = true
	}
	if len(one.firsts) != 2 || len(other.firsts) != 2 {
		t.Errorf("blocks after %d ports each: got %d and %d, want 2 and 2", blockPorts+10, len(one.firsts), len(other.firsts))
	}
}
