//go:build !linux

package kit

import "os/exec"

// dieWithParent does nothing where the kernel does not offer this.
func dieWithParent(*exec.Cmd) {}
