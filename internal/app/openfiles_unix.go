//go:build unix

package app

import "syscall"

// openFilesLimit returns the number of files that the process may open, or 0 if there
// is no limit. The Go runtime has already raised the soft limit to the hard limit.
func openFilesLimit() int {
	var r syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r) != nil || r.Cur > 1<<30 {
		return 0
	}
	return int(r.Cur)
}
