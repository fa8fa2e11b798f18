package kit

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// MainAlone is Main for tests that change the machine's network interfaces, or that cannot go
// on when these change: Chromium gives up what it is loading (ERR_NETWORK_CHANGED), and
// containers come with interfaces. Of the packages with such tests one runs at a time.
func MainAlone(m *testing.M) {
	if err := lockNetwork(); err != nil {
		os.Stderr.WriteString("kit: " + err.Error() + "\n")
		os.Exit(1)
	}
	Main(m)
}

// lockNetwork waits for this user's lock, and holds it until the process ends.
func lockNetwork() error {
	name := filepath.Join(os.TempDir(), fmt.Sprintf("p2p-test-network-%d.lock", os.Getuid()))
	fd, err := syscall.Open(name, syscall.O_CREAT|syscall.O_RDWR|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return fmt.Errorf("open %s: %w", name, err)
	}
	for {
		if err = syscall.Flock(fd, syscall.LOCK_EX); err == nil {
			return nil
		}
		if err != syscall.EINTR {
			return fmt.Errorf("lock %s: %w", name, err)
		}
	}
}
