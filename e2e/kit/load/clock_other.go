//go:build !linux

package load

import (
	"errors"
	"time"
)

// CPUOf fails: only Linux shows the CPU clock of another process.
func CPUOf(int) (time.Duration, error) {
	return 0, errors.New("the CPU time of other processes is read from Linux: run it there")
}

// SleepExactly sleeps.
func SleepExactly(d time.Duration) { time.Sleep(d) }
