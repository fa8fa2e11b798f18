package clock

import "time"

// Repeat calls f after the duration after, or at once when now receives, until done is
// closed. f returns the time until its next call.
func Repeat(done, now <-chan struct{}, after time.Duration, f func() time.Duration) {
	next := time.NewTimer(after)
	defer next.Stop()
	for {
		select {
		case <-done:
			return
		case <-next.C:
		case <-now:
		}
		next.Reset(f())
	}
}
