package harness

import (
	"os/exec"
	"syscall"
)

// killWithParent prevents a process from outliving this one: it would poll a port that by then another test uses.
func killWithParent(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
}
