package kit

import (
	"os/exec"
	"syscall"
)

// dieWithParent makes the kernel kill the process when the test process dies,
// for example at its timeout.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
