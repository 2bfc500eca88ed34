package blackbox

import (
	"os/exec"
	"syscall"
)

// tie has a process end with the tests, however they end. One left behind would poll a port that by then is another
// test's.
func tie(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
}
