package kv

import "testing"

// TestUsage_Full_AboveHalfOfTheLimit: what this instance has added counts until the stream
// is looked at again, and much of it asks for a look, once.
func TestUsage_Full_AboveHalfOfTheLimit(t *testing.T) {
	looks := 0
	u := Usage{Refresh: func() { looks++ }}
	check := func(when string, full bool) {
		t.Helper()
		if got := u.Full(); got != full {
			t.Errorf("%s: got full %v, want %v", when, got, full)
		}
	}
	u.Grew(1 << 40)
	check("no limit", false)
	u.Observed(0, 3200)
	u.Grew(-5)
	u.Grew(200)
	if looks != 0 {
		t.Errorf("after a sixteenth: got %d looks, want 0", looks)
	}
	u.Grew(1400)
	u.Grew(0)
	check("at half", false)
	u.Grew(1)
	check("above half", true)
	if looks != 1 {
		t.Errorf("after more than a sixteenth: got %d looks, want 1", looks)
	}
	u.Observed(1600, 3200)
	check("at half, as the stream says", false)
	if news := u.SetExhausted(true); !news || u.SetExhausted(true) {
		t.Errorf("first write refused: got news %v, want true, and false for the second", news)
	}
	check("with a write refused", true)
	u.SetExhausted(false)
	check("with a write taken", false)
	u.Observed(1<<50, -1)
	check("no limit granted", false)
}
