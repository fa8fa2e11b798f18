package service

import (
	"io/fs"
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// What MemoryLimit found, and named.
const (
	GoMemoryLimit = "GOMEMLIMIT" // the garbage collector keeps it
	cgroupMemory  = "cgroup"
	machineMemory = "machine"
)

// MemoryLimit returns the bytes of memory that this process may use, and where that was
// found: the limit that the garbage collector keeps, that of the control group, or the
// memory of the machine. It returns 0 where none of them can be read.
func MemoryLimit() (bytes int64, from string) {
	if n := debug.SetMemoryLimit(-1); n < math.MaxInt64 {
		return n, GoMemoryLimit
	}
	root := os.DirFS("/")
	if n := cgroupLimit(root); n > 0 {
		return n, cgroupMemory
	}
	if n := machineBytes(root); n > 0 {
		return n, machineMemory
	}
	return 0, ""
}

// limitMemory makes the garbage collector keep nine tenths of the control group's limit,
// unless the environment sets GOMEMLIMIT. Otherwise the collector lets the heap grow until
// the kernel ends the process.
func limitMemory() {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	if n := cgroupLimit(os.DirFS("/")); n > 0 {
		debug.SetMemoryLimit(n / 10 * 9)
	}
}

// cgroupLimit returns the lowest memory limit of this process's control group and those
// around it, or 0 when there is none. It knows versions 1 and 2.
func cgroupLimit(root fs.FS) int64 {
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0
	}
	var lowest int64
	for line := range strings.Lines(string(groups)) { // number:controllers:path
		_, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, group, _ := strings.Cut(rest, ":")
		dir, file := "sys/fs/cgroup", "memory.max"
		if controllers != "" {
			dir, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
			if !hasController(controllers, "memory") {
				continue
			}
		}
		// Within a container the path may be that of the host, and the limit at the top.
		for group = path.Join("/", group); ; group = path.Dir(group) {
			if n := readLimit(root, path.Join(dir, group, file)); n > 0 && (lowest == 0 || n < lowest) {
				lowest = n
			}
			if group == "/" {
				break
			}
		}
	}
	return lowest
}

func hasController(list, name string) bool {
	for c := range strings.SplitSeq(list, ",") {
		if c == name {
			return true
		}
	}
	return false
}

// noLimit is less than what version 1 shows where there is no limit, and more than any
// machine has.
const noLimit = 1 << 60

// readLimit returns the number in a file, or 0 when there is none, or no limit.
func readLimit(root fs.FS, name string) int64 {
	b, err := fs.ReadFile(root, name)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil || n >= noLimit { // "max" is no number
		return 0
	}
	return n
}

// machineBytes returns the memory of the machine, or 0.
func machineBytes(root fs.FS) int64 {
	b, err := fs.ReadFile(root, "proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "MemTotal:" {
			kb, _ := strconv.ParseInt(f[1], 10, 64) // 0: not known
			return kb << 10
		}
	}
	return 0
}
