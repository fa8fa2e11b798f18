package gateway

import "testing"

// TestCensusAtTheEnd: who asks while the gateway ends is not left waiting.
func TestCensusAtTheEnd(t *testing.T) {
	g := &Gateway{bgClosed: true}
	for range 2 {
		if newest := g.census.take(g); newest != nil {
			t.Errorf("answers at the end: %v", newest)
		}
	}
}
