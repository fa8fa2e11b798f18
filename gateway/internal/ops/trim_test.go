package ops

import "testing"

// TestTrim_BurstIsOver_FreesOnce: memory is given back once, when a burst of connects is over.
func TestTrim_BurstIsOver_FreesOnce(t *testing.T) {
	freed := 0
	m := NewTrim()
	m.free = func() { freed++ }
	accepted := uint64(0)
	tick := func(fresh uint64, want int) {
		t.Helper()
		accepted += fresh
		if m.Tick(accepted); freed != want {
			t.Errorf("got %d times freed with %d accepted, want %d", freed, accepted, want)
		}
	}
	for range 20 {
		tick(calm, 0) // few: never a burst
	}
	for range 10 {
		tick(burst, 0) // it goes on
	}
	for range calmNeeded - 1 {
		tick(calm, 0)
	}
	tick(0, 1)
	for range 20 {
		tick(0, 1) // nothing new since
	}
}
