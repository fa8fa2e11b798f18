package clock

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestRepeat_Signal_CallsAtOnceAndCountsFromThere: a call that a signal brings forward puts the
// next one off, and closing done ends the calls.
func TestRepeat_Signal_CallsAtOnceAndCountsFromThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		done, now := make(chan struct{}), make(chan struct{}, 1)
		began := time.Now()
		var calls []time.Duration
		go Repeat(done, now, time.Minute, func() time.Duration {
			calls = append(calls, time.Since(began))
			return time.Hour
		})
		time.Sleep(time.Second) // of the bubble's clock
		now <- struct{}{}
		time.Sleep(time.Hour + time.Minute)
		close(done)
		synctest.Wait()
		want := []time.Duration{time.Second, time.Hour + time.Second}
		if len(calls) != len(want) || calls[0] != want[0] || calls[1] != want[1] {
			t.Errorf("got calls at %v, want %v", calls, want)
		}
	})
}
