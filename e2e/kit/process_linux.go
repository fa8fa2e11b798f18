package kit

import (
	"os/exec"
	"syscall"
)

// dieWithParent makes the kernel kill the process when this one dies, a test
// that runs into its timeout for example.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
