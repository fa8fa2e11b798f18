package clock

import (
	"testing"
	"time"
)

// TestInstant_OfATimeAndBack_IsTheSame: an instant compares with what time.Now returns,
// and zero is long ago.
func TestInstant_OfATimeAndBack_IsTheSame(t *testing.T) {
	now := time.Now()
	i := At(now)
	if got := i.Time().Sub(now); got != 0 {
		t.Errorf("time: got %v later, want the same", got)
	}
	if got := i.Add(time.Second).Sub(i); got != time.Second {
		t.Errorf("add and sub: got %v, want 1s", got)
	}
	if got, want := i.Add(-time.Minute).Wall(), now.Add(-time.Minute); got.Sub(want) != 0 {
		t.Errorf("wall: got %v, want %v", got, want)
	}
	if got := Now().Sub(0); got < 30*24*time.Hour {
		t.Errorf("zero: got %v ago, want months", got)
	}
}
