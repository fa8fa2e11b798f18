package kit

import (
	"fmt"
	"os/exec"
)

// DieWithParent makes the kernel kill cmd when this process dies. It must be
// called before cmd starts, and does nothing where the kernel does not offer
// this.
func DieWithParent(cmd *exec.Cmd) { dieWithParent(cmd) }

// Build builds the main package pkg as the file out.
func Build(out, pkg string) error { return compile(pkg, "build", "-o", out, pkg) }

// BuildTest builds the tests of pkg as the program out.
func BuildTest(out, pkg string) error { return compile(pkg, "test", "-c", "-o", out, pkg) }

func compile(pkg string, args ...string) error {
	if text, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", pkg, err, text)
	}
	return nil
}
