package kit

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// binaries are the programs, built once for all tests of this test binary.
var binaries struct {
	sync.Mutex
	dir string
	err error
}

// Binary builds the programs once and returns the path of the program name:
// gateway, roomsvc or natsnode. Main removes them.
func Binary(name string) (string, error) {
	b := &binaries
	b.Lock()
	defer b.Unlock()
	if b.dir == "" && b.err == nil {
		if b.dir, b.err = os.MkdirTemp("", "p2p-bin-"); b.err == nil {
			out, err := exec.Command("go", "build", "-o", b.dir, "p2pconnector/gateway/cmd/gateway", "p2pconnector/roomsvc/cmd/roomsvc", "p2pconnector/e2e/cmd/natsnode").CombinedOutput()
			if err != nil {
				b.err = fmt.Errorf("building the programs: %w\n%s", err, out)
			}
		}
	}
	return filepath.Join(b.dir, name), b.err
}

func removeBinaries() error {
	b := &binaries
	b.Lock()
	defer b.Unlock()
	if b.dir == "" {
		return nil
	}
	return os.RemoveAll(b.dir)
}
