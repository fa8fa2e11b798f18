package gateway

import (
	"fmt"
	"testing"
)

// TestWords: what was said since a time is remembered in its order, to all or to one,
// as far as there is room.
func TestWords(t *testing.T) {
	var w words
	if got := w.since(0, ""); len(got) != 0 {
		t.Errorf("%d words before any was said", len(got))
	}
	const said = maxWords + 10
	for i := range said {
		to := gwA
		if i%2 == 1 {
			to = gwB
		}
		w.note(word{to, fmt.Sprint(i), nil, int64(i)})
	}
	if got := w.since(0, ""); len(got) != maxWords || got[0].subject != "10" || got[maxWords-1].subject != fmt.Sprint(said-1) {
		t.Errorf("%d words from %s to %s", len(got), got[0].subject, got[len(got)-1].subject)
	}
	if got := w.since(said-4, gwB); len(got) != 2 || got[0].at != said-3 || got[1].at != said-1 {
		t.Errorf("to one gateway: %v", got)
	}
}
