package kit

import (
	"fmt"
	"os/exec"
)

// DieWithParent makes the kernel kill cmd, which is yet to be started, when this
// process dies. It does nothing where the kernel offers no such thing.
func DieWithParent(cmd *exec.Cmd) { dieWithParent(cmd) }

// Build builds the main package pkg with the given build tags, separated by
// commas ("" for none), as the file out.
func Build(out, pkg, tags string) error {
	text, err := exec.Command("go", "build", "-tags", tags, "-o", out, pkg).CombinedOutput()
	if err != nil {
		return fmt.Errorf("building %s: %w\n%s", pkg, err, text)
	}
	return nil
}
