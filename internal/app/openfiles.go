package app

import "os"

// Shares of the files that the process may open.
const (
	maxInbound = 512 // connections of scrapers
	ownFiles   = 88  // listeners, health checks, discovery, configuration files, the log
)

// divideOpenFiles divides the files that the process may open into connections to
// upstreams and connections of scrapers, so that neither can starve the other. A limit
// of 0 means no limit.
func divideOpenFiles(limit int) (upstreams, inbound int) {
	if limit == 0 {
		return 0, maxInbound
	}
	reserve := min(maxInbound+ownFiles, limit/2)
	return limit - reserve, reserve - min(ownFiles, reserve/2)
}

// openFilesNow returns the number of open files and the limit, 0 if unknown.
func openFilesNow() (open, limit int) {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0, 0 // not available on this system
	}
	return len(entries) - 1, openFilesLimit() // excludes the directory being read
}
