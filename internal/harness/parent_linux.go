package harness

import (
	"os/exec"
	"syscall"
)

// killWithParent makes the kernel kill the process when this one ends, because it could otherwise poll a port that another
// test uses later.
func killWithParent(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
}
