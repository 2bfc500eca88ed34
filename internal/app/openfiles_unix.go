//go:build unix

package app

import "syscall"

// openFilesLimit returns the number of files that the process may open, 0 for no
// limit. The Go runtime has raised the soft limit to the hard one.
func openFilesLimit() int {
	var r syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r) != nil || r.Cur > 1<<30 {
		return 0
	}
	return int(r.Cur)
}
