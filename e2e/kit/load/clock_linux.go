package load

import (
	"fmt"
	"syscall"
	"time"
	"unsafe"
)

// CPUOf returns the processor time that a process has used so far, in user and
// system mode, over all its threads. It reads the process's CPU clock, the sum
// that /proc/<pid>/stat shows in steps of 10 ms, in nanoseconds.
func CPUOf(pid int) (time.Duration, error) {
	const schedClock = 2 // CPUCLOCK_SCHED: the clock of a whole process is ^pid<<3 | 2
	clock := int32(^pid)<<3 | schedClock
	var ts syscall.Timespec
	if _, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, uintptr(clock), uintptr(unsafe.Pointer(&ts)), 0); errno != 0 {
		return 0, fmt.Errorf("CPU clock of process %d: %w", pid, errno)
	}
	return time.Duration(ts.Nano()), nil
}

// SleepExactly blocks the calling thread. The runtime's own timers may be a
// millisecond late when nothing else happens.
func SleepExactly(d time.Duration) {
	ts := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&ts, nil) // when a signal wakes it early, the caller checks the clock anyway
}
