// Package npm gets packages of npm for tests, and packs ours. Its functions skip a test when
// npm or its registry is missing, and say so.
package npm

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Folder returns a folder for packages of npm outside of the repository, which stays for
// the next run.
func Folder(t *testing.T, name string) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skipf("no folder for packages of npm: %v", err)
	}
	dir := filepath.Join(cache, "p2pconnector-test", name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Skipf("no folder for packages of npm: %v", err)
	}
	return dir
}

// Run runs npm in dir, or skips the test.
func Run(t *testing.T, dir string, args ...string) {
	t.Helper()
	if _, err := exec.LookPath("npm"); err != nil {
		t.Skip("no npm here: install it to run the tests with packages of npm")
	}
	cmd := exec.Command("npm", args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("npm %s: %v: its registry must be reachable to run this test\n%s", strings.Join(args, " "), err, out)
	}
}

// Install returns a folder of Folder with packages of npm.
func Install(t *testing.T, packages ...string) (dir string) {
	t.Helper()
	dir = Folder(t, strings.ReplaceAll(strings.Join(packages, "+"), "/", "_"))
	if _, err := os.Stat(filepath.Join(dir, "installed")); err == nil {
		return dir
	}
	if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	Run(t, dir, append([]string{"install", "--silent", "--no-save", "--no-audit"}, packages...)...)
	if err := os.WriteFile(filepath.Join(dir, "installed"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// InstallOurs installs the package in the folder ours, as `npm pack` makes it, and packages of
// npm in the project in dir, which gets a package.json if it has none.
func InstallOurs(t *testing.T, dir, ours string, packages ...string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(dir, "package.json")); err != nil {
		if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte(`{"type":"module"}`), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"install", "--silent", "--no-audit", "--no-fund", "--prefer-offline", Pack(t, ours)}
	Run(t, dir, append(args, packages...)...)
}

// Pack packs the package in the folder ours and returns the archive's path.
func Pack(t *testing.T, ours string) string {
	t.Helper()
	if _, err := exec.LookPath("npm"); err != nil {
		t.Skip("no npm here: install it to run the tests of our package")
	}
	dir := t.TempDir()
	cmd := exec.Command("npm", "pack", "--silent", "--pack-destination", dir)
	cmd.Dir = ours
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm pack: got %v, want an archive\n%s", err, out)
	}
	archives, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(archives) != 1 {
		t.Fatalf("npm pack: got archives %q, %v, want one", archives, err)
	}
	return archives[0]
}
