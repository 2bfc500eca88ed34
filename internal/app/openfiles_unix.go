//go:build unix

package app

import "syscall"

// openFilesLimit is how many files the process may have open. Go has raised the
// soft limit to the hard one at its start.
func openFilesLimit() int {
	var r syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r) != nil || r.Cur > 1<<30 {
		return 0
	}
	return int(r.Cur)
}
