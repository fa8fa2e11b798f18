package service

import (
	"io/fs"
	"testing"
	"testing/fstest"
)

// TestCgroupLimit_EachVersion_TheLowestCounts: groups lie within each other, and a container
// may not see the path of its own.
func TestCgroupLimit_EachVersion_TheLowestCounts(t *testing.T) {
	for name, tc := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"version 2, of the container": {map[string]string{
			"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "536870912\n"}, 512 << 20},
		"version 2, of a group around it": {map[string]string{
			"proc/self/cgroup": "0::/a.slice/b.scope\n", "sys/fs/cgroup/a.slice/memory.max": "1000\n", "sys/fs/cgroup/a.slice/b.scope/memory.max": "2000\n"}, 1000},
		"version 2, none": {map[string]string{
			"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "max\n"}, 0},
		"version 1": {map[string]string{
			"proc/self/cgroup": "5:cpu,cpuacct:/\n4:memory:/x\n0::/\n", "sys/fs/cgroup/memory/x/memory.limit_in_bytes": "3000\n"}, 3000},
		"version 1, path of the host": {map[string]string{
			"proc/self/cgroup": "4:memory:/docker/12ab\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "3000\n"}, 3000},
		"version 1, none": {map[string]string{
			"proc/self/cgroup": "4:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 0},
		"path that climbs": {map[string]string{
			"proc/self/cgroup": "0::/../../x\n", "sys/fs/cgroup/memory.max": "3000\n"}, 3000},
		"not what it should be": {map[string]string{"proc/self/cgroup": "memory\n\n::"}, 0},
		"another system":        {nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := cgroupLimit(system(tc.files)); got != tc.want {
				t.Errorf("got %d, want %d", got, tc.want)
			}
		})
	}
}

// TestMachineBytes_Meminfo_IsRead and a system without it has no size.
func TestMachineBytes_Meminfo_IsRead(t *testing.T) {
	if got, want := machineBytes(system(map[string]string{"proc/meminfo": "MemTotal:       24683656 kB\nMemFree: 1 kB\n"})), int64(24683656<<10); got != want {
		t.Errorf("got %d bytes, want %d", got, want)
	}
	if got := machineBytes(system(nil)); got != 0 {
		t.Errorf("without the file: got %d bytes, want 0", got)
	}
}

// system returns a file system with some files.
func system(files map[string]string) fs.FS {
	all := make(fstest.MapFS)
	for name, text := range files {
		all[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return all
}
