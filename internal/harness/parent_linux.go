package harness

import (
	"os/exec"
	"syscall"
)

// killWithParent prevents a process from outliving this one, because it could poll a port that another test uses later.
func killWithParent(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
}
