//go:build !linux

package process

import (
	"errors"
	"syscall"
	"time"
)

var errLinux = errors.New("the benchmark reads the CPU time of other processes from Linux: run it there")

func rssOf(int) (int64, error)              { return 0, errLinux }
func MachineTime() (time.Duration, error)   { return 0, errLinux }
func RaiseFileLimit() (uint64, error)       { return 0, errLinux }
func childAttributes() *syscall.SysProcAttr { return nil }
